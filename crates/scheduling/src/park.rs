//! A message with a time is put into the table. **Hint, then write**, and only if there is nothing.

use domain::id::{CustomerId, MessageId};
use domain::message::Message;
use wire::V;
use wire::scheduled::{Hint, Item, Put, Scheduled, State, Stored};

use crate::step::{Answer, Machine, ROUNDS_MAX, Step};

/// What came of it. The same at every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// It is in the table, whoever put it there and whatever became of it since.
    Kept,
    /// The customer cancelled it before, at that time (Unix milliseconds): nobody else tells of it.
    Cancelled(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Hint,
    /// The place among the ids, the message's own last; whether it is to be read or written.
    Id(usize, Doing),
    Done(Parked),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Doing {
    Write,
    Read,
}

/// The parking of one message.
#[derive(Debug, Clone)]
pub struct Parking {
    message: Message,
    /// Under which the customer may ask for it: those of resends of its first part, then its own.
    ids: Vec<MessageId>,
    time_ms: u64,
    delay_ms: u64,
    phase: Phase,
    rounds: u32,
}

impl Parking {
    /// Parks `message` until `time_ms`, which its envelope says.
    #[must_use]
    pub fn new(message: Message, time_ms: u64, now_ms: u64) -> Self {
        let first = message.parts.first();
        let resent = first.into_iter().flat_map(|part| &part.aliases).map(|id| (*id).into());
        Self {
            ids: resent.chain([message.id]).collect(),
            time_ms,
            delay_ms: time_ms.saturating_sub(now_ms),
            phase: Phase::Hint,
            rounds: 0,
            message,
        }
    }

    /// What is parked.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    fn item(&self, id: MessageId) -> Item {
        if id != self.message.id {
            return Item::Alias { of: self.message.id, due_ms: self.time_ms };
        }
        Item::Message(Box::new(Scheduled {
            message: self.message.clone(),
            state: State::Waiting,
            replaces: Vec::new(),
            told: false,
        }))
    }

    /// The id after the one at `place`.
    fn after(&self, place: usize) -> Phase {
        match place + 1 < self.ids.len() {
            true => Phase::Id(place + 1, Doing::Write),
            false => Phase::Done(Parked::Kept),
        }
    }

    fn found(&mut self, place: usize, found: Option<Stored>) -> Phase {
        match found.map(|stored| stored.item) {
            Some(Item::Cancelled { at_ms }) => Phase::Done(Parked::Cancelled(at_ms)),
            Some(Item::Message(_) | Item::Alias { .. }) => self.after(place),
            None => {
                self.rounds += 1;
                Phase::Id(place, Doing::Write)
            }
        }
    }
}

impl Machine for Parking {
    type Outcome = Parked;

    fn customer(&self) -> &CustomerId {
        &self.message.envelope.customer
    }

    fn step(&self) -> Step<Parked> {
        let (place, doing) = match self.phase {
            _ if self.rounds >= ROUNDS_MAX => return Step::Contended,
            Phase::Hint => {
                let (customer, message) = (self.customer().clone(), self.message.id);
                let due_ms = self.time_ms;
                let hint = Hint { v: V, customer, message, due_ms, news: false, swept: false };
                return Step::Send(hint, self.delay_ms);
            }
            Phase::Done(parked) => return Step::Done(parked),
            Phase::Id(place, doing) => (place, doing),
        };
        let id = self.ids[place];
        match doing {
            Doing::Read => Step::Read(id),
            Doing::Write => Step::Write(Put { message: id, read_version: 0, item: self.item(id) }),
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.phase = match (self.phase, answer) {
            (Phase::Hint, Answer::Done) => Phase::Id(0, Doing::Write),
            (Phase::Id(place, Doing::Write), Answer::Written(true)) => self.after(place),
            (Phase::Id(place, Doing::Write), Answer::Written(false)) => {
                Phase::Id(place, Doing::Read)
            }
            (Phase::Id(place, Doing::Read), Answer::Found(found)) => self.found(place, found),
            (phase, _) => phase,
        };
    }
}
