//! `message-events`: what happened to each message, at least once, told apart by id. What a provider
//! made of it is on `provider-events` and not told again here (docs/adr/0002).

use std::borrow::Cow;

use domain::id::{CustomerId, EventId, MessageId, ProviderId};
use serde::{Deserialize, Serialize};

use crate::provider_events::{SubmitOutcome, SubmitResult};
use crate::version::V;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// Acknowledged to the customer (one event per part).
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

/// A record of `message-events`. Without a key: events are merged by id, in whatever order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageEvent<'a> {
    /// Version.
    pub v: V<1>,
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

impl<'a> From<&'a SubmitResult> for MessageEvent<'a> {
    /// What the outcome of a part's submit says of the message.
    fn from(result: &'a SubmitResult) -> Self {
        let part = result.part;
        let (happened, name, detail) = match result.outcome {
            SubmitOutcome::Accepted => {
                let id = &result.provider_message_id;
                (Happened::Submitted, "submitted", format!("part {part} is {id} there"))
            }
            _ => {
                let status = result.status;
                (Happened::Rejected, "rejected", format!("part {part}: status {status:#010x}"))
            }
        };
        Self {
            v: V,
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
