//! `message-events`: what happened to each message, at least once, told apart by id. It is all that
//! `record` reads (docs/adr/0003): `route` tells of acceptance and joining what `customer-incoming-*`
//! says, `correlate` of submits and receipts what `provider-events` says.

use std::borrow::Cow;

use domain::address::Address;
use domain::id::{CustomerId, EventId, MessageId, PartId, ProviderId};
use domain::message::{Envelope, Message, Part};
use domain::receipts::MessageState;
use serde::{Deserialize, Serialize};

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
    /// Waits for its time.
    Scheduled,
    /// Taken back while it waited.
    Cancelled,
    /// Changed while it waited.
    Replaced,
    /// Its time has come.
    Released,
    /// A provider's receipt: it is on its way.
    Progress,
    /// A provider's receipt: the handset has the part.
    Delivered,
    /// A provider's receipt: the handset will not get the part.
    Undelivered,
    /// The next attempt begins.
    Retried,
    /// A handset's message came.
    Received,
    /// The customer took a receipt or a handset's message.
    Told,
    /// It waits for the customer in the mailbox.
    Parked,
    /// The customer refused it for good.
    NotTaken,
    /// It waited for the customer for too long.
    NotFetched,
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
    /// Which part it is about, by the part's own id; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartId>,
    /// The provider's id for the part, as it gave it.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub provider_message_id: Cow<'a, str>,
    /// What became of the part, where a receipt or a failure says it in SMPP's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<MessageState>,
    /// `err` of that receipt.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub error: Cow<'a, str>,
    /// The sender: only where the message begins ([`Happened::is_first`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, Address>>,
    /// The destination: only where the message begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Cow<'a, Address>>,
    /// Ids that the customer was given for its parts, where the message begins; those of the parts that
    /// it was cut into, where it was routed. Left out if its one part has the message's own id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartIds>,
    /// Why, and with what: the route, the provider's ids, ids of the parts.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub detail: Cow<'a, str>,
}

/// The ids of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartIds {
    /// Its own.
    pub id: PartId,
    /// Those of the customer's resends of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<PartId>,
}

impl PartIds {
    /// Those of a message's parts; none if its one part has only the message's own id.
    #[must_use]
    pub fn of(message: &Message) -> Vec<Self> {
        match message.parts.as_slice() {
            [Part { id, aliases, .. }] if aliases.is_empty() && *id == message.id.into() => {
                Vec::new()
            }
            parts => {
                let ids = |part: &Part| Self { id: part.id, aliases: part.aliases.clone() };
                parts.iter().map(ids).collect()
            }
        }
    }
}

impl Happened {
    /// True where a message's journey begins: such an event has its addresses, and by it the message
    /// is found among its customer's and its handset's.
    #[must_use]
    pub fn is_first(self) -> bool {
        matches!(self, Self::Accepted | Self::Received | Self::Incomplete)
    }

    /// The name in records and lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Assembled => "assembled",
            Self::Incomplete => "incomplete",
            Self::Routed => "routed",
            Self::Failed => "failed",
            Self::Submitted => "submitted",
            Self::Rejected => "rejected",
            Self::Doubt => "doubt",
            Self::Scheduled => "scheduled",
            Self::Cancelled => "cancelled",
            Self::Replaced => "replaced",
            Self::Released => "released",
            Self::Progress => "progress",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Retried => "retried",
            Self::Received => "received",
            Self::Told => "told",
            Self::Parked => "parked",
            Self::NotTaken => "not_taken",
            Self::NotFetched => "not_fetched",
        }
    }
}

impl<'a> MessageEvent<'a> {
    /// Something of which only this is known; name the rest: `MessageEvent { provider, ..new(…) }`.
    #[must_use]
    pub fn new(
        id: EventId,
        message: MessageId,
        customer: Cow<'a, CustomerId>,
        happened: Happened,
        by: &'a str,
        at_ms: u64,
    ) -> Self {
        Self {
            id,
            message,
            customer,
            happened,
            by: Cow::Borrowed(by),
            at_ms,
            attempt: 0,
            provider: None,
            part: None,
            provider_message_id: Cow::Borrowed(""),
            state: None,
            error: Cow::Borrowed(""),
            source: None,
            destination: None,
            parts: Vec::new(),
            detail: Cow::Borrowed(""),
        }
    }

