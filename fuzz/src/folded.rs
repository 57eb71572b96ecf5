//! Any text as a word and as a handset's message: comparing is total, what was folded stays so, marks
//! around a word do not count, and the first word is one of the text's own.
//!
//! Input: the text.

use domain::config::{first_word, folded};

pub fn check(text: &str) {
    let once = folded(text);
    assert_eq!(folded(&once), once, "folding what is folded changes nothing");
    assert!(once.is_empty() || once.contains(char::is_alphanumeric));
    assert_eq!(folded(&format!("\u{201c}({text})!")), once, "marks around it do not count");

    let mut words = text.split_whitespace().map(folded).filter(|word| !word.is_empty());
    match first_word(text) {
        Some((word, rest)) => {
            assert_eq!(Some(&word), words.next().as_ref());
            assert!(text.ends_with(rest), "what follows is left as written");
            assert!(!rest.starts_with(char::is_whitespace));
            let behind = first_word(rest).map(|(second, _)| second);
            assert_eq!(behind, words.next());
        }
        None => assert_eq!(words.next(), None),
    }
}
