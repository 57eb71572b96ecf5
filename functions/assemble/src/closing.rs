//! What one deadline message leads to, as a state machine (design, section 5).
//!
//! **Ask how far the parts were read, close, tell, forget.** A message is closed only when
//! `assemble` has read everything that was appended before its deadline: our own delay never fails
//! a customer's message. It stays in the index of deadlines until the customer was told.

use std::collections::BTreeSet;

use wire::assembly_deadlines::AssemblyDeadline;

use crate::close::{close, reported, reports};
use crate::held::Source;
use crate::item::{Generation, Item};
use crate::output::Output;
use crate::run::{Put, Stored};

/// The brokers' clocks and ours, and the brokers' among each other, differ by less than this.
/// Records with an earlier time than the deadline all stand before the first one with a time that
/// is later than the deadline by this much, and none of them comes after that time.
pub const CLOCKS_DIFFER_MS: u64 = 5_000;
/// A deadline waits this long for parts that are not read yet.
pub const AGAIN_MS: u64 = 60_000;
const ROUNDS_MAX: u32 = 8;

/// What is to be done next. The machine goes on when it is told that it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Read the item consistently, then [`Closing::read`].
    Read,
    /// Find out whether `assemble` has read each of these partitions of the topic up to the first
    /// record appended at or after this time, Unix milliseconds; then [`Closing::progress`].
    AskProgress(Source, BTreeSet<i32>, u64),
    /// Write it on its condition, then [`Closing::written`].
    Write(Put),
    /// Publish these, confirmed, then [`Closing::published`].
    Publish(Vec<Output>),
    /// Schedule the same deadline again after this many milliseconds; then it is done.
    Again(u64),
    /// Done.
    Done,
    /// Others wrote the item each time: the message fails and comes again.
    Contended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Read,
    Progress,
    Close,
    Report,
    Forget,
    Again(u64),
    Done,
}

/// The way of one deadline message.
#[derive(Debug, Clone)]
pub struct Closing {
    deadline: AssemblyDeadline,
    phase: Phase,
    rounds: u32,
    stored: Stored,
    /// Partitions that were read beyond the deadline.
    reached: BTreeSet<i32>,
}

impl Closing {
    /// A deadline that was received at `now_ms`.
    #[must_use]
    pub fn new(deadline: AssemblyDeadline, now_ms: u64) -> Self {
        let ripe_ms = deadline.due_ms.saturating_add(CLOCKS_DIFFER_MS);
        let phase = match ripe_ms.saturating_sub(now_ms) {
            // A run may have scheduled this and not have written yet: the table alone tells nothing.
            0 if deadline.partition.is_some() => Phase::Progress,
            0 => Phase::Read,
            early_ms => Phase::Again(early_ms),
        };
        let (stored, reached) = (Stored::default(), BTreeSet::new());
        Self { deadline, phase, rounds: 0, stored, reached }
    }

    /// The message itself, to be sent again.
    #[must_use]
    pub fn deadline(&self) -> &AssemblyDeadline {
        &self.deadline
    }

    /// What is to be done now; the same until it is answered.
    #[must_use]
    pub fn step(&self) -> Step {
        match self.phase {
            Phase::Read if self.rounds >= ROUNDS_MAX => Step::Contended,
            Phase::Read => Step::Read,
            Phase::Progress => Step::AskProgress(
                Source::of_key(&self.deadline.key),
                self.unread_partitions(),
                self.deadline.due_ms.saturating_add(CLOCKS_DIFFER_MS),
            ),
            Phase::Close => match close(&self.stored.item, self.deadline.due_ms) {
                Some(item) => Step::Write(self.put(item)),
                None => Step::Done,
            },
            Phase::Report => Step::Publish(reports(&self.stored.item)),
            Phase::Forget => Step::Write(self.put(reported(&self.stored.item))),
            // What sweep sent it sends again: copies would pile up while parts are not read.
            Phase::Again(_) if self.deadline.swept => Step::Done,
            Phase::Again(after_ms) => Step::Again(after_ms),
            Phase::Done => Step::Done,
        }
    }

    /// The item, as it was read after its parts were. An item that is not there was finished with
    /// long ago.
    pub fn read(&mut self, stored: Stored) {
        self.rounds += 1;
        self.stored = stored;
        self.phase = if !self.unread_partitions().is_empty() {
            Phase::Progress
        } else if self.due().next().is_some() {
            Phase::Close
        } else if self.stored.item.closed.is_empty() {
            Phase::Done
        } else {
            Phase::Report
        };
    }

    /// Whether the parts were read far enough.
    pub fn progress(&mut self, reached: bool) {
        let asked = self.unread_partitions();
        self.phase = if reached { Phase::Read } else { Phase::Again(AGAIN_MS) };
        if reached {
            self.reached.extend(asked);
        }
    }

    /// Whether the write was made, or found another version.
    pub fn written(&mut self, made: bool) {
        let next = match self.phase {
            Phase::Close if made => {
                close(&self.stored.item, self.deadline.due_ms).map(|item| (Phase::Report, item))
            }
            Phase::Forget if made => Some((Phase::Done, Item::default())),
            _ => None,
        };
        match next {
            Some((phase, item)) => {
                self.stored = Stored { version: self.stored.version + 1, item };
                self.phase = phase;
            }
            None => self.phase = Phase::Read,
        }
    }

    /// Everything was told.
    pub fn published(&mut self) {
        self.phase = Phase::Forget;
    }

    /// It was scheduled again.
    pub fn scheduled(&mut self) {
        self.phase = Phase::Done;
    }

    fn put(&self, item: Item) -> Put {
        Put { key: self.deadline.key.clone(), read_version: self.stored.version, item }
    }

    fn due(&self) -> impl Iterator<Item = &Generation> {
        let due_ms = self.deadline.due_ms;
        self.stored.item.open.iter().filter(move |generation| generation.deadline_ms <= due_ms)
    }

    /// Partitions of what is due that are not known to be read far enough.
    fn unread_partitions(&self) -> BTreeSet<i32> {
        let found = self.due().map(|generation| generation.partition);
        let all = found.chain(self.deadline.partition);
        all.filter(|partition| !self.reached.contains(partition)).collect()
    }
}
