//! What `assemble` publishes, and where.

use std::borrow::Cow;

use wire::V;
use wire::customer_deliveries::CustomerDelivery;
use wire::customer_incoming::IncomingMessage;
use wire::dead_letters::DeadLetter;
use wire::message_events::{Happened, MessageEvent};
use wire::topics;

/// This program's name in records.
pub const BY: &str = "assemble";

/// One record to be published. A repeat is the same record under the same id.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A whole message.
    Message(IncomingMessage),
    /// A failure receipt.
    Delivery(CustomerDelivery),
    /// What happened.
    Event(MessageEvent<'static>),
    /// A record that can never be processed.
    DeadLetter(DeadLetter),
}

impl Output {
    /// Its topic.
    #[must_use]
    pub fn topic(&self) -> &'static str {
        match self {
            Self::Message(_) => topics::CUSTOMER_INCOMING_MESSAGES,
            Self::Delivery(_) => topics::CUSTOMER_DELIVERIES,
            Self::Event(_) => topics::MESSAGE_EVENTS,
            Self::DeadLetter(_) => topics::DEAD_LETTERS,
        }
    }

    /// Key and value, as they go to Kafka.
    #[must_use]
    pub fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            // Neither order nor partition matters to those who read them (docs/adr/0002).
            Self::Message(record) => (Vec::new(), wire::encode(record)),
            Self::Event(record) => (Vec::new(), wire::encode(record)),
            Self::Delivery(record) => {
                (record.message.to_string().into_bytes(), wire::encode(record))
            }
            Self::DeadLetter(record) => (record.topic.clone().into_bytes(), wire::encode(record)),
        }
    }
}

/// That a message is whole, with the ids of its parts: each of them can be asked for.
#[must_use]
pub fn assembled(record: &IncomingMessage) -> Output {
    let message = &record.message;
    let ids: Vec<String> = message
        .parts
        .iter()
        .flat_map(|part| std::iter::once(part.id).chain(part.aliases.iter().copied()))
        .map(|id| id.to_string())
        .collect();
    Output::Event(MessageEvent {
        v: V,
        id: message.id.event("assembled", 0),
        message: message.id,
        customer: Cow::Owned(message.envelope.customer.clone()),
        happened: Happened::Assembled,
        by: Cow::Borrowed(BY),
        at_ms: message.attempt_ms,
        attempt: 0,
        provider: None,
        detail: Cow::Owned(format!("parts {}", ids.join(" "))),
    })
}
