//! What `assemble` publishes, and where.

use wire::customer_deliveries::CustomerDelivery;
use wire::customer_incoming::IncomingMessage;
use wire::dead_letters::DeadLetter;
use wire::message_events::{self, MessageEvent};
use wire::provider_incoming::ProviderMessage;
use wire::topics;

/// This program's name in records.
pub const BY: &str = "assemble";

/// One record to be published. A repeat is the same record under the same id.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A whole message.
    Message(IncomingMessage),
    /// A handset's message, whole or what came of it.
    Handset(ProviderMessage),
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
            Self::Handset(_) => topics::PROVIDER_INCOMING_MESSAGES,
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
            Self::Handset(record) => (Vec::new(), wire::encode(record)),
            Self::Event(event) => {
                let (key, value) = message_events::record(event);
                (key.into_bytes(), value)
            }
            Self::Delivery(record) => {
                (record.message.to_string().into_bytes(), wire::encode(record))
            }
            Self::DeadLetter(record) => (record.topic.clone().into_bytes(), wire::encode(record)),
        }
    }
}
