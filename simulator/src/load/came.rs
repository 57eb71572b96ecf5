//! What came over a load's connections, one line of JSON for each delivery, in the order in which each
//! connection read them.

use domain::receipts::MessageState;
use serde::{Deserialize, Serialize};
use smpp::{Octets, Submit};

use super::ledger;
use crate::{check::Key, number::Numbered};

/// The gateway's own parameter with the delivery's id.
const TLV_DELIVERY: u16 = 0x1500;

/// One `deliver_sm` or `data_sm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Came {
    /// Over which of the load's connections.
    pub connection: u32,
    /// Counts what this connection read, from 0.
    pub place: u64,
    /// Microseconds since 1970.
    pub at_us: u64,
    /// The gateway's id of the delivery, where it says it (TLV 0x1500).
    pub delivery: Option<String>,
    /// With which `command_status` it was answered; none: not at all.
    pub status: Option<u32>,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Of a submit that was acknowledged with this id.
    Receipt { id: String, state: MessageState, is_final: bool },
    /// Parts of a flood's messages: several where they came joined.
    Message { run: u32, parts: Vec<Key> },
    /// A receipt without an id, a message without a number.
    Other,
}

impl Came {
    /// Reads a load's file of deliveries. Errors: a line that is none.
    pub fn from_lines(lines: &str) -> serde_json::Result<Vec<Self>> {
        lines.lines().map(serde_json::from_str).collect()
    }

    /// Answered OK.
    pub fn is_taken(&self) -> bool {
        self.status == Some(0)
    }
}

impl What {
    pub(super) fn receipt(receipt: &ledger::Receipt) -> Self {
        Self::Receipt {
            id: String::from_utf8_lossy(&receipt.id).into(),
            state: receipt.state.unwrap_or(MessageState::Unknown),
            is_final: receipt.is_final,
        }
    }

    pub(super) fn messages(numbered: &[Numbered]) -> Self {
        numbered.first().map_or(Self::Other, |first| Self::Message {
            run: first.run,
            parts: numbered.iter().map(|one| (one.number, one.part)).collect(),
        })
    }
}

/// The gateway's id of a delivery.
pub(super) fn delivery_id(submit: &Submit) -> Option<String> {
    let found = submit.tlvs.other.iter().find(|tlv| tlv.tag == TLV_DELIVERY)?;
    Some(Octets::to_text(&found.value).into_owned())
}
