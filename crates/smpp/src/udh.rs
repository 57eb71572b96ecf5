//! User data headers (3GPP TS 23.040 §9.2.3.24) and what joins the parts of a long message: the
//! concatenation elements, or the TLVs `sar_*` (SMPP 3.4 §5.3.2.22–24).

use rusmpp::CommandStatus;

use crate::{Octets, Submit, pdu::Tlvs};

/// Information element: concatenation with an 8-bit reference.
pub const CONCATENATION_8: u8 = 0x00;
/// Information element: concatenation with a 16-bit reference.
pub const CONCATENATION_16: u8 = 0x08;

/// How the parts of a message say that they belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Udh8,
    Udh16,
    Sar,
}

/// One part's place in a message of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concatenation {
    pub kind: Kind,
    /// Below 256 for [`Kind::Udh8`].
    pub reference: u16,
    /// 1 or more.
    pub total: u8,
    /// 1 to `total`.
    pub index: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UdhError {
    /// The header, or an element of it, is longer than what holds it.
    #[error("the user data header is longer than the message")]
    Beyond,
    /// A concatenation element of another length than its kind has.
    #[error("the concatenation element has the wrong length")]
    Malformed,
    /// Total 0, index 0, or index beyond the total.
    #[error("the part's place in its message is impossible")]
    Place,
    /// Some but not all of `sar_msg_ref_num`, `sar_total_segments`, `sar_segment_seqnum`.
    #[error("the sar parameters are incomplete")]
    SarIncomplete,
    /// Total 0, index 0, or index beyond the total, in the TLVs.
    #[error("the sar parameters are impossible")]
    SarPlace,
    /// A header of more than 255 octets was to be built.
    #[error("the user data header is too long")]
    TooLong,
}

impl UdhError {
    /// The status to answer a submit with.
    pub const fn status(self) -> CommandStatus {
        match self {
            Self::Beyond | Self::Malformed | Self::TooLong => CommandStatus::EsmeRinvmsglen,
            Self::Place => CommandStatus::EsmeRinvesmclass,
            Self::SarIncomplete => CommandStatus::EsmeRmissingtlv,
            Self::SarPlace => CommandStatus::EsmeRinvtlvval,
        }
    }
}

/// The place of this message among the parts of a longer one; `None`: it stands alone. A header
/// counts before the TLVs. Of repeated elements the last one counts (TS 23.040 §9.2.3.24).
pub fn concatenation(submit: &Submit) -> Result<Option<Concatenation>, UdhError> {
    if submit.has_udh() {
        let found = in_header(header(&submit.message)?)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    in_tlvs(&submit.tlvs)
}

/// The message without its user data header.
pub fn payload(submit: &Submit) -> Result<Octets, UdhError> {
    if !submit.has_udh() {
        return Ok(submit.message.clone());
    }
    let from = header(&submit.message)?.len() + 1;
    Ok(submit.message.clone().into_bytes().slice(from..).into())
}

/// The elements of a message's user data header, its length octet excluded. Errors:
/// [`UdhError::Beyond`].
pub fn header(message: &[u8]) -> Result<&[u8], UdhError> {
    let (length, rest) = message.split_first().ok_or(UdhError::Beyond)?;
    rest.get(..usize::from(*length)).ok_or(UdhError::Beyond)
}

/// Identifier and data of each element of a [`header`]. The iterator ends after an error.
pub fn elements(header: &[u8]) -> impl Iterator<Item = Result<(u8, &[u8]), UdhError>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let (id, after) = rest.split_first()?;
        let element = after
            .split_first()
            .and_then(|(length, after)| after.split_at_checked(usize::from(*length)));
        let Some((data, after)) = element else {
            rest = &[];
            return Some(Err(UdhError::Beyond));
        };
        rest = after;
        Some(Ok((*id, data)))
    })
}

/// Builds a header, its length octet included. Errors: [`UdhError::TooLong`].
pub fn build(elements: &[(u8, &[u8])]) -> Result<Vec<u8>, UdhError> {
    let mut header = vec![0];
    for (id, data) in elements {
        let length = u8::try_from(data.len()).map_err(|_| UdhError::TooLong)?;
        header.extend([*id, length]);
        header.extend_from_slice(data);
    }
    header[0] = u8::try_from(header.len() - 1).map_err(|_| UdhError::TooLong)?;
    Ok(header)
}

impl Concatenation {
    /// The header element of this place, as [`build`] takes it; `None` for [`Kind::Sar`].
    pub fn element(&self) -> Option<(u8, Vec<u8>)> {
        let [high, low] = self.reference.to_be_bytes();
        match self.kind {
            Kind::Udh8 => Some((CONCATENATION_8, vec![low, self.total, self.index])),
            Kind::Udh16 => Some((CONCATENATION_16, vec![high, low, self.total, self.index])),
            Kind::Sar => None,
        }
    }

    /// Writes this place into the TLVs `sar_*`, whatever its kind.
    pub const fn set_sar(&self, tlvs: &mut Tlvs) {
        tlvs.sar_msg_ref_num = Some(self.reference);
        tlvs.sar_total_segments = Some(self.total);
        tlvs.sar_segment_seqnum = Some(self.index);
    }

    const fn is_possible(&self) -> bool {
        self.index >= 1 && self.index <= self.total
    }
}

