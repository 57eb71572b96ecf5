//! Segmentation: limits, pairs that stay whole, and that joining gives the text back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::id::MessageId;
use domain::message::{Envelope, Message, Part, ReferenceKind};
use domain::octets::Octets;
use domain::segmentation::{Alphabet, TooLong, cut, fits_one, reference, split};
use proptest::prelude::*;

fn lengths(alphabet: Alphabet, octets: &[u8]) -> Vec<usize> {
    if fits_one(alphabet, octets, &[]) {
        return vec![octets.len()];
    }
    cut(alphabet, octets, &[]).unwrap().into_iter().map(<[u8]>::len).collect()
}

fn message(coding: u8, octets: Vec<u8>) -> Message {
    let id = MessageId::new(1, [1; 10]);
    let part = Part {
        id: id.into(),
        aliases: vec![MessageId::new(2, [2; 10]).into()],
        octets: Octets(octets),
        udh: Octets::default(),
        receipt: 1,
    };
    Message {
        id,
        envelope: Envelope {
            customer: "acme".into(),
            source: Default::default(),
            destination: Default::default(),
            service: String::new(),
            pid: 0,
            esm: 0,
            coding,
            priority: Default::default(),
            accepted_ms: 1,
            valid_until_ms: 2,
            schedule_ms: None,
            config: 1,
        },
        split: None,
        parts: vec![part],
        attempt: 0,
        attempt_ms: 1,
        tried: Vec::new(),
    }
}

#[test]
fn one_message_holds_160_septets_140_octets_or_70_units() {
    let table = [
        (Alphabet::Gsm, 160, vec![160], 161, vec![153, 8]),
        (Alphabet::Ascii, 160, vec![160], 161, vec![153, 8]),
        (Alphabet::Octets, 140, vec![140], 141, vec![134, 7]),
        (Alphabet::Ucs2, 140, vec![140], 142, vec![134, 8]),
    ];
    for (alphabet, one, one_lengths, two, two_lengths) in table {
        assert_eq!(lengths(alphabet, &vec![b'a'; one]), one_lengths, "{alphabet:?}");
        assert_eq!(lengths(alphabet, &vec![b'a'; two]), two_lengths, "{alphabet:?}");
    }
    assert_eq!(lengths(Alphabet::Gsm, &[b'a'; 3 * 153]), [153, 153, 153]);
}

#[test]
fn an_escape_pair_is_never_cut() {
    let mut octets = vec![b'a'; 152];
    octets.extend([0x1b, 0x65]);
    octets.extend([b'b'; 10]);
    assert_eq!(lengths(Alphabet::Gsm, &octets), [152, 12]);
}

#[test]
fn a_surrogate_pair_is_never_cut() {
    let mut octets = [0, b'a'].repeat(66);
    octets.extend([0xd8, 0x3d, 0xde, 0x00]);
    octets.extend([0, b'b'].repeat(10));
    assert_eq!(lengths(Alphabet::Ucs2, &octets), [132, 24]);
}

#[test]
fn ascii_that_becomes_a_pair_at_the_provider_counts_twice() {
    assert_eq!(lengths(Alphabet::Ascii, &[b'{'; 80]), [80]);
    assert_eq!(lengths(Alphabet::Ascii, &[b'{'; 81]), [76, 5]);
}

#[test]
fn another_header_element_takes_its_room() {
    let ports = [0x05, 0x04, 0x0b, 0x84, 0x23, 0xf0];
    assert!(fits_one(Alphabet::Octets, &[0; 133], &ports));
    assert!(!fits_one(Alphabet::Octets, &[0; 134], &ports));
    let parts = cut(Alphabet::Octets, &[0; 200], &ports).unwrap();
    assert_eq!(parts.iter().map(|p| p.len()).collect::<Vec<_>>(), [128, 72]);
    // 140 - 1 - 5 - 6 = 128 octets hold 146 septets.
    let parts = cut(Alphabet::Gsm, &[b'a'; 200], &ports).unwrap();
    assert_eq!(parts[0].len(), 146);
}

#[test]
fn more_than_255_parts_are_refused() {
    assert_eq!(cut(Alphabet::Octets, &[0; 255 * 134], &[]).unwrap().len(), 255);
    assert_eq!(cut(Alphabet::Octets, &[0; 255 * 134 + 1], &[]), Err(TooLong));
    assert_eq!(cut(Alphabet::Octets, &[0; 10], &[0; 139]), Err(TooLong));
}

