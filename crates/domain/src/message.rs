//! A message and its parts, as every program between the customer and the provider sees them.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id::{CustomerId, MessageId, PartId, ProviderId};
use crate::octets::Octets;

/// Which of a provider's three queues a message waits in (design, section 6).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// One-time codes, alerts.
    High,
    /// Everything else.
    #[default]
    Normal,
    /// Campaigns.
    Bulk,
}

impl Priority {
    /// All of them, most urgent first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Bulk];

    /// The name in topics and settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    /// From SMPP's `priority_flag` (SMPP 3.4, section 5.2.14): 0 bulk, 1 normal, 2 and 3 urgent.
    /// A customer that leaves the field at 0 gets its configured default instead.
    #[must_use]
    pub fn from_smpp(flag: u8) -> Option<Self> {
        match flag {
            0 => None,
            1 => Some(Self::Normal),
            _ => Some(Self::High),
        }
    }
}

/// How the parts of one message refer to each other (3GPP TS 23.040 section 9.2.3.24; SMPP 3.4
/// sections 5.3.2.22 to 24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceKind {
    /// User data header, 8-bit reference.
    Udh8,
    /// User data header, 16-bit reference.
    Udh16,
    /// `sar_*` TLVs.
    Sar,
}

/// Which part of which long message this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Concatenation {
    /// Where the reference stands, and its width.
    pub kind: ReferenceKind,
    /// The customer's reference number.
    pub reference: u16,
    /// Number of parts, 2 … 255.
    pub total: u8,
    /// This part's place, 1 … total.
    pub index: u8,
}

/// One part of a whole message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Given when the part was accepted.
    pub id: PartId,
    /// Ids of the customer's resends of this part: they get the same receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<PartId>,
    /// Content without any user data header.
    pub octets: Octets,
    /// The user data header's elements other than concatenation, without its length octet.
    #[serde(default, skip_serializing_if = "Octets::is_empty")]
    pub udh: Octets,
    /// Receipts asked for (SMPP `registered_delivery`, section 5.2.17).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub receipt: u8,
}

fn is_zero(octet: &u8) -> bool {
    *octet == 0
}

/// What is the same for all parts of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Whose message it is; from the authenticated bind only.
    pub customer: CustomerId,
    /// The sender that the handset shows.
    pub source: Address,
    /// The handset.
    pub destination: Address,
    /// SMPP `service_type`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// SMPP `protocol_id`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pid: u8,
    /// SMPP `esm_class` without the UDH indicator: mode, type, reply path.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub esm: u8,
    /// SMPP `data_coding`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub coding: u8,
    /// Queue at the provider.
    #[serde(default)]
    pub priority: Priority,
    /// When it was acknowledged, Unix milliseconds.
    pub accepted_ms: u64,
    /// Not to be sent after this, Unix milliseconds.
    pub valid_until_ms: u64,
    /// When it is to be sent at the earliest; none: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_ms: Option<u64>,
    /// The configuration version in force when it was accepted: replays route the same way.
    pub config: u64,
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its first part's id.
    pub id: MessageId,
    /// What all parts share.
    pub envelope: Envelope,
    /// How the parts refer to each other; none for a message of one part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<ReferenceKind>,
    /// One or more, in the order of their index.
    pub parts: Vec<Part>,
    /// Which try this is, from 0.
    #[serde(default)]
    pub attempt: u32,
    /// When this attempt began, Unix milliseconds.
    pub attempt_ms: u64,
    /// Providers that earlier attempts used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<ProviderId>,
}

/// True if `registered_delivery` asks for a receipt about a failure (SMPP 3.4, section 5.2.17):
/// always (1) or on failure only (2).
#[must_use]
pub fn asks_for_failure(registered_delivery: u8) -> bool {
    matches!(registered_delivery & 0b11, 1 | 2)
}
