//! One line of JSON for every submit, for tests that must see what was on the wire.

use serde::{Deserialize, Serialize};
use smpp::{CommandStatus, Header, Submit};

use crate::clock::Now;

/// What a submit was and what it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Counted from 0 over the connections of the SMSC.
    pub bind: u64,
    pub sequence: u32,
    pub source: RecordedAddress,
    pub destination: RecordedAddress,
    pub esm_class: u8,
    pub priority: u8,
    pub validity: String,
    pub data_coding: u8,
    pub registered_delivery: u8,
    /// Empty where the message stands in the payload.
    pub short_message_hex: String,
    /// Of the TLV `message_payload`.
    pub payload_hex: String,
    pub sar: Option<Sar>,
    /// `None`: refused.
    pub message_id: Option<String>,
    /// `command_status` of the response, also of one that was lost.
    pub status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAddress {
    pub ton: u8,
    pub npi: u8,
    pub addr: String,
}

/// The TLVs `sar_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sar {
    pub reference: u16,
    pub total: u8,
    pub index: u8,
}

impl Record {
    pub(super) fn of(
        bind: u64,
        header: &Header,
        submit: &Submit,
        message_id: Option<String>,
        status: CommandStatus,
        now: Now,
    ) -> Self {
        let message = hex(&submit.message);
        let (short_message_hex, payload_hex) =
            if submit.in_payload { (String::new(), message) } else { (message, String::new()) };
        Self {
            at_ms: now.wall_us / 1_000,
            bind,
            sequence: header.sequence,
            source: address(&submit.source),
            destination: address(&submit.destination),
            esm_class: submit.esm_class,
            priority: submit.priority,
            validity: submit.validity.to_text().into_owned(),
            data_coding: submit.data_coding,
            registered_delivery: submit.registered_delivery,
            short_message_hex,
            payload_hex,
            sar: sar(submit),
            message_id,
            status: status.into(),
        }
    }

    /// Appends the line.
    pub(super) fn write(&self, lines: &mut Vec<u8>) {
        // Writing plain fields into memory cannot fail.
        let _cannot_fail = serde_json::to_writer(&mut *lines, self);
        lines.push(b'\n');
    }
}

fn address(address: &smpp::Address) -> RecordedAddress {
    let addr = address.addr.to_text().into_owned();
    RecordedAddress { ton: address.ton.into(), npi: address.npi.into(), addr }
}

const fn sar(submit: &Submit) -> Option<Sar> {
    let tlvs = &submit.tlvs;
    match (tlvs.sar_msg_ref_num, tlvs.sar_total_segments, tlvs.sar_segment_seqnum) {
        (Some(reference), Some(total), Some(index)) => Some(Sar { reference, total, index }),
        _ => None,
    }
}

fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 0xf)]).collect()
}
