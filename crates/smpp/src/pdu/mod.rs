//! PDUs: decoded from a frame, encoded into a buffer.
//!
//! The bodies are read and written here, not by `rusmpp`, whose decoder loses what this gateway
//! must keep (octets that are not UTF-8, which field was wrong, a body that is missing). Its names
//! carry: [`CommandId`](rusmpp::CommandId), [`CommandStatus`](rusmpp::CommandStatus), `Ton`, `Npi`.

mod decode;
mod encode;
mod field;
mod message;
mod read;
mod tlv;

pub use decode::{DecodeError, decode};
pub use encode::{EncodeError, deliver_sm, encode, reject, submit_sm, submit_sm_resp};
pub use message::{
    Cancel, Destination, Failed, Multi, MultiResp, Query, QueryResp, Replace, Submit,
};
pub use rusmpp::values::{Npi, Ton};
pub use tlv::{Tlv, Tlvs};

use crate::Octets;

/// An address with its type of number and numbering plan (SMPP 3.4 §5.2.5–§5.2.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address {
    pub ton: Ton,
    pub npi: Npi,
    pub addr: Octets,
}

/// What a bind is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BindMode {
    Transmitter,
    Receiver,
    #[default]
    Transceiver,
}

/// `bind_transmitter`, `bind_receiver`, `bind_transceiver` (SMPP 3.4 §4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    pub mode: BindMode,
    pub system_id: Octets,
    pub password: Octets,
    pub system_type: Octets,
    /// 0x33 or less, 0x34, 0x50.
    pub interface_version: u8,
    /// Only ton, npi and a pattern in `addr`.
    pub address_range: Address,
}

/// The answer to a bind. In a refusal nothing of it need be on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindResp {
    pub mode: BindMode,
    pub system_id: Octets,
    pub sc_interface_version: Option<u8>,
}

/// `outbind` (SMPP 3.4 §4.1.7): the SMSC asks an ESME to bind as receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbind {
    pub system_id: Octets,
    pub password: Octets,
}

/// `alert_notification` (SMPP 3.4 §4.12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    pub source: Address,
    pub esme: Address,
}

/// Every PDU that the gateway reads or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pdu {
    Bind(Bind),
    BindResp(BindResp),
    Outbind(Outbind),
    Unbind,
    UnbindResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSm(Submit),
    /// The id; `None` where the body is missing, as in most error responses.
    SubmitSmResp(Option<Octets>),
    SubmitMulti(Multi),
    SubmitMultiResp(MultiResp),
    DeliverSm(Submit),
    DeliverSmResp,
    DataSm(Submit),
    DataSmResp(Option<Octets>),
    QuerySm(Query),
    QuerySmResp(Option<QueryResp>),
    CancelSm(Cancel),
    CancelSmResp,
    ReplaceSm(Replace),
    ReplaceSmResp,
    AlertNotification(Alert),
}
