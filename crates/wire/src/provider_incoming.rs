//! `provider-incoming-message-parts` and `provider-incoming-messages`: messages from handsets (MO).

use domain::address::Address;
use domain::id::{MessageId, PartId, ProviderId};
use domain::message::{Concatenation, Part, ReferenceKind};
use serde::{Deserialize, Serialize};

use crate::version::V;

/// What is the same for all parts of a handset's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandsetEnvelope {
    /// Who brought it.
    pub provider: ProviderId,
    /// The handset.
    pub source: Address,
    /// The number it was written to.
    pub destination: Address,
    /// SMPP `service_type`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// SMPP `protocol_id`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pid: u8,
    /// SMPP `esm_class` without the UDH indicator.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub esm: u8,
    /// SMPP `data_coding`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub coding: u8,
    /// When we received it, Unix milliseconds.
    pub arrived_ms: u64,
    /// The configuration version in force then: replays route the same way.
    pub config: u64,
}

/// One part of a long message from a handset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderPart {
    /// Version.
    pub v: V<1>,
    /// What it shares with the other parts.
    pub envelope: HandsetEnvelope,
    /// Which part of what.
    pub concatenation: Concatenation,
    /// Its id and content.
    pub part: Part,
}

/// Key of `provider-incoming-message-parts`: the parts of one message meet in one partition.
#[must_use]
pub fn part_key(envelope: &HandsetEnvelope, concatenation: &Concatenation) -> String {
    let Address { ton, npi, number } = &envelope.source;
    let destination = &envelope.destination;
    // Length prefixes keep an address with a separator in it from meeting another's key.
    format!(
        "{}|{}:{ton}.{npi}.{number}|{}:{}.{}.{}|{:?}{}/{}",
        envelope.provider,
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

impl ProviderPart {
    /// Its id, given when it was received.
    #[must_use]
    pub fn id(&self) -> PartId {
        self.part.id
    }
}

/// A whole message from a handset, or what came of it in time. Without a key, as
/// [`crate::customer_incoming::IncomingMessage`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderMessage {
    /// Version.
    pub v: V<1>,
    /// The id of its part with index 1; of an incomplete message that lacks that one, an id derived
    /// from its earliest part ([`ProviderMessage::begins`]).
    pub id: MessageId,
    /// What all parts share.
    pub envelope: HandsetEnvelope,
    /// How the parts refer to each other; none for a message of one part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<ReferenceKind>,
    /// One or more, in the order of their index.
    pub parts: Vec<Part>,
    /// How many parts it should have, if some did not come in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_of: Option<u8>,
}

impl ProviderMessage {
    /// False if its beginning is missing: what stands first in it is not its first word.
    #[must_use]
    pub fn begins(&self) -> bool {
        self.parts.first().is_some_and(|first| first.id == self.id.into())
    }
}

fn is_zero(octet: &u8) -> bool {
    *octet == 0
}
