//! `GET /messages…`: what happened to messages.

use domain::address::Address;
use domain::id::{PartId, ProviderId};
use domain::receipts::MessageState;
use serde::{Deserialize, Serialize};

use crate::message_events::{Happened, MessageEvent};
use crate::message_status::{PartStanding, Status};

/// Answer of `GET /messages?customer=…&day=…` and `?destination=…&day=…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageList {
    /// By the time when they began.
    pub messages: Vec<Journey>,
    /// Ask again with `after=` this; none: the list ends here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Answer of `GET /messages/{id}`: a message, where it stands and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// Message id.
    pub message: String,
    /// Whose.
    pub customer: String,
    /// The sender; numbers are masked if they were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// To whom; masked likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// Since when, Unix milliseconds.
    pub since_ms: u64,
    /// Each of its parts.
    pub parts: Vec<PartStanding>,
    /// What happened, in the order of time.
    pub events: Vec<JourneyEvent>,
}

/// Something that happened to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyEvent {
    /// Unix milliseconds.
    pub at_ms: u64,
    /// What.
    pub event: Happened,
    /// The program that saw it.
    pub by: String,
    /// The attempt, from 0.
    pub attempt: u32,
    /// At which provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// Which part; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartId>,
    /// The provider's id for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider_message_id: String,
    /// What became of it in SMPP's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<MessageState>,
    /// `err` of the receipt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Why, and with what.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl From<&MessageEvent<'_>> for JourneyEvent {
    fn from(event: &MessageEvent<'_>) -> Self {
        Self {
            at_ms: event.at_ms,
            event: event.happened,
            by: event.by.to_string(),
            attempt: event.attempt,
            provider: event.provider.as_deref().cloned(),
            part: event.part,
            provider_message_id: event.provider_message_id.to_string(),
            state: event.state,
            error: event.error.to_string(),
            detail: event.detail.to_string(),
        }
    }
}

/// An address as it is shown: the number in full, or with its middle hidden. A sender with a letter in it
/// is a name and not hidden.
#[must_use]
pub fn shown(address: &Address, in_full: bool) -> String {
    let number = &address.number;
    if in_full || number.chars().any(char::is_alphabetic) {
        return number.clone();
    }
    let (length, ends) = (number.chars().count(), number.chars().count() >= 8);
    let hidden = |(place, character)| match ends && (place < 4 || place + 2 >= length) {
        true => character,
        false => '*',
    };
    number.chars().enumerate().map(hidden).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_number_is_hidden_and_all_of_a_short_one() {
        let shown = |number: &str| {
            super::shown(&Address { ton: 0, npi: 0, number: number.to_owned() }, false)
        };
        assert_eq!(shown("447700900123"), "4477******23");
        assert_eq!(shown("+4477009"), "+447**09");
        assert_eq!(shown("72000"), "*****");
        assert_eq!(shown("ACME"), "ACME");
        assert_eq!(shown(""), "");
    }
}
