//! `customer-incoming-message-parts` and `customer-incoming-messages`.

use domain::address::Address;
use domain::id::PartId;
use domain::message::{Concatenation, Envelope, Message, Part};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::version::V;

/// One part of a long message, as the edge accepted it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncomingPart {
    /// Version.
    pub v: V<1>,
    /// What it shares with the other parts, as this PDU said it.
    pub envelope: Envelope,
    /// Which part of what.
    pub concatenation: Concatenation,
    /// Its id and content.
    pub part: Part,
}

/// Key of `customer-incoming-message-parts`: the parts of one message meet in one partition.
#[must_use]
pub fn part_key(envelope: &Envelope, concatenation: &Concatenation) -> String {
    let Address { ton, npi, number } = &envelope.source;
    let destination = &envelope.destination;
    // Length prefixes keep an address with a separator in it from meeting another's key.
    format!(
        "{}|{}:{ton}.{npi}.{number}|{}:{}.{}.{}|{:?}{}/{}",
        envelope.customer,
        number.len(),
        destination.number.len(),
        destination.ton,
        destination.npi,
        destination.number,
        concatenation.kind,
        concatenation.reference,
        concatenation.total,
    )
}

impl IncomingPart {
    /// The id that the customer was given.
    #[must_use]
    pub fn id(&self) -> PartId {
        self.part.id
    }
}

/// A whole message. Without a key: a message is one record, and each is routed by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncomingMessage {
    /// Version.
    pub v: V<1>,
    /// The message.
    pub message: Message,
}

/// An [`IncomingMessage`] whose message is not read yet: `route` passes it on as it stands.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct IncomingMessageRef<'a> {
    /// Version.
    pub v: V<1>,
    /// The message as JSON.
    #[serde(borrow)]
    pub message: &'a RawValue,
    /// As [`AnswerRef::answer`].
    #[serde(default)]
    pub answer: bool,
    /// As [`ReleasedRef::released`].
    #[serde(default)]
    pub released: bool,
}

/// An [`IncomingMessage`] that waited for its time.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ReleasedRef<'a> {
    /// Version.
    pub v: V<1>,
    /// The message. Its time still stands in its envelope.
    pub message: &'a Message,
    /// Its time has come: `release` says so, and `route` goes by no clock.
    pub released: bool,
}

/// An [`IncomingMessage`] of the gateway's own: what a handset is answered that wrote an opt-out word.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AnswerRef<'a> {
    /// Version.
    pub v: V<1>,
    /// The message.
    pub message: &'a Message,
    /// The handset asked for it (START, HELP): that it said STOP before does not count.
    pub answer: bool,
}