    /// The same, with its addresses: for where a journey begins.
    #[must_use]
    pub fn between(self, source: &'a Address, destination: &'a Address) -> Self {
        let (source, destination) = (Cow::Borrowed(source), Cow::Borrowed(destination));
        Self { source: Some(source), destination: Some(destination), ..self }
    }

    /// The same, on its own.
    #[must_use]
    pub fn into_owned(self) -> MessageEvent<'static> {
        let owned = |address: Cow<'a, Address>| Cow::Owned(address.into_owned());
        MessageEvent {
            customer: Cow::Owned(self.customer.into_owned()),
            by: Cow::Owned(self.by.into_owned()),
            provider: self.provider.map(|provider| Cow::Owned(provider.into_owned())),
            provider_message_id: Cow::Owned(self.provider_message_id.into_owned()),
            error: Cow::Owned(self.error.into_owned()),
            source: self.source.map(owned),
            destination: self.destination.map(owned),
            detail: Cow::Owned(self.detail.into_owned()),
            id: self.id,
            message: self.message,
            happened: self.happened,
            at_ms: self.at_ms,
            attempt: self.attempt,
            part: self.part,
            state: self.state,
            parts: self.parts,
        }
    }
}

/// The records of `message-events` that tell these events (they are put in another order), each with its
/// key: what happens to one message is in one partition, where `record` finds it together.
pub fn records(events: &mut [MessageEvent<'_>]) -> impl Iterator<Item = (String, Vec<u8>)> {
    events.sort_by_key(|event| share(event.message));
    let of_shares = events.chunk_by(|a, b| share(a.message) == share(b.message));
    of_shares.flat_map(|of_share| of_share.chunks(EVENTS_MAX)).map(together)
}

/// The record that tells this event alone, with its key.
#[must_use]
pub fn record(event: &MessageEvent<'_>) -> (String, Vec<u8>) {
    together(std::slice::from_ref(event))
}

fn together(events: &[MessageEvent<'_>]) -> (String, Vec<u8>) {
    let key = events.first().map(|event| share(event.message).to_string());
    let value = crate::encode(&MessageEvents { v: V, events: Cow::Borrowed(events) });
    (key.unwrap_or_default(), value)
}

/// Few enough that a batch of many messages is still few records, enough to fill the partitions.
fn share(message: MessageId) -> u64 {
    message.spread() % 16
}

impl<'a> MessageEvent<'a> {
    /// A whole message was accepted.
    #[must_use]
    pub fn accepted(message: &'a Message) -> Self {
        Self { parts: PartIds::of(message), ..accepted(message.id, &message.envelope) }
    }

    /// Parts that came one by one were joined; none: it came whole.
    #[must_use]
    pub fn assembled(message: &'a Message) -> Option<Self> {
        message.split?;
        let ids =
            message.parts.iter().flat_map(|part| std::iter::once(&part.id).chain(&part.aliases));
        let ids: Vec<String> = ids.map(ToString::to_string).collect();
        let (id, customer) = (message.id.event("assembled", 0), &message.envelope.customer);
        let (customer, at_ms) = (Cow::Borrowed(customer), message.attempt_ms);
        let detail = Cow::Owned(format!("parts {}", ids.join(" ")));
        let event = Self::new(id, message.id, customer, Happened::Assembled, "assemble", at_ms);
        Some(Self { detail, ..event })
    }
}

/// By `smpp-edge`, the one program that accepts messages: true until they come over HTTP too.
fn accepted(message: MessageId, envelope: &Envelope) -> MessageEvent<'_> {
    let customer = Cow::Borrowed(&envelope.customer);
    let (id, at_ms) = (message.event("accepted", 0), envelope.accepted_ms);
    MessageEvent::new(id, message, customer, Happened::Accepted, "smpp-edge", at_ms)
        .between(&envelope.source, &envelope.destination)
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
        let id = result.message.event(&format!("{name} {part}"), result.attempt);
        let customer = Cow::Borrowed(&result.customer);
        let by = "provider-sender";
        Self {
            attempt: result.attempt,
            provider: Some(Cow::Borrowed(&result.provider)),
            part: Some(part),
            provider_message_id: Cow::Borrowed(&result.provider_message_id),
            detail: Cow::Owned(detail),
            ..Self::new(id, result.message, customer, happened, by, result.at_ms)
        }
    }
}

fn is_zero(attempt: &u32) -> bool {
    *attempt == 0
}
