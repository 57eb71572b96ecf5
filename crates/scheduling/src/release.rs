//! What a hint of queue `releases` leads to. **Read, write, publish, write that it is told.**

use domain::id::CustomerId;
use wire::scheduled::{Hint, Item, Put, Scheduled, State, Stored};

use crate::step::{Answer, Machine, ROUNDS_MAX, Step};

/// A hint without an item is kept for so long after its time: as Kafka keeps the record that the item
/// comes from (validity and four days).
pub const KEPT_WITHOUT_ITEM_MS: u64 = 7 * 24 * 3_600_000;
/// It comes again after this.
pub const AGAIN_WITHOUT_ITEM_MS: u64 = 60_000;

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Read,
    /// It is time, but under which configuration?
    Configure(Stored),
    Release(Stored, u64),
    /// Published before that is written.
    Publish(u64, Box<Scheduled>),
    Tell(u64, Box<Scheduled>),
    /// The customer changed it, and it is not time yet.
    News(Box<Scheduled>),
    /// For the milliseconds until then.
    Again(Hint),
    Done,
}

/// One hint.
#[derive(Debug, Clone)]
pub struct Releasing {
    hint: Hint,
    now_ms: u64,
    phase: Phase,
    rounds: u32,
}

impl Releasing {
    /// A hint that came at `now_ms`.
    #[must_use]
    pub fn new(hint: Hint, now_ms: u64) -> Self {
        let early = hint.due_ms > now_ms && !hint.news && !hint.swept;
        let phase = if early { Phase::Again(hint.clone()) } else { Phase::Read };
        Self { hint, now_ms, phase, rounds: 0 }
    }

    fn found(&self, found: Option<Stored>) -> Phase {
        let Some(stored) = found else { return self.without_item() };
        let Item::Message(scheduled) = &stored.item else { return Phase::Done };
        match scheduled.state {
            _ if scheduled.told => Phase::Done,
            State::Waiting if scheduled.time_ms() <= self.now_ms => Phase::Configure(stored),
            State::Waiting if self.hint.news => Phase::News(scheduled.clone()),
            State::Waiting => self.early(scheduled),
            State::Released { .. } | State::Cancelled { .. } => {
                Phase::Publish(stored.version, scheduled.clone())
            }
        }
    }

    /// Its record may still be on its way to the table.
    fn without_item(&self) -> Phase {
        let Hint { due_ms, swept, .. } = self.hint;
        if swept || self.now_ms > due_ms.saturating_add(KEPT_WITHOUT_ITEM_MS) {
            return Phase::Done;
        }
        Phase::Again(Hint { news: false, ..self.hint.clone() })
    }

    /// A change that the hint was sent for may not be written yet: it keeps its own time too.
    fn early(&self, scheduled: &Scheduled) -> Phase {
        if self.hint.swept {
            return Phase::Done;
        }
        let (time_ms, asked_ms) = (scheduled.time_ms(), self.hint.due_ms);
        let due_ms = if asked_ms > self.now_ms { asked_ms.min(time_ms) } else { time_ms };
        Phase::Again(Hint { due_ms, news: false, ..self.hint.clone() })
    }

    /// The item with another state, for the condition that it is what was read.
    fn released(&self, stored: &Stored, config: u64) -> Option<Box<Scheduled>> {
        let Item::Message(scheduled) = &stored.item else { return None };
        let state = State::Released { at_ms: self.now_ms, config };
        Some(Box::new(Scheduled { state, ..(**scheduled).clone() }))
    }

    fn write(&self, read_version: u64, scheduled: Box<Scheduled>) -> Step<()> {
        let item = Item::Message(scheduled);
        Step::Write(Put { message: self.hint.message, read_version, item })
    }

    fn read_again(&mut self) -> Phase {
        self.rounds += 1;
        Phase::Read
    }
}

impl Machine for Releasing {
    type Outcome = ();

    fn customer(&self) -> &CustomerId {
        &self.hint.customer
    }

    fn step(&self) -> Step<()> {
        match &self.phase {
            Phase::Read if self.rounds >= ROUNDS_MAX => Step::Contended,
            Phase::Read => Step::Read(self.hint.message),
            Phase::Configure(_) => Step::Configure,
            Phase::Release(stored, config) => match self.released(stored, *config) {
                Some(scheduled) => self.write(stored.version, scheduled),
                None => Step::Done(()),
            },
            Phase::Publish(_, scheduled) | Phase::News(scheduled) => {
                Step::Publish(scheduled.clone())
            }
            Phase::Tell(version, scheduled) => {
                self.write(*version, Box::new(Scheduled { told: true, ..(**scheduled).clone() }))
            }
            Phase::Again(hint) => {
                let wait_ms = hint.due_ms.saturating_sub(self.now_ms);
                let is_due = wait_ms == 0;
                Step::Send(hint.clone(), if is_due { AGAIN_WITHOUT_ITEM_MS } else { wait_ms })
            }
            Phase::Done => Step::Done(()),
        }
    }

    fn answer(&mut self, answer: Answer) {
        let phase = std::mem::replace(&mut self.phase, Phase::Done);
        self.phase = match (phase, answer) {
            (Phase::Read, Answer::Found(found)) => self.found(found),
            (Phase::Configure(stored), Answer::Version(config)) => Phase::Release(stored, config),
            (Phase::Release(stored, config), Answer::Written(true)) => {
                match self.released(&stored, config) {
                    Some(scheduled) => Phase::Publish(stored.version + 1, scheduled),
                    None => Phase::Done,
                }
            }
            (Phase::Publish(version, scheduled), Answer::Done) => Phase::Tell(version, scheduled),
            (Phase::News(scheduled), Answer::Done) => self.early(&scheduled),
            (Phase::Tell(..), Answer::Written(true)) | (Phase::Again(_), Answer::Done) => {
                Phase::Done
            }
            (Phase::Release(..) | Phase::Tell(..), Answer::Written(false)) => self.read_again(),
            (phase, _) => phase,
        };
    }
}
