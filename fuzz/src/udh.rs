//! Any octets as a message that begins with a user data header: reading is total, a header that can
//! be taken apart is put together again the same, and a place is one that parts can have.
//!
//! Input: the message.

use smpp::{
    Octets, Submit,
    udh::{self, Concatenation, Kind, UdhError},
};

pub fn check(input: &[u8]) {
    let message = Octets::copy_from(input);
    let submit = Submit { esm_class: Submit::UDHI, message, ..Submit::default() };
    let place = udh::concatenation(&submit);
    let (Ok(header), Ok(payload)) = (udh::header(input), udh::payload(&submit)) else {
        assert_eq!(place, Err(UdhError::Beyond));
        return;
    };
    assert_eq!(1 + header.len() + payload.len(), input.len());
    assert!(input[1..].starts_with(header) && input.ends_with(&payload));
    match udh::elements(header).collect::<Result<Vec<_>, _>>() {
        Ok(elements) => {
            let built = udh::build(&elements).expect("it was a header");
            assert_eq!(built, input[..=header.len()]);
        }
        Err(_) => assert!(place.is_err(), "a broken header has no place"),
    }
    if let Ok(Some(place)) = place {
        possible(place);
    }
}

/// A place that was read can be written, in the header's way and in the TLVs', and reads the same.
fn possible(place: Concatenation) {
    assert!(place.index >= 1 && place.index <= place.total);
    assert!(place.kind != Kind::Udh8 || place.reference < 256);
    let (id, data) = place.element().expect("it came from a header");
    let header = udh::build(&[(id, &data)]).expect("one element fits");
    let message = header.into();
    let submit = Submit { esm_class: Submit::UDHI, message, ..Submit::default() };
    assert_eq!(udh::concatenation(&submit), Ok(Some(place)));
    let mut submit = Submit::default();
    place.set_sar(&mut submit.tlvs);
    let sar = Concatenation { kind: Kind::Sar, ..place };
    assert_eq!(udh::concatenation(&submit), Ok(Some(sar)));
}
