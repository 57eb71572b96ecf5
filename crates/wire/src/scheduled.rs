//! Table `scheduled` and SQS `releases`: messages that wait for their time (design, section 8).

use domain::id::{CustomerId, EventId, MessageId};
use domain::message::Message;
use serde::{Deserialize, Serialize};

use crate::version::V;

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3_600_000;
/// For so long after its time an item is known: longer than any topic can bring its message again
/// (validity and four days, and what an operator redrives), so that a repeat finds it.
const KEPT_MS: u64 = 30 * DAY_MS;

/// SQS `releases`: tells `release` to look at an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hint {
    /// Version.
    pub v: V<1>,
    /// Whose.
    pub customer: CustomerId,
    /// The message.
    pub message: MessageId,
    /// When there is something to do, Unix milliseconds. What really counts stands in the item.
    pub due_ms: u64,
    /// The customer changed it: tell of that before its time too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub news: bool,
    /// Sent by `sweep`, which will send it again: not re-queued, or copies would pile up.
    #[serde(default, skip_serializing_if = "is_false")]
    pub swept: bool,
}

/// An item: what is known of one id of one customer. Written on the condition that it is what was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A message.
    Message(Box<Scheduled>),
    /// The customer sent the first part twice: by this id it means that message.
    Alias {
        /// The message's own id.
        of: MessageId,
        /// When the message was to be sent as it was parked, Unix milliseconds.
        due_ms: u64,
    },
    /// Cancelled before it was parked: whoever parks it finds this.
    Cancelled {
        /// When, Unix milliseconds.
        at_ms: u64,
    },
}

/// A message that waits, or waited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scheduled {
    /// As it would be sent; its time is in the envelope.
    pub message: Message,
    /// What became of it.
    pub state: State,
    /// The changes that were made to it, in their order: one that is repeated finds itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<Replaced>,
    /// What followed from its end is published: nothing is to be done any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub told: bool,
}

/// What became of a scheduled message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its time has not come.
    Waiting,
    /// It goes its way: published by whoever reads this and it is not told yet.
    Released {
        /// When; its attempt begins then, at every run. Unix milliseconds.
        at_ms: u64,
        /// The configuration version in force then: the one of its acceptance may be a month old.
        config: u64,
    },
    /// The customer took it back.
    Cancelled {
        /// When, Unix milliseconds.
        at_ms: u64,
    },
}

/// A `replace_sm` that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Of the request.
    pub id: EventId,
    /// When, Unix milliseconds.
    pub at_ms: u64,
}

/// An item as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Version of the form.
    pub v: V<1>,
    /// What.
    pub item: Item,
}

/// An item and the version that it was read under.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Counts the writes, from 1.
    pub version: u64,
    /// What was read.
    pub item: Item,
}

/// A conditional write.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// The id that the item stands under.
    pub message: MessageId,
    /// Written only if this is still the version (0: there is no item), or if this writer has made
    /// this very write before.
    pub read_version: u64,
    /// What to write.
    pub item: Item,
}

impl Scheduled {
    /// When it is to be sent, Unix milliseconds.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        let envelope = &self.message.envelope;
        envelope.schedule_ms.unwrap_or(envelope.accepted_ms)
    }
}

impl Item {
    /// When something is to be done about it, Unix milliseconds; none: nothing any more.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        match self {
            Self::Message(it) if !it.told => Some(match it.state {
                State::Waiting => it.time_ms(),
                State::Released { at_ms, .. } | State::Cancelled { at_ms } => at_ms,
            }),
            _ => None,
        }
    }

    /// Until when it has to be known, Unix milliseconds. Nothing is timed by it.
    #[must_use]
    pub fn kept_until_ms(&self) -> u64 {
        let last_ms = match self {
            Self::Message(it) => match it.state {
                State::Waiting => it.time_ms(),
                State::Released { at_ms, .. } | State::Cancelled { at_ms } => {
                    at_ms.max(it.time_ms())
                }
            },
            Self::Alias { due_ms, .. } => *due_ms,
            Self::Cancelled { at_ms } => *at_ms,
        };
        // A time that is moved is moved by 30 days at most; an alias does not learn of it.
        last_ms.saturating_add(2 * KEPT_MS)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}