#[test]
fn a_split_message_keeps_its_id_and_receipt_on_the_first_part() {
    let mut whole = message(0, vec![b'a'; 400]);
    split(&mut whole, ReferenceKind::Udh8).unwrap();
    assert_eq!(whole.split, Some(ReferenceKind::Udh8));
    assert_eq!(whole.parts.len(), 3);
    assert_eq!(whole.parts[0].id, whole.id.into());
    assert_eq!(whole.parts.iter().map(|p| p.receipt).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(whole.parts.iter().map(|p| p.aliases.len()).collect::<Vec<_>>(), [1, 0, 0]);
    let mut again = message(0, vec![b'a'; 400]);
    split(&mut again, ReferenceKind::Udh8).unwrap();
    assert_eq!(whole, again, "a second run derives the same ids");
    let mut ids: Vec<_> = whole.parts.iter().map(|p| p.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn what_fits_or_came_in_parts_stays_as_it_is() {
    let mut short = message(0, vec![b'a'; 160]);
    split(&mut short, ReferenceKind::Udh8).unwrap();
    assert_eq!(short, message(0, vec![b'a'; 160]));
    let mut one_of_one = message(0, vec![b'a'; 300]);
    one_of_one.split = Some(ReferenceKind::Sar);
    let before = one_of_one.clone();
    split(&mut one_of_one, ReferenceKind::Udh8).unwrap();
    assert_eq!(one_of_one, before);
}

#[test]
fn references_repeat_for_a_message_and_spread_over_messages() {
    let id = |n: u8| MessageId::new(1_760_000_000_000, [n, 1, 2, 3, 4, 5, 6, 7, 8, n]);
    assert_eq!(reference(id(1)), reference(id(1)));
    let mut low: Vec<u8> = (0..=255).map(|n| reference(id(n)).to_be_bytes()[1]).collect();
    low.sort_unstable();
    low.dedup();
    assert!(low.len() > 100, "{} different", low.len());
}

#[test]
fn codings_count_as_the_handset_counts() {
    let table = [
        (0x00, Alphabet::Gsm),
        (0x01, Alphabet::Ascii),
        (0x03, Alphabet::Octets),
        (0x04, Alphabet::Octets),
        (0x08, Alphabet::Ucs2),
        (0x10, Alphabet::Gsm),
        (0x14, Alphabet::Octets),
        (0x18, Alphabet::Ucs2),
        (0x20, Alphabet::Octets),
        (0xf0, Alphabet::Gsm),
        (0xf1, Alphabet::Gsm),
        (0xf5, Alphabet::Octets),
        (0xc8, Alphabet::Gsm),
        (0xe8, Alphabet::Ucs2),
    ];
    for (coding, alphabet) in table {
        assert_eq!(Alphabet::of(coding), alphabet, "{coding:#x}");
    }
}

/// True if no part begins with the second half of a pair that the part before began.
fn pairs_are_whole(alphabet: Alphabet, parts: &[&[u8]]) -> bool {
    parts.windows(2).all(|pair| match alphabet {
        Alphabet::Gsm => {
            let escapes = pair[0].iter().rev().take_while(|octet| **octet == 0x1b).count();
            escapes % 2 == 0
        }
        Alphabet::Ucs2 => {
            let last = pair[0].len() - 2;
            !(matches!(pair[0][last], 0xd8..=0xdb) && matches!(pair[1][0], 0xdc..=0xdf))
        }
        _ => true,
    })
}

proptest! {
    #[test]
    fn joining_the_parts_gives_the_text_back(
        octets in prop::collection::vec(prop_oneof![4 => any::<u8>(), 1 => Just(0x1b)], 141..3000),
        alphabet in prop::sample::select(
            vec![Alphabet::Gsm, Alphabet::Ascii, Alphabet::Ucs2, Alphabet::Octets]),
    ) {
        let parts = cut(alphabet, &octets, &[]).unwrap();
        prop_assert_eq!(parts.concat(), octets.clone());
        let most = if matches!(alphabet, Alphabet::Gsm | Alphabet::Ascii) { 153 } else { 134 };
        prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= most));
        prop_assert!(pairs_are_whole(alphabet, &parts));
    }

    #[test]
    fn a_text_of_any_characters_is_never_cut_inside_one(text in "[a-z\u{1f600}-\u{1f64f}é]{70,400}") {
        let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for part in cut(Alphabet::Ucs2, &octets, &[]).unwrap() {
            let units: Vec<u16> =
                part.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            prop_assert!(String::from_utf16(&units).is_ok());
        }
    }
}
