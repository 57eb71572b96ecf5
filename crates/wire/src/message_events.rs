//! `message-events`: what happened to each message, at least once, told apart by id. What another topic
//! says already is not told again here (docs/adr/0002): that a part or a message was accepted, or joined,
//! is what `customer-incoming-*` says, what a provider made of it `provider-events`. What those records
//! say of a message is their `MessageEvent::from`.

use std::borrow::Cow;

use domain::id::{CustomerId, EventId, MessageId, ProviderId};
use domain::message::Envelope;
use serde::{Deserialize, Serialize};

use crate::customer_incoming::{IncomingMessage, IncomingPart};
use crate::provider_events::SubmitResult;
use crate::submit_journal::Ending;
use crate::version::V;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// Stored for the customer who submitted it (one event per part).
    Accepted,
    /// All parts are there.
    Assembled,
    /// Parts were missing at the deadline.
    Incomplete,
    /// A provider was chosen.
    Routed,
    /// It cannot be sent: unroutable, refused or expired.
    Failed,
    /// The provider accepted all parts.
    Submitted,
    /// The provider rejected it, or its attempt failed otherwise.
    Rejected,
    /// The outcome of a submit is unknown.
    Doubt,
}

/// A record of `message-events`: what one invocation saw, of whichever messages. Without a key: events
/// are merged by id, in whatever order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageEvents<'a> {
    /// Version.
    pub v: V<1>,
    /// At most [`EVENTS_MAX`].
    pub events: Cow<'a, [MessageEvent<'a>]>,
}

/// Events of one record: some 200 kB.
pub const EVENTS_MAX: usize = 500;

/// Something that happened to a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageEvent<'a> {
    /// The same at every run.
    pub id: EventId,
    /// The message; for a part that waits for others, the part.
    pub message: MessageId,
    /// Whose.
    pub customer: Cow<'a, CustomerId>,
    /// What.
    pub happened: Happened,
    /// The program that saw it.
    pub by: Cow<'a, str>,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// The attempt, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// At which provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Cow<'a, ProviderId>>,
    /// Why, and with what: the route, the provider's ids, ids of the parts.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub detail: Cow<'a, str>,
}

/// The values of the records of `message-events` that tell these events.
pub fn records(events: &[MessageEvent<'_>]) -> impl Iterator<Item = Vec<u8>> {
    events.chunks(EVENTS_MAX).map(together)
}

/// The value of the record that tells this event alone.
#[must_use]
pub fn record(event: &MessageEvent<'_>) -> Vec<u8> {
    together(std::slice::from_ref(event))
}

fn together(events: &[MessageEvent<'_>]) -> Vec<u8> {
    crate::encode(&MessageEvents { v: V, events: Cow::Borrowed(events) })
}

impl<'a> From<&'a IncomingPart> for MessageEvent<'a> {
    /// The part was accepted: it is on Kafka, even if the edge could not know that and told the customer
    /// `ESME_RSYSERR`; its doubt says so then.
    fn from(incoming: &'a IncomingPart) -> Self {
        accepted(incoming.id().into(), &incoming.envelope)
    }
}

impl<'a> From<&'a IncomingMessage> for MessageEvent<'a> {
    /// A message of one part was accepted; parts that came one by one were joined, with the ids of all
    /// of them: each can be asked for.
    fn from(incoming: &'a IncomingMessage) -> Self {
        let message = &incoming.message;
        if message.split.is_none() {
            return accepted(message.id, &message.envelope);
        }
        let ids =
            message.parts.iter().flat_map(|part| std::iter::once(&part.id).chain(&part.aliases));
        let ids: Vec<String> = ids.map(ToString::to_string).collect();
        Self {
            happened: Happened::Assembled,
            id: message.id.event("assembled", 0),
            by: Cow::Borrowed("assemble"),
            at_ms: message.attempt_ms,
            detail: Cow::Owned(format!("parts {}", ids.join(" "))),
            ..accepted(message.id, &message.envelope)
        }
    }
}

/// By `smpp-edge`, the one program that accepts messages: true until they come over HTTP too.
fn accepted(message: MessageId, envelope: &Envelope) -> MessageEvent<'_> {
    MessageEvent {
        id: message.event("accepted", 0),
        message,
        customer: Cow::Borrowed(&envelope.customer),
        happened: Happened::Accepted,
        by: Cow::Borrowed("smpp-edge"),
        at_ms: envelope.accepted_ms,
        attempt: 0,
        provider: None,
        detail: Cow::Borrowed(""),
    }
}

impl<'a> From<&'a SubmitResult> for MessageEvent<'a> {
    /// What the outcome of a part's submit says of the message.
    fn from(result: &'a SubmitResult) -> Self {
        let part = result.part;
        let (happened, name, detail) = match result.outcome {
            Ending::Accepted => {
                let id = &result.provider_message_id;
                (Happened::Submitted, "submitted", format!("part {part} is {id} there"))
            }
            _ => {
                let status = result.status;
                (Happened::Rejected, "rejected", format!("part {part}: status {status:#010x}"))
            }
        };
        Self {
            id: result.message.event(&format!("{name} {part}"), result.attempt),
            message: result.message,
            customer: Cow::Borrowed(&result.customer),
            happened,
            by: Cow::Borrowed("provider-sender"),
            at_ms: result.at_ms,
            attempt: result.attempt,
            provider: Some(Cow::Borrowed(&result.provider)),
            detail: Cow::Owned(detail),
        }
    }
}

fn is_zero(attempt: &u32) -> bool {
    *attempt == 0
}
