//! What an operator is told of a slot: its doubts, by the same fold as the owner's (`ledger`), from
//! the newest valid position to the end that the journal had when the survey began. Appends and
//! publishes nothing.
//!
//! The shell reads the stretch that [`Survey::wants`] names, hands in each record, says where the
//! stretch began ([`Survey::stretch_read`]), and so on until there is none.

use std::collections::BTreeMap;
use std::ops::Range;

use uuid::Uuid;
use wire::submit_journal::{Body, DoubtState, Doubted, PartAt, Position};

use super::event::JournalRecord;
use super::ledger::{Effects, Ledger, Place};
use super::part::Entry;
use super::repeats::Repeats;
use super::rules::Rules;
use super::search::{Search, Verdict};

/// How many records the first look for a position goes back.
const SPAN: u64 = 10_000;
/// Bounds the memory to some 200 MB; owners write a position far more often.
const MESSAGES_MAX: usize = 1_000_000;

/// A submit whose fate is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenDoubt {
    pub part: PartAt,
    pub message: Uuid,
    pub attempt: u16,
    /// Journal offset of the intent that it was sent under.
    pub intent: u64,
    pub state: DoubtState,
    /// Kafka's time of the record that tells of it, Unix ms; none: older than the position.
    pub since_ms: Option<u64>,
}

/// Why the doubts cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsurveyed {
    #[error("the journal has no position to begin with")]
    NoPosition,
    #[error("the journal's record at offset {offset} is not understood")]
    NotUnderstood { offset: u64 },
    #[error("more messages since the newest position than can be surveyed")]
    TooMuch,
}

/// One look at a slot's journal.
#[derive(Clone, Debug)]
pub struct Survey {
    end: u64,
    phase: Phase,
    ledger: Ledger<()>,
    /// When a doubt was journalled, by part and intent.
    since_ms: BTreeMap<(PartAt, u64), u64>,
    effects: Effects<()>,
}

#[derive(Clone, Debug)]
enum Phase {
    Searching(Search),
    Replaying { from: u64 },
    Ended,
    Failed(Unsurveyed),
}

impl Survey {
    /// Of a journal whose next record will stand at `end`.
    #[must_use]
    pub fn new(end: u64) -> Self {
        // A journal that was never founded has no doubts.
        let phase = match end {
            0 => Phase::Ended,
            _ => Phase::Searching(Search::new(end, SPAN)),
        };
        let ledger = Ledger::new(no_repeats(), Rules::default());
        Self { end, phase, ledger, since_ms: BTreeMap::new(), effects: Effects::default() }
    }

    /// The stretch to be read next; none: it is over.
    #[must_use]
    pub fn wants(&self) -> Option<Range<u64>> {
        match &self.phase {
            Phase::Searching(search) => Some(search.from()..self.end),
            Phase::Replaying { from } => Some(*from..self.end),
            Phase::Ended | Phase::Failed(_) => None,
        }
    }

    /// The next record of the stretch.
    pub fn record(&mut self, record: &JournalRecord) {
        let Some(body) = &record.body else {
            self.phase = Phase::Failed(Unsurveyed::NotUnderstood { offset: record.offset });
            return;
        };
        match &mut self.phase {
            Phase::Searching(search) => search.record(record, Rules::default()),
            Phase::Replaying { .. } => self.apply(record, body),
            Phase::Ended | Phase::Failed(_) => {}
        }
    }

    /// All of the stretch that exists was handed in. `from` is later than asked if the journal
    /// begins later.
    pub fn stretch_read(&mut self, from: u64) {
        match &mut self.phase {
            Phase::Searching(search) => match search.end(from, self.end, |found| found.as_of) {
                Verdict::Start { owner, position } => self.replay(owner, &position),
                Verdict::LookFrom(_) => {}
                Verdict::NoPosition => self.phase = Phase::Failed(Unsurveyed::NoPosition),
            },
            Phase::Replaying { from: wanted } if from > *wanted => {
                self.phase = Phase::Failed(Unsurveyed::NoPosition);
            }
            Phase::Replaying { .. } => self.phase = Phase::Ended,
            Phase::Ended | Phase::Failed(_) => {}
        }
    }

    /// The doubts, in the order of parts.
    ///
    /// # Errors
    /// [`Unsurveyed`].
    pub fn doubts(&self) -> Result<Vec<OpenDoubt>, Unsurveyed> {
        if let Phase::Failed(why) = self.phase {
            return Err(why);
        }
        Ok(self.ledger.parts().flat_map(|(at, entry)| self.of_part(at, entry)).collect())
    }

    fn of_part(&self, part: PartAt, entry: &Entry<()>) -> impl Iterator<Item = OpenDoubt> {
        let known = &entry.parts[usize::from(part.part)].known;
        let (message, attempt) = (entry.message, entry.attempt);
        known.unknown.iter().map(move |doubted: &Doubted| OpenDoubt {
            part,
            message,
            attempt,
            intent: doubted.intent.offset,
            state: match known.end {
                Some(end) => DoubtState::Ended(end.how),
                None if doubted.held => DoubtState::Held,
                None => DoubtState::Resent,
            },
            since_ms: self.since_ms.get(&(part, doubted.intent.offset)).copied(),
        })
    }

    /// From `as_of` on. The position's ground may be older than `as_of`; but its owner knew the
    /// journal up to there, so that no takeover after its own stands before it.
    fn replay(&mut self, owner: Option<u64>, position: &Position) {
        self.ledger = Ledger::restore(position, no_repeats(), Rules::default());
        if let Some(takeover) = owner {
            self.ledger.takeover(takeover);
        }
        self.phase = Phase::Replaying { from: position.as_of };
    }

    fn apply(&mut self, record: &JournalRecord, body: &Body) {
        let JournalRecord { offset, time_ms, writer, .. } = *record;
        let place = Place { offset, time_ms, writer, applies: true, publishes: false };
        self.ledger.apply(&place, body, &mut self.effects);
        self.effects.touched.clear();
        if let Body::Unknown(unknown) = body {
            for doubt in &unknown.parts {
                self.since_ms.entry((doubt.part.at, doubt.intent)).or_insert(time_ms);
            }
        }
        if self.ledger.messages.iter().map(BTreeMap::len).sum::<usize>() > MESSAGES_MAX {
            self.phase = Phase::Failed(Unsurveyed::TooMuch);
        }
    }
}

/// Nothing is sent, so that repeats do not matter.
fn no_repeats() -> Repeats {
    Repeats::new(0, 0)
}
