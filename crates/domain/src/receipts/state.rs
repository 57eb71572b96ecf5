//! States of a message as receipts tell them, and the codes that go with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a receipt says became of a message (SMPP 3.4, section 5.2.28 and appendix B; SMPP 5.0,
/// section 4.7.15, adds the first and the last).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// Waits for its time.
    Scheduled,
    /// On its way.
    Enroute,
    /// The handset has it.
    Delivered,
    /// Its validity ran out.
    Expired,
    /// Somebody took it back.
    Deleted,
    /// It cannot be delivered.
    Undeliverable,
    /// Read for the subscriber by a person; many providers mean that they have it.
    Accepted,
    /// Nobody knows.
    Unknown,
    /// The provider or the network refused it.
    Rejected,
    /// Its delivery was left out.
    Skipped,
}

impl MessageState {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Scheduled,
        Self::Enroute,
        Self::Delivered,
        Self::Expired,
        Self::Deleted,
        Self::Undeliverable,
        Self::Accepted,
        Self::Unknown,
        Self::Rejected,
        Self::Skipped,
    ];

    /// From its number (SMPP 3.4, section 5.2.28), as TLV `message_state` has it too (section
    /// 5.3.2.35); none for a number without a meaning.
    #[must_use]
    pub fn from_smpp(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its number, also in TLV `message_state`.
    #[must_use]
    pub fn smpp(self) -> u8 {
        // The declaration's order is that of the numbers; a test holds it.
        self as u8
    }

    /// The word after `stat:` in a receipt's text (SMPP 3.4, appendix B: seven letters).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDLD",
            Self::Enroute => "ENROUTE",
            Self::Delivered => "DELIVRD",
            Self::Expired => "EXPIRED",
            Self::Deleted => "DELETED",
            Self::Undeliverable => "UNDELIV",
            Self::Accepted => "ACCEPTD",
            Self::Unknown => "UNKNOWN",
            Self::Rejected => "REJECTD",
            Self::Skipped => "SKIPPED",
        }
    }

    /// The name in settings, events and ids.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Enroute => "enroute",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Deleted => "deleted",
            Self::Undeliverable => "undeliverable",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
        }
    }

    /// True if nothing can follow it; none: it depends on the provider (ACCEPTED is a final state
    /// in SMPP 3.4, appendix B, and means "we have it" at most providers).
    #[must_use]
    pub fn is_final(self) -> Option<bool> {
        match self {
            Self::Scheduled | Self::Enroute => Some(false),
            Self::Accepted => None,
            _ => Some(true),
        }
    }

    /// True if a person has the message.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Delivered | Self::Accepted)
    }
}

/// The state of a receipt: by the provider's own word for it (settings, in upper case), else by TLV
/// `message_state`, else by `named`: the number (SMPP 3.4, section 5.2.28) of the state that the word
/// usually names, as whoever read the receipt's text says (`smpp::receipt::Receipt::state`). None: it
/// says nothing that is known.
///
/// The provider's own word goes first because settings name it on purpose, for providers whose TLV
/// is wrong too.
#[must_use]
pub fn state(
    own_words: &BTreeMap<String, MessageState>,
    word: Option<&str>,
    tlv: Option<u8>,
    named: Option<u8>,
) -> Option<MessageState> {
    let own = || own_words.get(&word?.trim().to_ascii_uppercase()).copied();
    own()
        .or_else(|| tlv.and_then(MessageState::from_smpp))
        .or_else(|| named.and_then(MessageState::from_smpp))
}

/// TLV `network_error_code` (SMPP 3.4, section 5.3.2.31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkError {
    /// 1 ANSI-136, 2 IS-95, 3 GSM, ….
    pub network: u8,
    /// The network's code; in GSM the error of the mobile application part (3GPP TS 29.002,
    /// section 17.6.6).
    pub code: u16,
}

impl NetworkError {
    /// GSM's number.
    pub const GSM: u8 = 3;

    /// From the TLV's three octets; none for another length.
    #[must_use]
    pub fn from_tlv(value: &[u8]) -> Option<Self> {
        let [network, high, low] = *value else { return None };
        Some(Self { network, code: u16::from_be_bytes([high, low]) })
    }
}