fn in_header(header: &[u8]) -> Result<Option<Concatenation>, UdhError> {
    let mut found = None;
    for element in elements(header) {
        let (id, data) = element?;
        match id {
            CONCATENATION_8 => {
                let [reference, total, index] = exactly(data)?;
                let reference = u16::from(reference);
                found = Some(Concatenation { kind: Kind::Udh8, reference, total, index });
            }
            CONCATENATION_16 => {
                let [high, low, total, index] = exactly(data)?;
                let reference = u16::from_be_bytes([high, low]);
                found = Some(Concatenation { kind: Kind::Udh16, reference, total, index });
            }
            _ => {}
        }
    }
    possible(found, UdhError::Place)
}

fn in_tlvs(tlvs: &Tlvs) -> Result<Option<Concatenation>, UdhError> {
    match (tlvs.sar_msg_ref_num, tlvs.sar_total_segments, tlvs.sar_segment_seqnum) {
        (None, None, None) => Ok(None),
        (Some(reference), Some(total), Some(index)) => {
            let found = Concatenation { kind: Kind::Sar, reference, total, index };
            possible(Some(found), UdhError::SarPlace)
        }
        _ => Err(UdhError::SarIncomplete),
    }
}

fn possible(
    found: Option<Concatenation>,
    error: UdhError,
) -> Result<Option<Concatenation>, UdhError> {
    match found {
        Some(place) if !place.is_possible() => Err(error),
        found => Ok(found),
    }
}

fn exactly<const N: usize>(data: &[u8]) -> Result<[u8; N], UdhError> {
    data.try_into().map_err(|_| UdhError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_udh(message: &[u8]) -> Submit {
        let message = Octets::copy_from(message);
        Submit { esm_class: Submit::UDHI, message, ..Submit::default() }
    }

    fn with_sar(reference: Option<u16>, total: Option<u8>, index: Option<u8>) -> Submit {
        let mut submit = Submit::default();
        submit.tlvs.sar_msg_ref_num = reference;
        submit.tlvs.sar_total_segments = total;
        submit.tlvs.sar_segment_seqnum = index;
        submit
    }

    #[test]
    fn parts_name_their_place_in_three_ways() {
        let udh8 = with_udh(b"\x05\x00\x03\xaa\x03\x02text");
        let udh16 = with_udh(b"\x06\x08\x04\x12\x34\x03\x02text");
        let sar = with_sar(Some(0x1234), Some(3), Some(2));
        let cases =
            [(udh8, Kind::Udh8, 0xaa), (udh16, Kind::Udh16, 0x1234), (sar, Kind::Sar, 0x1234)];
        for (submit, kind, reference) in cases {
            let place = Concatenation { kind, reference, total: 3, index: 2 };
            assert_eq!(concatenation(&submit), Ok(Some(place)));
        }
        assert_eq!(concatenation(&Submit::default()), Ok(None));
    }

    #[test]
    fn elements_that_are_not_ours_are_stepped_over_and_the_text_is_what_follows() {
        let submit = with_udh(b"\x0b\x05\x04\x0b\x84\x23\xf0\x00\x03\x01\x02\x01text");
        assert_eq!(concatenation(&submit).unwrap().unwrap().total, 2);
        assert_eq!(&payload(&submit).unwrap()[..], b"text");
    }

    #[test]
    fn headers_that_cannot_be_are_refused() {
        let cases: [(&[u8], UdhError); 7] = [
            (b"", UdhError::Beyond),
            (b"\x05\x00\x03\xaa\x03", UdhError::Beyond),
            (b"\x03\x00\x09\xaa", UdhError::Beyond),
            (b"\x04\x00\x02\xaa\x03", UdhError::Malformed),
            (b"\x05\x00\x03\xaa\x00\x00", UdhError::Place),
            (b"\x05\x00\x03\xaa\x02\x00", UdhError::Place),
            (b"\x05\x00\x03\xaa\x02\x03", UdhError::Place),
        ];
        for (message, error) in cases {
            assert_eq!(concatenation(&with_udh(message)), Err(error), "{message:?}");
        }
    }

    #[test]
    fn sar_parameters_that_cannot_be_are_refused() {
        let cases = [
            (with_sar(Some(1), None, None), UdhError::SarIncomplete),
            (with_sar(None, Some(2), Some(1)), UdhError::SarIncomplete),
            (with_sar(Some(1), Some(0), Some(0)), UdhError::SarPlace),
            (with_sar(Some(1), Some(2), Some(3)), UdhError::SarPlace),
        ];
        for (submit, error) in cases {
            assert_eq!(concatenation(&submit), Err(error));
        }
    }

    proptest! {
        #[test]
        fn what_is_built_is_read_back(
            wide: bool, reference: u16, total in 1u8.., index: u8,
            ports in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let kind = if wide { Kind::Udh16 } else { Kind::Udh8 };
            let reference = if wide { reference } else { reference & 0xff };
            let place = Concatenation { kind, reference, total, index: index % total + 1 };
            let (id, data) = place.element().unwrap();
            let mut message = build(&[(0x05, &ports), (id, &data)]).unwrap();
            message.extend(b"text");
            let submit = with_udh(&message);
            prop_assert_eq!(concatenation(&submit), Ok(Some(place)));
            prop_assert_eq!(&payload(&submit).unwrap()[..], b"text");
        }

        #[test]
        fn any_octets_are_read_without_a_panic(octets in prop::collection::vec(any::<u8>(), 0..64)) {
            let submit = with_udh(&octets);
            let _either = (concatenation(&submit), payload(&submit));
        }
    }
}
