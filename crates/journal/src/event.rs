//! What a slot is told, what it asks for, and how it is set. No I/O, no clock.

use std::sync::Arc;

use uuid::Uuid;
use wire::submit_journal::{At, Body, End, Fate, PRIORITIES, PartAt, WholeResult, Writer};

use super::rules::Rules;

/// How one slot behaves; the same for its whole life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Random, new for every process: no two owners share an id.
    pub task: u64,
    /// Parts of each priority in one round, in order of priority. None may be 0.
    pub weights: [u32; PRIORITIES],
    /// Parts in one intent.
    pub intent_parts_max: usize,
    /// Intents appended and not yet acknowledged.
    pub intents_in_flight_max: usize,
    /// Messages read and not yet forgotten, per priority: bounds the slot's memory.
    pub messages_max: usize,
    /// Outcomes that are journalled without waiting for [`Timer::Flush`].
    pub outcomes_max: usize,
    /// What is done with an unknown outcome.
    pub on_unknown: OnUnknown,
    /// Fingerprints kept, and for how long (in the journal's time), to drop repeats.
    pub repeats_max: usize,
    pub repeats_ms: u64,
    /// How many records the first look for a position goes back.
    pub search_span: u64,
    /// All of them, but in the test that shows what each is for.
    pub rules: Rules,
}

/// A provider's policy for a part whose fate is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnUnknown {
    Resend,
    /// Until an operator resolves it.
    Hold,
}

/// Names an append of this slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    pub term: u32,
    pub sequence: u64,
}

/// What happened. `H` is whatever the shell needs to send a message: its body.
#[derive(Clone, Debug)]
pub enum Event<H> {
    /// The group gave this task the slot.
    Assigned,
    /// The group takes it away: finish the window, then [`Action::Released`].
    Revoked,
    /// A record asked for by [`Action::ReadJournal`], in order.
    JournalRead(JournalRecord),
    /// All of `from..to` that exists was delivered. `from` is later than asked if the journal
    /// begins later.
    JournalEnd { from: u64, to: u64 },
    /// Acknowledged by all in-sync replicas.
    Appended { ticket: Ticket, offset: u64 },
    /// Certainly not written, now or later.
    AppendFailed(Ticket),
    /// Perhaps written, perhaps later.
    AppendUnknown(Ticket),
    /// A message of an outgoing partition, in order of offsets.
    Message(Message<H>),
    /// A record of an outgoing partition that is no message, and is a dead letter by now.
    Passed(At),
    /// How many parts bucket and window let out from now on, counting none that [`Action::Send`]
    /// already handed out. 0 while there is no bind. `now_ms`: Unix time, for validity.
    Capacity { parts: usize, now_ms: u64 },
    /// What became of a part that was sent. A part that certainly was not written to the socket
    /// is [`Fate::Returned`].
    Answered { part: PartAt, intent: u64, fate: Fate, result: Option<WholeResult> },
    /// A part was (perhaps) written, and no answer to it can come any more.
    Unanswered { part: PartAt, intent: u64 },
    /// `provider-events` has this publication and all before it.
    Published { up_to: u64 },
    /// A timer that [`super::Slot::wants`] has run for its time.
    Timer(Timer),
}

/// A record of `submit-journal`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JournalRecord {
    pub offset: u64,
    /// Kafka's time stamp, Unix ms.
    pub time_ms: u64,
    /// None: by `configure`.
    pub writer: Option<Writer>,
    /// None: not understood; the slot refuses, since it cannot know what it would ignore.
    pub body: Option<Arc<Body>>,
}

impl JournalRecord {
    /// The record that stands at `offset`.
    #[must_use]
    pub fn read(offset: u64, time_ms: u64, key: &[u8], value: &[u8]) -> Self {
        // What configure writes has no key, or an empty one.
        let writer = (!key.is_empty()).then(|| Writer::decode(key)).transpose();
        let body = match (&writer, Body::decode(value)) {
            (Ok(_), Ok(body)) => Some(Arc::new(body)),
            _ => None,
        };
        Self { offset, time_ms, writer: writer.ok().flatten(), body }
    }
}

/// A message read from an outgoing partition.
#[derive(Clone, Debug)]
pub struct Message<H> {
    pub at: At,
    pub id: Uuid,
    pub attempt: u16,
    /// Number of its parts, 1 or more.
    pub parts: u16,
    /// When the attempt began, Unix ms: no copy of it was appended before.
    pub attempt_began_ms: u64,
    /// It was late ([`super::Slot::late`]), looked up, and found to have been read before.
    pub was_read: bool,
    /// End of its validity, Unix ms.
    pub expires_at_ms: u64,
    pub handle: H,
}

/// What a slot waits for; the shell knows how long (`wants` tells which run).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// 5 to 20 ms: journal the outcomes gathered.
    Flush,
    /// Every few seconds without an append: look at the journal.
    Look,
    /// Hourly at the least: write a position.
    Position,
    /// With back-off: take over again.
    Retake,
    /// 20 s: stop waiting for the window of a revoked slot.
    Release,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<H> {
    Append {
        ticket: Ticket,
        key: Writer,
        body: Arc<Body>,
    },
    /// Deliver the journal from `from` up to `to` (exclusive; none: its end). It replaces an
    /// earlier one that has not ended.
    ReadJournal {
        from: u64,
        to: Option<u64>,
    },
    /// Read the outgoing partitions from these offsets, never more than [`super::Slot::room`].
    StartReading {
        from: [u64; PRIORITIES],
    },
    StopReading,
    /// Write the part to the bind now: its intent is acknowledged and contiguous.
    Send {
        part: PartAt,
        intent: u64,
        handle: H,
    },
    /// Tell `provider-events`; confirmed in order by [`Event::Published`].
    Publish {
        number: u64,
        publication: Publication<H>,
    },
    OpenBind,
    /// Every part still unanswered is then told as [`Event::Unanswered`].
    CloseBind,
    /// The slot is no longer ours.
    Released,
    Refuse(Refusal),
}

/// What `provider-events` is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Publication<H> {
    /// A part's final outcome, as it stands in the journal.
    Result { part: PartAt, result: Option<WholeResult> },
    /// The fate of an intent of this part is unknown.
    Doubt { part: PartAt, message: Uuid, attempt: u16, intent: u64, held: bool },
    /// A message's attempt has ended: one end per part.
    Summary { at: At, message: Uuid, attempt: u16, ends: Vec<End>, handle: H },
}

/// Why a slot does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// `configure` writes the first.
    NoPosition,
    /// A record of another version, or damaged, at this offset.
    NotUnderstood { offset: u64 },
}

/// What is counted for the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// Repeats dropped.
    pub repeats: u64,
    /// Doubts journalled by this slot.
    pub doubts: u64,
    /// Takeovers by others that this slot met.
    pub fenced: u64,
}
