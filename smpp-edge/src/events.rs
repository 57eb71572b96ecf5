//! `message-events` of the edge: `accepted`, once Kafka has the part. Nobody waits for them. (Doubts,
//! which must not be lost, are in [`crate::doubts`].)

use std::borrow::Cow;
use std::sync::Arc;

use domain::id::{CustomerId, MessageId, PartId};
use platform::kafka::{KafkaSettings, Outcome, Publisher, Record, Sink};
use wire::V;
use wire::message_events::{Happened, MessageEvent};
use wire::topics::MESSAGE_EVENTS;

const BY: &str = "smpp-edge";
/// Events may wait for each other: fewer, larger requests.
const LINGER_MS: u32 = 20;

#[derive(Debug)]
struct Lost;

impl Sink for Lost {
    fn ended(&self, _: u64, outcome: Outcome) {
        if !matches!(outcome, Outcome::Stored { .. }) {
            tracing::warn!(event = "message_event_lost", ?outcome);
        }
    }
}

/// The edge's producer of events.
#[derive(Debug)]
pub struct Events {
    publisher: Publisher<Lost>,
}

impl Events {
    /// A producer that prefers large requests.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let config = settings.producer(LINGER_MS, 60_000);
        Ok(Self { publisher: Publisher::new(settings, &config, Arc::new(Lost))? })
    }

    /// A part was acknowledged.
    pub fn accepted(&self, customer: &CustomerId, part: PartId, at_ms: u64) {
        let message = MessageId::from(part);
        let event = event(customer, message, Happened::Accepted, at_ms);
        let value = wire::encode(&event);
        let record =
            Record { topic: MESSAGE_EVENTS, partition: None, key: &[], value: &value, token: 0 };
        if let Err(error) = self.publisher.send(record) {
            tracing::warn!(event = "message_event_lost", %error);
        }
    }

    /// Waits until they are stored. Blocks the thread.
    pub fn flush(&self, patience: std::time::Duration) {
        if self.publisher.flush(patience).is_err() {
            tracing::warn!(event = "message_events_lost", count = self.publisher.in_flight());
        }
    }
}

/// What the edge says happened to `message` (of a part: the part).
pub(crate) fn event(
    customer: &CustomerId,
    message: MessageId,
    happened: Happened,
    at_ms: u64,
) -> MessageEvent<'_> {
    let (name, detail) = match happened {
        Happened::Doubt => ("edge doubt", "not known whether Kafka has it; told ESME_RSYSERR"),
        _ => ("accepted", "smpp"),
    };
    MessageEvent {
        v: V,
        id: message.event(name, 0),
        message,
        customer: Cow::Borrowed(customer),
        happened,
        by: Cow::Borrowed(BY),
        at_ms,
        attempt: 0,
        provider: None,
        detail: Cow::Borrowed(detail),
    }
}
