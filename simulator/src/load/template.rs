//! Prepared submits: encoded once per kind, then copied and patched, so that a message costs the
//! load a memcpy and a few digits.

use anyhow::{Context, ensure};
use bytes::BytesMut;
use smpp::{
    Address, Octets, Submit,
    pdu::{self, Npi, Ton},
};

use super::plan::{Item, scattered};
use crate::number::{NUMBER_DIGITS, Numbered, SENT_DIGITS, patch};

/// Digits of a destination, the prefix included (E.164 allows 15).
const DESTINATION_DIGITS: usize = 12;
/// A run's references begin so far after those of the run before.
const REFERENCES_PER_RUN: u8 = 101;
/// The concatenation element with an 8-bit reference (3GPP TS 23.040 §9.2.3.24.1).
const UDH_OCTETS: usize = 6;
/// Longest text in GSM 7-bit, one octet a character: alone, and as a part.
const TEXT_MAX: [usize; 2] = [160, 153];

/// What all submits of a load have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub run: u32,
    /// The sender: letters make it alphanumeric.
    pub source: String,
    /// Digits that destinations begin with.
    pub destinations: Vec<String>,
    /// Octets of each text; more where the number needs more.
    pub text_octets: usize,
    pub registered_delivery: u8,
    /// Parts of a long message.
    pub parts: u8,
}

/// The prepared submits of one connection.
#[derive(Debug)]
pub struct Templates {
    destinations: Vec<Vec<u8>>,
    single: Template,
    parts: Vec<Template>,
    first_reference: u8,
}

#[derive(Debug)]
struct Template {
    octets: BytesMut,
    destination_at: usize,
    priority_flag_at: usize,
    reference_at: Option<usize>,
    number_at: usize,
    sent_at: usize,
    priority_at: usize,
}

impl Templates {
    /// Errors: a field that does not fit into a submit.
    pub fn new(content: &Content, connection: u16) -> anyhow::Result<Self> {
        let is_prefix = |prefix: &String| {
            prefix.len() < DESTINATION_DIGITS && prefix.bytes().all(|octet| octet.is_ascii_digit())
        };
        ensure!(
            !content.destinations.is_empty() && content.destinations.iter().all(is_prefix),
            "destinations: prefixes of fewer than {DESTINATION_DIGITS} digits"
        );
        let destinations = content.destinations.iter().map(|p| p.clone().into_bytes()).collect();
        let part = |part| Template::new(content, connection, part, content.parts);
        Ok(Self {
            destinations,
            first_reference: (content.run as u8).wrapping_mul(REFERENCES_PER_RUN),
            single: Template::new(content, connection, 1, 1)?,
            parts: if content.parts > 1 {
                (1..=content.parts).map(part).collect::<Result<_, _>>()?
            } else {
                Vec::new()
            },
        })
    }

    /// Appends one submit.
    pub fn write(
        &self,
        out: &mut BytesMut,
        sequence: u32,
        item: &Item,
        priority: u8,
        sent_us: u64,
    ) {
        let template = self.parts.get(usize::from(item.part) - 1).filter(|_| item.parts > 1);
        let template = template.unwrap_or(&self.single);
        let from = out.len();
        out.extend_from_slice(&template.octets);
        let pdu = &mut out[from..];
        pdu[12..16].copy_from_slice(&sequence.to_be_bytes());
        pdu[template.priority_flag_at] = priority;
        let destination = &mut pdu[template.destination_at..][..DESTINATION_DIGITS];
        let prefix = &self.destinations[scattered(item.number) as usize % self.destinations.len()];
        destination[..prefix.len()].copy_from_slice(prefix);
        patch(&mut destination[prefix.len()..], item.number);
        if let Some(at) = template.reference_at {
            // As a real client's: it goes on from run to run.
            pdu[at] = self.first_reference.wrapping_add(item.number as u8);
        }
        patch(&mut pdu[template.number_at..][..NUMBER_DIGITS], item.number);
        patch(&mut pdu[template.sent_at..][..SENT_DIGITS], sent_us);
        patch(&mut pdu[template.priority_at..][..1], priority.into());
    }
}

