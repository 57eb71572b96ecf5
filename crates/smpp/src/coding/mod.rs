//! Text codings, both ways. Decoding is total (what cannot be read is U+FFFD); encoding says which
//! character has no place.

pub mod gsm;
pub mod packed;

/// How the octets of a message stand for characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// GSM 03.38 default alphabet with extension table, one octet per septet.
    Gsm,
    /// IA5, which is ASCII.
    Ascii,
    /// ISO 8859-1.
    Latin1,
    /// UTF-16, big endian, of which UCS-2 is the part without surrogates.
    Ucs2,
    /// Eight-bit data without characters, and the alphabets that are not read here (JIS, Cyrillic,
    /// Hebrew, …).
    Binary,
}

/// A character that the coding does not have. It is a customer's text and so not shown.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the character at index {index} is not in the alphabet")]
pub struct Unencodable {
    /// Characters before it.
    pub index: usize,
    pub character: char,
}

impl std::fmt::Debug for Unencodable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Unencodable").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Coding {
    /// The coding that a `data_coding` names (SMPP 3.4 §5.2.19, GSM 03.38 §4). 0, the SMSC's
    /// default alphabet, is GSM here.
    pub const fn from_data_coding(octet: u8) -> Self {
        match octet {
            0x00 => Self::Gsm,
            0x01 => Self::Ascii,
            0x03 => Self::Latin1,
            0x08 => Self::Ucs2,
            // GSM general data coding with a message class; reserved in SMPP, and used all the same.
            // From 0x20 on the text is compressed (TS 23.042), which is not read here.
            0x10..=0x1f => match octet & 0x0c {
                0x00 => Self::Gsm,
                0x08 => Self::Ucs2,
                _ => Self::Binary,
            },
            // Message waiting: discard, store; and store in UCS-2.
            0xc0..=0xdf => Self::Gsm,
            0xe0..=0xef => Self::Ucs2,
            // Message class: bit 2 says eight-bit data.
            0xf0..=0xff if octet & 0x04 == 0 => Self::Gsm,
            _ => Self::Binary,
        }
    }

    /// The plain `data_coding` of this coding.
    pub const fn data_coding(self) -> u8 {
        match self {
            Self::Gsm => 0x00,
            Self::Ascii => 0x01,
            Self::Latin1 => 0x03,
            Self::Binary => 0x04,
            Self::Ucs2 => 0x08,
        }
    }

    /// The text of these octets. Each octet of binary data is U+FFFD.
    pub fn decode(self, octets: &[u8]) -> String {
        match self {
            Self::Gsm => gsm::decode(octets),
            Self::Ascii => octets.iter().map(|octet| ascii(*octet)).collect(),
            Self::Latin1 => octets.iter().map(|octet| char::from(*octet)).collect(),
            Self::Ucs2 => utf16(octets),
            Self::Binary => octets.iter().map(|_| char::REPLACEMENT_CHARACTER).collect(),
        }
    }

    /// The octets of this text. Errors: the first character that the coding does not have; for
    /// binary that is any.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Unencodable> {
        match self {
            Self::Gsm => gsm::encode(text),
            Self::Ascii => one_octet_each(text, 0x7f),
            Self::Latin1 => one_octet_each(text, 0xff),
            Self::Ucs2 => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Self::Binary => match text.chars().next() {
                Some(character) => Err(Unencodable { index: 0, character }),
                None => Ok(Vec::new()),
            },
        }
    }
}

const fn ascii(octet: u8) -> char {
    if octet.is_ascii() { octet as char } else { char::REPLACEMENT_CHARACTER }
}

fn utf16(octets: &[u8]) -> String {
    let (pairs, odd) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
    let characters =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    characters.chain(odd.iter().map(|_| char::REPLACEMENT_CHARACTER)).collect()
}

fn one_octet_each(text: &str, largest: u8) -> Result<Vec<u8>, Unencodable> {
    let octet = |(index, character)| match u8::try_from(u32::from(character)) {
        Ok(octet) if octet <= largest => Ok(octet),
        _ => Err(Unencodable { index, character }),
    };
    text.chars().enumerate().map(octet).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Coding; 5] =
        [Coding::Gsm, Coding::Ascii, Coding::Latin1, Coding::Ucs2, Coding::Binary];

    #[test]
    fn data_codings_name_their_alphabets() {
        use Coding::{Ascii, Binary, Gsm, Latin1, Ucs2};
        let cases = [
            (0x00, Gsm),
            (0x01, Ascii),
            (0x02, Binary),
            (0x03, Latin1),
            (0x04, Binary),
            (0x05, Binary),
            (0x06, Binary),
            (0x08, Ucs2),
            (0x0e, Binary),
            (0x10, Gsm),
            (0x15, Binary),
            (0x18, Ucs2),
            (0x20, Binary),
            (0x38, Binary),
            (0x80, Binary),
            (0xc0, Gsm),
            (0xd8, Gsm),
            (0xe0, Ucs2),
            (0xf0, Gsm),
            (0xf1, Gsm),
            (0xf4, Binary),
            (0xf5, Binary),
        ];
        for (octet, coding) in cases {
            assert_eq!(Coding::from_data_coding(octet), coding, "{octet:#x}");
        }
        for coding in ALL {
            assert_eq!(Coding::from_data_coding(coding.data_coding()), coding);
        }
    }

    #[test]
    fn the_character_that_has_no_place_is_named_and_not_shown() {
        let error = Coding::Latin1.encode("aä€b").unwrap_err();
        assert_eq!(error, Unencodable { index: 2, character: '€' });
        assert_eq!(Coding::Ascii.encode("aä").unwrap_err().index, 1);
        assert_eq!(Coding::Gsm.encode("да").unwrap_err().index, 0);
        assert!(Coding::Binary.encode("a").is_err());
        assert!(!format!("{error:?} {error}").contains('€'));
    }

    #[test]
    fn surrogates_stay_together_and_broken_ones_are_replaced() {
        assert_eq!(Coding::Ucs2.encode("😀").unwrap(), [0xd8, 0x3d, 0xde, 0x00]);
        assert_eq!(Coding::Ucs2.decode(&[0xd8, 0x3d, 0xde, 0x00, 0, b'a']), "😀a");
        assert_eq!(Coding::Ucs2.decode(&[0xd8, 0x3d, 0, b'a', 0]), "\u{fffd}a\u{fffd}");
    }

    proptest! {
        #[test]
        fn what_can_be_encoded_comes_back(text in ".*") {
            for coding in ALL {
                if let Ok(octets) = coding.encode(&text) {
                    prop_assert_eq!(coding.decode(&octets), text.clone());
                }
            }
        }

        #[test]
        fn any_octets_can_be_decoded(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            for coding in ALL {
                let characters = coding.decode(&octets).chars().count();
                prop_assert!(characters <= octets.len());
            }
        }
    }
}
