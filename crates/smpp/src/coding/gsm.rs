//! GSM 03.38 default alphabet and its extension table (3GPP TS 23.038 §6.2.1), unpacked: one octet
//! per septet.

use super::Unencodable;

/// The septet before one of the extension table.
pub const ESCAPE: u8 = 0x1b;

/// The septets of a character: one, or escape and one. `None`: not in the alphabet.
pub fn septets(character: char) -> Option<(Option<u8>, u8)> {
    match septet(character) {
        NONE => None,
        septet if septet & EXTENDED != 0 => Some((Some(ESCAPE), septet & !EXTENDED)),
        septet => Some((None, septet)),
    }
}

/// Errors: the first character that is not in the alphabet.
pub fn encode(text: &str) -> Result<Vec<u8>, Unencodable> {
    let mut octets = Vec::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        let (escape, septet) = septets(character).ok_or(Unencodable { index, character })?;
        octets.extend(escape);
        octets.push(septet);
    }
    Ok(octets)
}

/// An escape before a septet that the extension table does not have counts for nothing, before
/// another escape it is a space (TS 23.038 §6.2.1.1); at the end, and octets above 0x7F: U+FFFD.
pub fn decode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    let mut octets = octets.iter().copied();
    while let Some(octet) = octets.next() {
        text.push(match octet {
            ESCAPE => octets.next().map_or(char::REPLACEMENT_CHARACTER, extended),
            octet => basic(octet),
        });
    }
    text
}

fn basic(octet: u8) -> char {
    BASIC.get(usize::from(octet)).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn extended(octet: u8) -> char {
    match EXTENSION.iter().find(|(septet, _)| *septet == octet) {
        Some((_, character)) => *character,
        None if octet == ESCAPE => ' ',
        None => basic(octet),
    }
}

/// Marks a septet of the extension table in [`LATIN1`].
const EXTENDED: u8 = 0x80;
const NONE: u8 = 0xff;

fn septet(character: char) -> u8 {
    match u8::try_from(u32::from(character)) {
        Ok(octet) => LATIN1[usize::from(octet)],
        Err(_) if character == '€' => 0x65 | EXTENDED,
        // The ten Greek capitals stand at 0x10 to 0x1A.
        Err(_) => BASIC[0x10..ESCAPE as usize]
            .iter()
            .position(|known| *known == character)
            .map_or(NONE, |place| 0x10 + place as u8),
    }
}

/// Septets of the characters U+0000 to U+00FF.
const LATIN1: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut septet = 0;
    while septet < 128 {
        let character = BASIC[septet] as usize;
        if character < 256 && septet != ESCAPE as usize {
            table[character] = septet as u8;
        }
        septet += 1;
    }
    let mut index = 0;
    while index < EXTENSION.len() {
        let (septet, character) = EXTENSION[index];
        if (character as usize) < 256 {
            table[character as usize] = septet | EXTENDED;
        }
        index += 1;
    }
    table
};

const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

#[rustfmt::skip]
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É',
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_septet_of_both_tables_goes_both_ways() {
        for (septet, character) in (0u8..).zip(BASIC).filter(|(septet, _)| *septet != ESCAPE) {
            assert_eq!(encode(&character.to_string()).unwrap(), [septet], "{septet:#x}");
            assert_eq!(decode(&[septet]), character.to_string());
        }
        for (septet, character) in EXTENSION {
            assert_eq!(encode(&character.to_string()).unwrap(), [ESCAPE, septet], "{septet:#x}");
            assert_eq!(decode(&[ESCAPE, septet]), character.to_string());
        }
    }

    #[test]
    fn the_whole_of_unicode_has_137_characters_in_the_alphabet() {
        let known = (char::MIN..=char::MAX).filter(|character| septets(*character).is_some());
        assert_eq!(known.count(), 127 + 10);
    }

    #[test]
    fn odd_escapes_and_high_octets_are_read_as_the_standard_says() {
        let cases: [(&[u8], &str); 4] = [
            (&[b'a', ESCAPE], "a\u{fffd}"),
            (&[ESCAPE, b'a'], "a"),
            (&[ESCAPE, ESCAPE, b'a'], " a"),
            (&[0x80, 0xff], "\u{fffd}\u{fffd}"),
        ];
        for (octets, text) in cases {
            assert_eq!(decode(octets), text);
        }
    }
}
