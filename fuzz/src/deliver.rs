//! Whatever a provider delivers, under whichever settings: it is told apart, becomes a record that can be
//! read again, or is refused with a status.
//!
//! Input: an octet for settings and command, then the body of a `deliver_sm` or `data_sm`.

use bytes::Bytes;
use domain::{config::Provider, id::MessageId};
use serde_json::json;
use smpp::{CommandId, CommandStatus, Frame, Header, Pdu, pdu};
use wire::{
    provider_events::ProviderEvent,
    provider_incoming::{ProviderMessage, ProviderPart},
};

use receiving::{Received, Stamp, received};

// The module itself: the program around it would bring its clients of Kafka and AWS.
#[allow(dead_code, unreachable_pub, reason = "what only the program uses")]
#[path = "../../provider-sender/src/receiving.rs"]
mod receiving;

pub fn check(input: &[u8]) {
    let Some((choice, body)) = input.split_first() else { return };
    let id = if choice & 1 == 0 { CommandId::DeliverSm } else { CommandId::DataSm };
    let header = Header { length: body.len() as u32 + 16, id, status: 0, sequence: 1 };
    let frame = Frame { header, body: Bytes::copy_from_slice(body) };
    let Ok(Pdu::DeliverSm(submit) | Pdu::DataSm(submit)) = pdu::decode(&frame) else { return };
    let stamp = Stamp { id: MessageId::new(1_000, [7; 10]).into(), now_ms: 1_000, config: 3 };
    match received(&provider(*choice), &submit, &stamp) {
        Ok(found) => assert!(is_sound(&found), "{found:?}"),
        Err(status) => assert_ne!(status, CommandStatus::EsmeRok),
    }
}

/// Its record reads as it was, and can be what it says.
fn is_sound(found: &Received) -> bool {
    let record = found.record();
    match (found, record) {
        (Received::Nameless(_), None) => true,
        (Received::Receipt(receipt), Some((_, key, value))) => {
            let read = wire::decode::<ProviderEvent>(&value);
            let id = receipt.canonical.as_str();
            !id.is_empty()
                && id.len() <= 255
                && key.ends_with(id)
                && matches!(read, Ok(ProviderEvent::Receipt(read)) if read == **receipt)
        }
        (Received::Message(message), Some((_, _, value))) => {
            matches!(wire::decode::<ProviderMessage>(&value), Ok(read) if read == **message)
        }
        (Received::Part(part), Some((_, key, value))) => {
            let place = part.concatenation;
            !key.is_empty()
                && (1..=place.total).contains(&place.index)
                && place.total > 1
                && matches!(wire::decode::<ProviderPart>(&value), Ok(read) if read == **part)
        }
        _ => false,
    }
}

fn provider(choice: u8) -> Provider {
    let of = |bit: u8, either: &'static str, or: &'static str| match choice >> bit & 1 {
        0 => either,
        _ => or,
    };
    let provider = json!({
        "id": "alpha", "slots": [0],
        "link": {"smpp": {"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}},
        "receipts": {
            "recognition": of(1, "flags", "text"),
            "ids": {
                "response": of(2, "decimal", "hexadecimal"),
                "receipt": of(3, "decimal", "hexadecimal"),
                "receipt_place": of(4, "tlv", "text"),
            },
            "words": {"GONE": "undeliverable"},
        },
    });
    serde_json::from_value(provider).expect("a provider")
}
