//! Texts and octets in every coding: reading is total, what can be written reads the same, packing
//! and cutting lose nothing and part nothing that belongs together.
//!
//! Input: `data_coding`, octets; where these are UTF-8 they are also a text.

use domain::segmentation::{self, Alphabet};
use smpp::coding::{Coding, gsm, packed};

pub fn check(input: &[u8]) {
    let Some((&data_coding, octets)) = input.split_first() else { return };
    let coding = Coding::from_data_coding(data_coding);
    if let Ok(text) = std::str::from_utf8(octets) {
        written(coding, text);
    }
    read(coding, octets);
    pack(octets, data_coding % 7);
    cut(data_coding, octets);
}

fn written(coding: Coding, text: &str) {
    match coding.encode(text) {
        Ok(octets) => assert!(coding.decode(&octets) == text, "{coding:?}: it reads the same"),
        Err(error) => {
            assert_eq!(text.chars().nth(error.index), Some(error.character));
            let before: String = text.chars().take(error.index).collect();
            assert!(coding.encode(&before).is_ok(), "{coding:?}: the first one is named");
        }
    }
}

fn read(coding: Coding, octets: &[u8]) {
    let text = coding.decode(octets);
    assert!(text.chars().count() <= octets.len());
    // What was replaced is lost; everything else can be written again.
    if coding != Coding::Binary && !text.contains(char::REPLACEMENT_CHARACTER) {
        let again = coding.encode(&text).expect("its own characters");
        assert!(coding.decode(&again) == text, "{coding:?}: it reads the same");
        assert!(coding == Coding::Gsm || again == octets, "{coding:?}: one form only");
    }
}

fn pack(octets: &[u8], fill: u8) {
    let septets: Vec<u8> = octets.iter().map(|octet| octet & 0x7f).collect();
    let packed = packed::pack(&septets, fill);
    assert!(packed::capacity(packed.len(), fill) >= septets.len());
    assert_eq!(packed::unpack(&packed, fill, septets.len()), septets);
    assert_eq!(gsm::decode(&septets), gsm::decode(&packed::unpack(&packed, fill, septets.len())));
    let unpacked = packed::unpack(octets, fill, usize::MAX);
    assert_eq!(unpacked.len(), packed::capacity(octets.len(), fill));
    let again = packed::pack(&unpacked, fill);
    assert!(again.len() <= octets.len());
    assert_eq!(packed::unpack(&again, fill, unpacked.len()), unpacked);
}

/// The parts of a long message, and the alphabet that they are counted in.
fn cut(data_coding: u8, octets: &[u8]) {
    let alphabet = Alphabet::of(data_coding);
    let coding = Coding::from_data_coding(data_coding);
    let expected = match coding {
        Coding::Gsm => Alphabet::Gsm,
        Coding::Ascii => Alphabet::Ascii,
        Coding::Ucs2 => Alphabet::Ucs2,
        Coding::Latin1 | Coding::Binary => Alphabet::Octets,
    };
    assert_eq!(alphabet, expected, "{data_coding:#04x} is one alphabet everywhere");
    let udh = &octets[..octets.len().min(usize::from(data_coding % 16))];
    let Ok(parts) = segmentation::cut(alphabet, octets, udh) else { return };
    assert_eq!(parts.concat(), octets, "nothing is lost");
    let header = [udh, &[0, 3, 1, 1, 1]].concat();
    assert!(parts.iter().all(|part| segmentation::fits_one(alphabet, part, &header)));
    let text: String = parts.iter().map(|part| coding.decode(part)).collect();
    assert!(text == coding.decode(octets), "{data_coding:#04x}: nothing is parted");
}
