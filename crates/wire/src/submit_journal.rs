//! Topic `submit-journal`: what a slot's owner intends, what became of it, and who owns the slot.
//!
//! The Kafka record's **key** names the writer (owner, the offset of its takeover, sequence), so
//! that the fence check parses no JSON; records of `configure` have no key. The **value** is JSON:
//! `v` and exactly one field that names the kind. Rows are arrays: cost matters here.
//! A part is named by where its message stands: priority, offset in the outgoing partition, index.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod json;
mod whole_result;

pub use whole_result::WholeResult;

/// The version of the values written here; any other is refused.
pub const VERSION: u32 = 1;
/// `high`, `normal`, `bulk`.
pub const PRIORITIES: usize = 3;

/// One ownership of a slot: a task, and which of its takeovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId {
    /// Random, new for every process.
    pub task: u64,
    /// Counts the takeovers of this task.
    pub term: u32,
}

/// Who wrote a record: its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    pub owner: OwnerId,
    /// Offset of the owner's takeover; none on the takeover itself.
    pub takeover: Option<u64>,
    /// Counts the owner's records; 0 is the takeover.
    pub sequence: u64,
}

/// Where a message stands in the slot's outgoing partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    pub priority: u8,
    pub offset: u64,
}

/// One part of the message that stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartAt {
    pub at: At,
    pub part: u16,
}

/// A part with what identifies its message: the subject of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    pub at: PartAt,
    pub message: Uuid,
    pub attempt: u16,
}

/// A value of `submit-journal`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// I own the slot from here.
    Takeover,
    /// I am about to send these. The record's offset names the intent from now on.
    Intent(Vec<Part>),
    /// What became of intents: one record may hold answers to several.
    Outcomes(Vec<Outcomes>),
    /// Ended without an intent: never sent.
    Unsent(Unsent),
    /// Intents whose fate nobody can know.
    Unknown(Unknown),
    /// An operator's word about an unknown.
    Resolution(Resolution),
    /// An operator's word: what stands before these offsets and was not sent is not sent.
    Drain(Drain),
    /// What a successor need not read again.
    Position(Box<Position>),
}

/// Outcomes of one intent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outcomes {
    /// Offset of the intent.
    pub intent: u64,
    pub parts: Vec<Outcome>,
}

/// What became of one part under one intent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    pub at: PartAt,
    pub fate: Fate,
    /// All that `provider-events` must be told, so that a successor can publish it.
    pub result: Option<WholeResult>,
}

/// What became of a part under an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fate {
    #[serde(rename = "a")]
    Accepted,
    #[serde(rename = "j")]
    Rejected,
    /// Throttled, queue full, or never written: not final.
    #[serde(rename = "r")]
    Returned,
    /// Validity ran out between intent and send.
    #[serde(rename = "e")]
    Expired,
}

/// Parts that end without having been sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unsent {
    pub why: UnsentWhy,
    pub parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsentWhy {
    Expired,
    Drained,
}

/// Doubts: intents whose fate nobody can know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unknown {
    /// Policy `hold`: not sent again before a resolution.
    pub hold: bool,
    pub parts: Vec<Doubt>,
}

/// One part of an intent whose fate nobody can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Doubt {
    pub intent: u64,
    pub part: Part,
}

/// An operator's decision about the parts of an intent that are unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resolution {
    pub intent: u64,
    /// None: every part of that intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartAt>,
    pub word: Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    Resend,
    Drop,
}

/// Per priority the offset before which what was not sent ends as drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Drain {
    pub before: [u64; PRIORITIES],
}

/// The summary that a successor starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Position {
    /// Journal offset up to which (exclusive) it accounts.
    pub as_of: u64,
    /// Journal offset up to which (exclusive) everything is confirmed on `provider-events`.
    pub published_to: u64,
    /// Journal offset from which the set of repeats is rebuilt.
    pub repeats_from: u64,
    /// The newest takeover before the smallest of the three: what was written under an older one
    /// behind it is void, although the reader does not meet it.
    pub ground: Option<u64>,
    /// Per priority the next offset neither intended nor ended.
    pub next: [u64; PRIORITIES],
    /// Offsets from `next` on that were intended or ended all the same.
    pub beyond: [Vec<u64>; PRIORITIES],
    /// Drains in force.
    pub drain: Drain,
    /// Every message intended or ended at `as_of` with a part without an end, or whose summary is
    /// not confirmed.
    pub messages: Vec<Listed>,
}

