//! `message-events`: what happened to each message, at least once, told apart by id.

use std::borrow::Cow;

use domain::id::{CustomerId, EventId, MessageId, ProviderId};
use serde::{Deserialize, Serialize};

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

/// A record of `message-events`. Key: message id.
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

fn is_zero(attempt: &u32) -> bool {
    *attempt == 0
}
