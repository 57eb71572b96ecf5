//! What a customer's `cancel_sm` and `replace_sm` do to a message that waits. **Read, hint, write.**
//!
//! A long message is cancelled as a whole, by the id of its first part. Only a message of one part
//! without a user data header can be replaced: `replace_sm` says nothing of either.

use domain::address::Address;
use domain::id::{CustomerId, EventId, MessageId};
use domain::octets::Octets;
use domain::scheduled_id::is_same_number;
use wire::V;
use wire::scheduled::{Hint, Item, Put, Replaced, Scheduled, State, Stored};

use crate::step::{Answer, Machine, ROUNDS_MAX, Step};

/// After this a change is told of: it will be written by then.
const TOLD_AFTER_MS: u64 = 1_000;
/// So often a message can be replaced: its item does not grow for ever.
pub const REPLACES_MAX: usize = 100;

/// What the customer asks for.
#[derive(Debug, Clone)]
pub enum Change {
    /// Not to send it. If a destination is given it must be the message's: so the message has to be there.
    Cancel(Option<Address>),
    /// To send this instead.
    Replace(Box<Replacement>),
}

/// The content of a `replace_sm`.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// Of the request: found again in the item, it was carried out.
    pub id: EventId,
    /// The new text, in the message's coding.
    pub octets: Octets,
    /// The receipts asked for from now on.
    pub receipt: u8,
    /// The new time, if it is to be another. Unix milliseconds.
    pub time_ms: Option<u64>,
    /// The new end of its validity, if it is to be another. Unix milliseconds.
    pub valid_until_ms: Option<u64>,
    /// The longest validity, from its time on, in milliseconds.
    pub validity_max_ms: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Changed {
    /// It is as the customer asked, now or already before.
    Done,
    /// It is released, or cancelled.
    TooLate,
    /// It is not in the table yet, or never will be.
    NotThere,
    /// It is from another sender or to another destination.
    Another,
    /// It is not of a kind that can be changed so, or was changed too often.
    Impossible,
    /// Its validity would end before its time.
    NotValid,
}

#[derive(Debug, Clone)]
enum Phase {
    Read,
    Hint(Put),
    Write(Put),
    Done(Changed),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Changing {
    customer: CustomerId,
    /// Which item is looked at: another than the one asked for, if that is an alias.
    id: MessageId,
    source: Address,
    change: Change,
    now_ms: u64,
    phase: Phase,
    rounds: u32,
}

impl Changing {
    /// `customer` asks at `now_ms` for a change of the message with this id and sender.
    #[must_use]
    pub fn new(
        customer: CustomerId,
        (id, source): (MessageId, Address),
        change: Change,
        now_ms: u64,
    ) -> Self {
        Self { customer, id, source, change, now_ms, phase: Phase::Read, rounds: 0 }
    }

    fn found(&mut self, found: Option<Stored>) -> Phase {
        self.rounds += 1;
        let Some(Stored { version, item }) = found else { return self.without_item() };
        let scheduled = match item {
            Item::Message(scheduled) => scheduled,
            Item::Alias { of, .. } => {
                self.id = of;
                return Phase::Read;
            }
            Item::Cancelled { .. } => {
                let is_cancel = matches!(self.change, Change::Cancel(_));
                return Phase::Done(if is_cancel { Changed::Done } else { Changed::TooLate });
            }
        };
        match self.changed(*scheduled) {
            Err(changed) => Phase::Done(changed),
            Ok(changed) => {
                let item = Item::Message(Box::new(changed));
                Phase::Hint(Put { message: self.id, read_version: version, item })
            }
        }
    }

    fn without_item(&self) -> Phase {
        match self.change {
            Change::Cancel(None) => {
                let item = Item::Cancelled { at_ms: self.now_ms };
                Phase::Write(Put { message: self.id, read_version: 0, item })
            }
            Change::Cancel(Some(_)) | Change::Replace(_) => Phase::Done(Changed::NotThere),
        }
    }

    /// The message as the customer wants it, or what is to be answered without a write.
    fn changed(&self, scheduled: Scheduled) -> Result<Scheduled, Changed> {
        let envelope = &scheduled.message.envelope;
        let is_other = |destination: &Address| !is_same_number(destination, &envelope.destination);
        if !is_same_number(&self.source, &envelope.source) {
            return Err(Changed::Another);
        }
        match &self.change {
            Change::Cancel(destination) if destination.as_ref().is_some_and(is_other) => {
                Err(Changed::Another)
            }
            Change::Cancel(_) => match scheduled.state {
                State::Released { .. } => Err(Changed::TooLate),
                State::Cancelled { .. } => Err(Changed::Done),
                State::Waiting => {
                    let state = State::Cancelled { at_ms: self.now_ms };
                    Ok(Scheduled { state, ..scheduled })
                }
            },
            Change::Replace(replacement) => self.replaced(scheduled, replacement),
        }
    }

    fn replaced(&self, mut scheduled: Scheduled, by: &Replacement) -> Result<Scheduled, Changed> {
        if scheduled.replaces.iter().any(|replaced| replaced.id == by.id) {
            return Err(Changed::Done);
        }
        if scheduled.state != State::Waiting {
            return Err(Changed::TooLate);
        }
        let [part] = scheduled.message.parts.as_mut_slice() else {
            return Err(Changed::Impossible);
        };
        let is_split = scheduled.message.split.is_some() || !part.udh.is_empty();
        if is_split || scheduled.replaces.len() >= REPLACES_MAX {
            return Err(Changed::Impossible);
        }
        part.octets = by.octets.clone();
        part.receipt = by.receipt;
        let envelope = &mut scheduled.message.envelope;
        envelope.schedule_ms = by.time_ms.or(envelope.schedule_ms);
        let time_ms = envelope.schedule_ms.unwrap_or(self.now_ms);
        let until_ms = by.valid_until_ms.unwrap_or(envelope.valid_until_ms);
        envelope.valid_until_ms = until_ms.min(time_ms.saturating_add(by.validity_max_ms));
        let is_valid = time_ms < envelope.valid_until_ms;
        scheduled.replaces.push(Replaced { id: by.id, at_ms: self.now_ms });
        if is_valid { Ok(scheduled) } else { Err(Changed::NotValid) }
    }

    /// The hint for what is about to be written: it tells of the change, and of a new time.
    fn hint(&self, put: &Put) -> Hint {
        let (customer, message) = (self.customer.clone(), self.id);
        let due_ms = put.item.due_ms().unwrap_or(self.now_ms);
        Hint { v: V, customer, message, due_ms, news: true, swept: false }
    }
}

impl Machine for Changing {
    type Outcome = Changed;

    fn customer(&self) -> &CustomerId {
        &self.customer
    }

    fn step(&self) -> Step<Changed> {
        match &self.phase {
            Phase::Read if self.rounds >= ROUNDS_MAX => Step::Contended,
            Phase::Read => Step::Read(self.id),
            Phase::Hint(put) => Step::Send(self.hint(put), TOLD_AFTER_MS),
            Phase::Write(put) => Step::Write(put.clone()),
            Phase::Done(changed) => Step::Done(*changed),
        }
    }

    fn answer(&mut self, answer: Answer) {
        let phase = std::mem::replace(&mut self.phase, Phase::Read);
        self.phase = match (phase, answer) {
            (Phase::Read, Answer::Found(found)) => self.found(found),
            (Phase::Hint(put), Answer::Done) => Phase::Write(put),
            (Phase::Write(_), Answer::Written(true)) => Phase::Done(Changed::Done),
            (Phase::Write(_), Answer::Written(false)) => Phase::Read,
            (phase, _) => phase,
        };
    }
}
