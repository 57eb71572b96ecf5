//! Bodies of the admin API: what `gatewayctl` sends and `configure` answers.

mod messages;

use domain::config::{Change, Document, Mistake};
use domain::message::Priority;
use serde::{Deserialize, Serialize};

pub use self::messages::{Journey, JourneyEvent, MessageList, shown};
use crate::submit_journal::{DoubtState, PRIORITIES, Word};

/// Answer of `GET /config/…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Its number; none: nothing was applied yet.
    pub version: Option<u64>,
    /// The document.
    pub document: Document,
}

/// Answer of `POST /config/apply`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The new version.
    pub version: u64,
}

/// Body of `POST /config/plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanBody {
    /// The document that would come into force.
    pub document: Document,
}

/// Body of `POST /config/apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyBody {
    /// The document.
    pub document: Document,
    /// The version that the plan was made against; none: there was none.
    pub planned_against: Option<u64>,
    /// A fresh UUID that names this change: sent again after a lost answer, it succeeds.
    pub change: String,
}

/// Body of `POST /route/explain`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainBody {
    /// The customer.
    pub customer: String,
    /// The sender id.
    pub sender: String,
    /// The handset.
    pub destination: String,
    /// The message's queue.
    #[serde(default)]
    pub priority: Priority,
    /// Time of acceptance, Unix milliseconds; none: now.
    #[serde(default)]
    pub at_ms: Option<u64>,
    /// The message whose choice by weight is asked for; none: some message.
    #[serde(default)]
    pub message: Option<String>,
    /// Providers that were tried.
    #[serde(default)]
    pub tried: Vec<String>,
    /// The configuration version; none: the one in force.
    #[serde(default)]
    pub version: Option<u64>,
}

impl std::fmt::Debug for ExplainBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExplainBody({}, version {:?})", self.customer, self.version)
    }
}

/// Body of `POST /mo/explain`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainMoBody {
    /// The number that the handset writes to.
    pub number: String,
    /// The provider that brings the message.
    pub provider: String,
    /// Its text.
    pub text: String,
    /// The configuration version; none: the one in force.
    #[serde(default)]
    pub version: Option<u64>,
}

impl std::fmt::Debug for ExplainMoBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExplainMoBody({}, version {:?})", self.provider, self.version)
    }
}

/// Whose a handset's message is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedMo {
    /// The version that was asked.
    pub version: u64,
    /// `to customer acme by keyword GAME`, or why not.
    pub decision: String,
    /// Whose it is; of a wish: whom it concerns.
    pub customers: Vec<String>,
    /// Each claim to the number's messages and what spoke for or against it, the chosen one first.
    pub claims: Vec<ClaimVerdict>,
}

/// A claim to a number's messages, and what spoke for or against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimVerdict {
    /// The row's number.
    pub number: String,
    /// By what: `keyword GAME of acme`.
    pub claim: String,
    /// In words.
    pub verdict: String,
}

/// What a document would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version in force, to be named by `apply`.
    pub planned_against: Option<u64>,
    /// What is wrong; then nothing can be applied.
    pub mistakes: Vec<Mistake>,
    /// What changes, and what that touches.
    pub changes: Vec<Change>,
    /// Kafka topics that are needed, with their partitions.
    pub topics: Vec<(String, u32)>,
}

/// A routing decision in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The version that was asked.
    pub version: u64,
    /// `to provider alpha, bind 2, queue normal`, or why not.
    pub decision: String,
    /// The provider, if there is one.
    pub provider: Option<String>,
    /// Each route and what spoke for or against it, the closest first.
    pub routes: Vec<RouteVerdict>,
}

/// A route and what spoke for or against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteVerdict {
    /// Its name.
    pub route: String,
    /// In words.
    pub verdict: String,
}

/// Answer of `GET /doubts?provider=…&slot=…&held=true&from_slot=…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtList {
    /// By slot, then by part.
    pub doubts: Vec<Doubt>,
    /// Slots of which not everything is told.
    pub unread: Vec<Unread>,
    /// The list goes on.
    pub more: bool,
    /// With slot: ask again from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_slot: Option<u32>,
}

/// A submit whose fate is unknown. Says nothing of the message's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Slot that sent it.
    pub slot: u32,
    /// Provider that it was sent to.
    pub provider: String,
    /// Names the submit in the slot's journal.
    pub intent: u64,
    /// Message id.
    pub message: String,
    /// Part of the message, from 0.
    pub part: u16,
    /// Attempt to send the message, from 0.
    pub attempt: u16,
    /// When it became doubtful, Unix milliseconds; of one that is older than the journal's newest
    /// position: when it was submitted. None: not known any more.
    pub since_ms: Option<u64>,
    /// What became of the part.
    pub state: DoubtState,
}

/// A slot whose doubts are not, or not all, in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The slot.
    pub slot: u32,
    /// Why.
    pub why: String,
}

/// Body of `POST /doubts/resolve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveBody {
    /// The slot.
    pub slot: u32,
    /// The intent.
    pub intent: u64,
    /// Only this message's.
    #[serde(default)]
    pub message: Option<String>,
    /// Only this part of it, from 0.
    #[serde(default)]
    pub part: Option<u16>,
    /// All that the intent covers, if it is more than one.
    #[serde(default)]
    pub all: bool,
    /// What is to be done.
    pub word: Word,
}

/// Answer of `POST /doubts/resolve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Doubts that waited and have the word now.
    pub resolved: usize,
    /// Doubts that were settled before; nothing was done about them.
    pub settled_before: usize,
    /// What happens next.
    pub next: String,
}

/// Answer of `POST /providers/{provider}/drain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// The provider.
    pub provider: String,
    /// Each of its slots.
    pub slots: Vec<DrainedSlot>,
    /// What happens next.
    pub next: String,
}

/// A slot that is drained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainedSlot {
    /// The slot.
    pub slot: u32,
    /// Offsets in its queues (high, normal, bulk) before which nothing more is sent.
    pub before: [u64; PRIORITIES],
}

/// Answer of `GET /dead-letters?topic=…&since_ms=…&limit=…`: the oldest since then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterList {
    /// In the order of time.
    pub letters: Vec<Letter>,
    /// Records of the topic that are no dead letters.
    pub unreadable: u64,
    /// The list goes on: ask again since the last one's time, or for more.
    pub more: bool,
}

/// A dead letter without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Partition and offset on `dead-letters`: `0/17`.
    pub id: String,
    /// Where the record was read.
    pub topic: String,
    /// Partition there.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
    /// Program that gave it up.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// Length of its key.
    pub key_octets: usize,
    /// Length of its value.
    pub value_octets: usize,
    /// It can be put back on its topic.
    pub redrivable: bool,
}

/// Dead letters in one [`RedriveBody`] at most.
pub const REDRIVE_MAX: usize = 100;

/// Body of `POST /dead-letters/redrive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedriveBody {
    /// Ids as [`Letter::id`], [`REDRIVE_MAX`] at most.
    pub ids: Vec<String>,
}

/// Answer of `POST /dead-letters/redrive`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redriven {
    /// Records that are back on their topics, on all in-sync replicas.
    pub redriven: usize,
}

/// A problem on the wire (RFC 9457, with the cure).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// What is wrong.
    pub title: String,
    /// What to do.
    pub cure: String,
    /// Mistakes of a document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<Mistake>,
}
