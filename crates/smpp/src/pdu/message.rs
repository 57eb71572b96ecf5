//! What the PDUs about messages carry.

use super::{Address, Tlvs};
use crate::Octets;

/// The content of `submit_sm`, `deliver_sm` and `data_sm` (SMPP 3.4 §4.4, §4.6, §4.7). Fields that
/// a PDU does not have (`data_sm`: priority, times …) are zero or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submit {
    pub service_type: Octets,
    pub source: Address,
    pub destination: Address,
    /// Bit 0x40: the message begins with a user data header.
    pub esm_class: u8,
    pub protocol_id: u8,
    pub priority: u8,
    /// `schedule_delivery_time`, see [`crate::time_format`]; empty: at once.
    pub schedule: Octets,
    /// `validity_period`, see [`crate::time_format`]; empty: the SMSC's default.
    pub validity: Octets,
    pub registered_delivery: u8,
    pub replace_if_present: u8,
    pub data_coding: u8,
    pub default_msg_id: u8,
    /// `short_message`, or `message_payload` where [`in_payload`](Self::in_payload) says so; a user
    /// data header is its beginning.
    pub message: Octets,
    /// The message stands (or shall be sent) in the TLV `message_payload`. Always so in `data_sm`.
    pub in_payload: bool,
    pub tlvs: Tlvs,
}

impl Submit {
    /// Bit of `esm_class`: user data header indicator.
    pub const UDHI: u8 = 0x40;
    /// Bit of `esm_class`: reply path.
    pub const REPLY_PATH: u8 = 0x80;

    pub const fn has_udh(&self) -> bool {
        self.esm_class & Self::UDHI != 0
    }

    /// Whether a `deliver_sm` or `data_sm` is a delivery receipt (SMPP 3.4 §5.2.12: message type
    /// `xx0001xx`; intermediate notifications are `xx1000xx`).
    pub const fn is_receipt(&self) -> bool {
        self.esm_class & 0x3c == 0x04
    }
}

/// One destination of a `submit_multi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Address(Address),
    DistributionList(Octets),
}

/// `submit_multi` (SMPP 3.4 §4.5); `submit.destination` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multi {
    pub submit: Submit,
    /// 1 to 254 in 3.4, 255 in 5.0.
    pub destinations: Vec<Destination>,
}

/// A destination that a `submit_multi` did not reach, and its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub address: Address,
    pub status: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiResp {
    pub message_id: Option<Octets>,
    pub failed: Vec<Failed>,
}

/// `query_sm` (SMPP 3.4 §4.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub message_id: Octets,
    pub source: Address,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryResp {
    pub message_id: Octets,
    /// See [`crate::time_format`]; empty while the message has no final state.
    pub final_date: Octets,
    pub message_state: u8,
    pub error_code: u8,
}

/// `cancel_sm` (SMPP 3.4 §4.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancel {
    pub service_type: Octets,
    /// Empty: all messages from source to destination.
    pub message_id: Octets,
    pub source: Address,
    pub destination: Address,
}

/// `replace_sm` (SMPP 3.4 §4.10; in 5.0 with `message_payload`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replace {
    pub message_id: Octets,
    pub source: Address,
    pub schedule: Octets,
    pub validity: Octets,
    pub registered_delivery: u8,
    pub default_msg_id: u8,
    pub message: Octets,
    pub in_payload: bool,
}