/// A message in a position.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listed {
    pub at: At,
    #[serde(with = "json::short_id")]
    pub message: Uuid,
    pub attempt: u16,
    /// As far as known: a message is read again before it goes on.
    pub parts: Vec<ListedPart>,
}

/// A part in a position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ListedPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<Intended>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Doubted>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rejected: bool,
}

/// An intent of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Intended {
    pub offset: u64,
    pub owner: OwnerId,
}

/// An unknown intent of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Doubted {
    pub intent: Intended,
    /// Waits for a resolution.
    pub held: bool,
}

/// How a part ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct End {
    pub how: Ending,
    /// Another intent of it stays unknown: it may have been accepted too, and is not retried.
    pub doubtful: bool,
}

/// How a part's attempt ended; also what `provider-events` and the admin API tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The provider has it.
    Accepted,
    /// The provider refused it.
    Rejected,
    /// Its validity ran out before it was sent.
    Expired,
    /// An operator took it back before it was sent.
    Drained,
    /// An operator gave it up after its fate stayed unknown.
    Dropped,
    /// Not sent because another part of its message failed.
    Abandoned,
}

/// What became of a part of which a submit is in doubt; not in the journal, but what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtState {
    /// Waits for an operator's word.
    Held,
    /// Goes again, or went again, by policy or by an operator's word.
    Resent,
    /// Ended, whatever this submit's fate was.
    #[serde(untagged)]
    Ended(Ending),
}

/// Why a record is not understood.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("submit-journal: unknown version {0}")]
    UnknownVersion(u32),
    #[error("submit-journal: not one known kind in the value")]
    UnknownKind,
    #[error("submit-journal: malformed value at line {0} column {1}")]
    Malformed(usize, usize),
    #[error("submit-journal: malformed key")]
    MalformedKey,
}

impl Writer {
    /// The record's key: `task.term.sequence.takeover`, hexadecimal.
    #[must_use]
    pub fn encode(&self) -> String {
        let Self { owner, takeover, sequence } = self;
        match takeover {
            Some(takeover) => format!("{owner}.{sequence:x}.{takeover:x}"),
            None => format!("{owner}.{sequence:x}"),
        }
    }

    /// # Errors
    /// [`RecordError::MalformedKey`].
    pub fn decode(key: &[u8]) -> Result<Self, RecordError> {
        let text = std::str::from_utf8(key).map_err(|_| RecordError::MalformedKey)?;
        parse_key(text).ok_or(RecordError::MalformedKey)
    }
}

impl Body {
    /// The record's value.
    ///
    /// # Errors
    /// None in practice: every value has a JSON form.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        json::encode(self)
    }

    /// # Errors
    /// [`RecordError`]; nothing of the value's content is in it.
    pub fn decode(value: &[u8]) -> Result<Self, RecordError> {
        json::decode(value)
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.task, self.term)
    }
}

fn parse_key(text: &str) -> Option<Writer> {
    let mut fields = text.split('.');
    let owner = parse_owner(&mut fields)?;
    let sequence = u64::from_str_radix(fields.next()?, 16).ok()?;
    let takeover = match fields.next() {
        Some(offset) => Some(u64::from_str_radix(offset, 16).ok()?),
        None => None,
    };
    fields.next().is_none().then_some(Writer { owner, takeover, sequence })
}

fn parse_owner<'a>(fields: &mut impl Iterator<Item = &'a str>) -> Option<OwnerId> {
    let task = u64::from_str_radix(fields.next()?, 16).ok()?;
    let term = u32::from_str_radix(fields.next()?, 16).ok()?;
    Some(OwnerId { task, term })
}
