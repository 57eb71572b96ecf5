//! What a word of a handset's message is, and when two are the same: one rule for the
//! configuration's keywords and for what people type. Total on any text.
//!
//! Two words are the same if their folded forms are: compatibility forms undone (NFKD, Unicode
//! Standard Annex 15), accents and what nobody sees left out, case folded, the Latin letters that
//! NFKD leaves alone (`ø`, `ß`) in plain ones, and everything at either end cut that is neither
//! letter nor digit. `ä` is `a`, not `ae`.

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;

const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const COMBINING: CanonicalCombiningClassMapBorrowed<'static> =
    CanonicalCombiningClassMapBorrowed::new();

/// The form in which `word` is compared; empty if it has neither letter nor digit.
#[must_use]
pub fn folded(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    NFKD.normalize_iter(word.chars())
        .filter(|c| !is_invisible(*c) && !is_accent(*c))
        // Upper case first: it joins what has several lower-case forms (`σ` and `ς`, `i` and `ı`).
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .for_each(|c| push_plain(&mut folded, c));
    let around = |c: char| !c.is_alphanumeric() && COMBINING.get_u8(c) == 0;
    let folded = folded.trim_matches(around);
    if folded.contains(char::is_alphanumeric) { folded.to_owned() } else { String::new() }
}

/// The first word of a text, folded, and what follows it; none if no word has a letter or digit.
/// What has none (a dash, a smile) is passed over.
#[must_use]
pub fn first_word(text: &str) -> Option<(String, &str)> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, behind) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let word = folded(word);
        rest = behind.trim_start();
        if !word.is_empty() {
            return Some((word, rest));
        }
    }
    None
}

/// Marks above, below and around a letter, and the vowel points of Hebrew and Arabic, by their
/// canonical combining class (Unicode Standard Annex 44, table 15). Other classes (nukta, virama,
/// kana's voicing, vowel signs of South East Asia) make another letter, and stay.
fn is_accent(c: char) -> bool {
    matches!(COMBINING.get_u8(c), 10..=36 | 200..)
}

/// Soft hyphen, zero-width characters, marks of direction, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// Lower-case Latin letters that are letters of their own to Unicode, as people without them type.
fn push_plain(text: &mut String, c: char) {
    match c {
        'ß' => text.push_str("ss"),
        'æ' => text.push_str("ae"),
        'œ' => text.push_str("oe"),
        'þ' => text.push_str("th"),
        'ø' => text.push('o'),
        'đ' | 'ð' => text.push('d'),
        'ħ' => text.push('h'),
        'ł' => text.push('l'),
        'ŧ' => text.push('t'),
        other => text.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_people_take_for_the_same_are() {
        let table = [
            ("STOP", "stop"),
            ("Stop.", "stop"),
            ("\u{201c}STOP!\u{201d}", "stop"),
            ("(stop)", "stop"),
            ("ＳＴＯＰ", "stop"),
            ("ST\u{200b}OP", "stop"),
            ("\u{200f}STOP\u{200e}", "stop"),
            ("Café", "cafe"),
            ("CAFE\u{301}", "cafe"),
            ("ARRÊT", "arret"),
            ("Straße", "strasse"),
            ("STRAẞE", "strasse"),
            ("İPTAL", "iptal"),
            ("ıptal", "iptal"),
            ("KØB", "kob"),
            ("Łódź", "lodz"),
            ("ΤΈΛΟΣ", "τελοσ"),
            ("τέλος", "τελοσ"),
            ("СТОП", "стоп"),
            ("ещё", "еще"),
            ("أوقف", "اوقف"),
            ("שָׁלוֹם", "שלום"),
            ("ﬁn", "fin"),
            ("T-Shirt", "t-shirt"),
            ("2FOR1", "2for1"),
            ("#win", "win"),
        ];
        for (word, expected) in table {
            assert_eq!(folded(word), expected, "{word}");
        }
    }

    #[test]
    fn letters_that_differ_stay_different() {
        for (one, other) in [("が", "か"), ("क़", "क"), ("กุ", "ก"), ("stop", "stops"), ("ä", "ae")]
        {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }

    #[test]
    fn what_has_no_letter_or_digit_is_no_word() {
        for word in ["", "-", "…", "\u{1f44d}", "\u{301}", "\u{3099}", "\u{200b}", " \t"] {
            assert_eq!(folded(word), "", "{word:?}");
        }
    }

    #[test]
    fn the_first_word_ends_at_white_space_and_the_rest_is_left_as_written() {
        let table = [
            ("GAME  Mary Ann", Some(("game", "Mary Ann"))),
            ("\n \u{a0}game\u{a0}x ", Some(("game", "x "))),
            ("- \u{1f44d} Game: 7", Some(("game", "7"))),
            ("game", Some(("game", ""))),
            ("game,x", Some(("game,x", ""))),
            ("", None),
            ("… !", None),
        ];
        for (text, expected) in table {
            let found = first_word(text);
            let found = found.as_ref().map(|(word, rest)| (word.as_str(), *rest));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn folding_what_is_folded_changes_nothing(word in "\\PC{0,12}") {
            let once = folded(&word);
            proptest::prop_assert_eq!(folded(&once), once);
        }
    }
}