impl Template {
    fn new(content: &Content, connection: u16, part: u8, parts: u8) -> anyhow::Result<Self> {
        let numbered = Numbered {
            run: content.run,
            number: 0,
            part,
            parts,
            sent_us: 0,
            connection,
            priority: 0,
        };
        let text = numbered.to_text(content.text_octets);
        let is_part = parts > 1;
        ensure!(
            text.octets.len() <= TEXT_MAX[usize::from(is_part)],
            "text: at most 160 octets alone, 153 as a part"
        );
        let udh: &[u8] = if is_part { &[5, 0, 3, 0, parts, part] } else { &[] };
        let submit = Submit {
            source: source(&content.source),
            destination: Address {
                ton: Ton::International,
                npi: Npi::Isdn,
                addr: Octets::from(vec![b'0'; DESTINATION_DIGITS]),
            },
            esm_class: if is_part { Submit::UDHI } else { 0 },
            registered_delivery: content.registered_delivery,
            message: [udh, &text.octets].concat().into(),
            ..Submit::default()
        };
        let mut octets = BytesMut::new();
        pdu::submit_sm(&mut octets, 1, &submit).context("a field of the load does not fit")?;
        // service_type (empty), source: type, plan, address, NUL; destination: type, plan.
        let destination_at = 16 + 1 + 2 + content.source.len() + 1 + 2;
        let message_at = octets.len() - submit.message.len();
        let text_at = message_at + udh.len();
        debug_assert!(udh.is_empty() || udh.len() == UDH_OCTETS);
        Ok(Self {
            destination_at,
            // NUL, esm_class, protocol_id.
            priority_flag_at: destination_at + DESTINATION_DIGITS + 3,
            reference_at: is_part.then_some(message_at + 3),
            number_at: text_at + text.number_at,
            sent_at: text_at + text.sent_at,
            priority_at: text_at + text.priority_at,
            octets,
        })
    }
}

fn source(addr: &str) -> Address {
    let is_number = addr.bytes().all(|octet| octet.is_ascii_digit());
    let (ton, npi) = match is_number {
        true => (Ton::International, Npi::Isdn),
        false => (Ton::Alphanumeric, Npi::Unknown),
    };
    Address { ton, npi, addr: addr.into() }
}

#[cfg(test)]
mod tests {
    use smpp::{Cutter, Pdu, frame::Cut};

    use super::*;

    fn content() -> Content {
        Content {
            run: 77,
            source: "Load".into(),
            destinations: vec!["44".into(), "4917".into()],
            text_octets: 100,
            registered_delivery: 1,
            parts: 3,
        }
    }

    fn written(item: Item, priority: u8) -> (u32, Submit) {
        let templates = Templates::new(&content(), 5).unwrap();
        let mut out = BytesMut::new();
        templates.write(&mut out, 0x0102_0304, &item, priority, 1_763_724_000_123_456);
        let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(&mut out) else { panic!("whole") };
        let Ok(Pdu::SubmitSm(submit)) = pdu::decode(&frame) else { panic!("submit_sm") };
        assert!(out.is_empty());
        (frame.header.sequence, submit)
    }

    #[test]
    fn a_single_message_is_a_whole_submit_that_says_its_number() {
        let (sequence, submit) = written(Item { number: 123_456, part: 1, parts: 1 }, 2);
        assert_eq!(sequence, 0x0102_0304);
        assert_eq!((submit.priority, submit.registered_delivery, submit.esm_class), (2, 1, 0));
        assert_eq!(submit.source.ton, Ton::Alphanumeric);
        assert_eq!(submit.message.len(), 100);
        let destination = submit.destination.addr.to_text().into_owned();
        assert!(destination.len() == 12 && destination.ends_with("00123456"), "{destination}");
        assert!(destination.starts_with("44") || destination.starts_with("4917"));
        let expected = Numbered {
            run: 77,
            number: 123_456,
            part: 1,
            parts: 1,
            sent_us: 1_763_724_000_123_456,
            connection: 5,
            priority: 2,
        };
        assert_eq!(Numbered::from_text(&submit.message), Some(expected));
    }

    #[test]
    fn a_part_has_a_header_whose_reference_follows_the_number() {
        let (_, submit) = written(Item { number: 0x102, part: 2, parts: 3 }, 0);
        assert!(submit.has_udh());
        let reference = REFERENCES_PER_RUN.wrapping_mul(77).wrapping_add(2);
        assert_eq!(submit.message[..6], [5, 0, 3, reference, 3, 2]);
        let numbered = Numbered::from_text(&submit.message[6..]).unwrap();
        assert_eq!((numbered.number, numbered.part, numbered.parts), (0x102, 2, 3));
    }

    #[test]
    fn parts_of_one_message_have_one_destination() {
        let to = |part| written(Item { number: 9, part, parts: 3 }, 1).1.destination;
        assert_eq!(to(1), to(3));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let wrong = [
            Content { text_octets: 161, ..content() },
            Content { text_octets: 154, ..content() },
            Content { source: "x".repeat(21), ..content() },
            Content { destinations: vec![], ..content() },
            Content { destinations: vec!["44x".into()], ..content() },
        ];
        for content in wrong {
            assert!(Templates::new(&content, 0).is_err(), "{content:?}");
        }
    }
}
