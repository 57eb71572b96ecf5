//! One run that is under way: a real machine, and what a mutant makes of its steps.

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::id::MessageId;
use scheduling::change::{Changed, Changing};
use scheduling::park::{Parked, Parking};
use scheduling::release::Releasing;
use scheduling::{Answer, Machine, Step};
use wire::scheduled::{Hint, Item, Put, Scheduled, State};

use crate::mutant::Mutant;
use crate::scene::{TIME_MS, id};

/// Which machine, and what it is about.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    Park(Parking),
    /// The request by its place in the scene.
    Change(usize, Changing),
    /// With the hint that it was given.
    Release(Hint, Releasing),
}

/// What is to be done next.
#[derive(Debug, Clone)]
pub(crate) enum Doing {
    Send(Hint, u64),
    Read(MessageId),
    /// True: whatever is there.
    Write(Put, bool),
    Configure,
    Publish(Box<Scheduled>),
    Park(Parked),
    /// A mutant routes what it should park.
    Route,
    Answer(Changed),
    Done,
    Contended,
}

/// A run. Its state follows from `history`, what it was told.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) role: Role,
    pub(crate) history: u64,
    began_ms: u64,
    mutant: Option<Mutant>,
    /// A write of its own was made.
    made: bool,
    /// A hint that a mutant sends last.
    held: Option<(Hint, u64)>,
    /// What a mutant publishes last.
    unpublished: Option<Box<Scheduled>>,
    /// Published already, before its time.
    early: bool,
    ended: bool,
    pub(crate) steps: u8,
}

impl Actor {
    pub(crate) fn new(role: Role, began_ms: u64, mutant: Option<Mutant>) -> Self {
        let kind = match &role {
            Role::Park(_) => (0, 0, None),
            Role::Change(place, _) => (1, *place, None),
            Role::Release(hint, _) => (2, 0, Some(hint.clone())),
        };
        let mut actor = Self {
            role,
            history: 0,
            began_ms,
            mutant,
            made: false,
            held: None,
            unpublished: None,
            early: false,
            ended: false,
            steps: 0,
        };
        actor.note(&(kind, began_ms));
        actor
    }

    pub(crate) fn note(&mut self, told: &impl Hash) {
        let mut hash = DefaultHasher::new();
        (self.history, told).hash(&mut hash);
        self.history = hash.finish();
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.ended
    }

    /// It did its last step.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What is to be done now. Steps that a mutant leaves out are answered here.
    pub(crate) fn doing(&mut self) -> Doing {
        loop {
            let doing = match &self.role {
                Role::Park(machine) => translate(machine.step(), Doing::Park),
                Role::Change(_, machine) => translate(machine.step(), Doing::Answer),
                Role::Release(_, machine) => translate(machine.step(), |()| Doing::Done),
            };
            let is_done = matches!(doing, Doing::Park(_) | Doing::Done | Doing::Answer(_));
            if is_done && let Some(last) = self.last() {
                return last;
            }
            match self.mutated(doing) {
                Ok(doing) => return doing,
                Err(left_out) => self.tell(left_out),
            }
        }
    }

    /// What a mutant left to the end.
    fn last(&self) -> Option<Doing> {
        let hint = self.held.clone().filter(|_| self.made);
        let published = self.unpublished.clone().map(Doing::Publish);
        hint.map(|(hint, delay_ms)| Doing::Send(hint, delay_ms)).or(published)
    }

    /// The step as a mutant does it; an error: the answer to a step that it leaves out.
    fn mutated(&mut self, doing: Doing) -> Result<Doing, Answer> {
        match (&self.role, doing) {
            (Role::Park(_), Doing::Send(hint, delay_ms)) => self.park_hint(hint, delay_ms),
            (Role::Park(_), Doing::Write(put, _)) if put.message != id() => {
                let left_out = self.is(Mutant::ResendIgnored);
                if left_out { Err(Answer::Written(true)) } else { Ok(Doing::Write(put, false)) }
            }
            (Role::Park(_), Doing::Write(put, _)) => {
                Ok(Doing::Write(put, self.is(Mutant::ParkOverwrites)))
            }
            (Role::Park(_), Doing::Park(Parked::Cancelled(_))) if self.is(Mutant::MarkIgnored) => {
                Ok(Doing::Park(Parked::Kept))
            }
            (Role::Change(..), Doing::Send(..)) if self.is(Mutant::ChangeWithoutHint) => {
                Err(Answer::Done)
            }
            (Role::Change(..), Doing::Write(put, _)) => self.change(put),
            (Role::Release(..), doing) => self.release(doing),
            (_, doing) => Ok(doing),
        }
    }

    fn park_hint(&mut self, hint: Hint, delay_ms: u64) -> Result<Doing, Answer> {
        if self.is(Mutant::RouteByClock) && self.began_ms >= TIME_MS {
            return Ok(Doing::Route);
        }
        if self.is(Mutant::HintOnlyIfMade) {
            self.held = Some((hint, delay_ms));
            return Err(Answer::Done);
        }
        if self.is(Mutant::NoHint) { Err(Answer::Done) } else { Ok(Doing::Send(hint, delay_ms)) }
    }

    fn change(&mut self, mut put: Put) -> Result<Doing, Answer> {
        if self.is(Mutant::NoMark) && matches!(put.item, Item::Cancelled { .. }) {
            return Err(Answer::Written(true));
        }
        if self.is(Mutant::ReplaceNotNoted)
            && let Item::Message(scheduled) = &mut put.item
        {
            scheduled.replaces.clear();
        }
        Ok(Doing::Write(put, self.is(Mutant::ChangeOverwrites)))
    }

    fn release(&mut self, doing: Doing) -> Result<Doing, Answer> {
        match doing {
            Doing::Send(..) if self.is(Mutant::EarlyDropped) => Err(Answer::Done),
            Doing::Write(put, _) => match &put.item {
                Item::Message(it) if self.is(Mutant::PublishBeforeWrite) && !self.early => {
                    Ok(Doing::Publish(it.clone()))
                }
                _ => Ok(Doing::Write(put, self.is(Mutant::ReleaseOverwrites))),
            },
            Doing::Publish(_) if self.is(Mutant::PublishBeforeWrite) && self.early => {
                Err(Answer::Done)
            }
            Doing::Publish(mut scheduled) => {
                if self.is(Mutant::ToldBeforePublished) && scheduled.state != State::Waiting {
                    self.unpublished = Some(scheduled);
                    return Err(Answer::Done);
                }
                if let State::Released { at_ms, .. } = &mut scheduled.state
                    && self.is(Mutant::OwnTimeAtRepeat)
                {
                    *at_ms = self.began_ms;
                }
                Ok(Doing::Publish(scheduled))
            }
            doing => Ok(doing),
        }
    }

    /// Whether an item that was found is taken for done by a mutant.
    pub(crate) fn overlooks(&self, found: Option<&Item>) -> bool {
        if !matches!(self.role, Role::Release(..)) {
            return false;
        }
        match found {
            None => self.is(Mutant::WithoutItemDropped),
            Some(Item::Message(it)) => match it.state {
                State::Released { .. } => self.is(Mutant::FoundReleasedIsDone) && !self.made,
                State::Cancelled { .. } => self.is(Mutant::CancelledIsDone),
                State::Waiting => false,
            },
            Some(_) => false,
        }
    }

    pub(crate) fn tell(&mut self, mut answer: Answer) {
        self.steps = self.steps.saturating_add(1);
        if let Answer::Written(made) = &mut answer {
            *made |= self.is(Mutant::RefusedCountsAsMade);
            self.made |= *made;
        }
        if let (Role::Release(hint, _), Answer::Found(Some(stored))) = (&self.role, &mut answer)
            && let Item::Message(it) = &mut stored.item
            && self.is(Mutant::TimeOfHintCounts)
            && it.state == State::Waiting
        {
            it.message.envelope.schedule_ms = Some(hint.due_ms);
        }
        match &mut self.role {
            Role::Park(machine) => machine.answer(answer),
            Role::Change(_, machine) => machine.answer(answer),
            Role::Release(_, machine) => machine.answer(answer),
        }
    }
}

impl Actor {
    /// What a mutant left to the end is done.
    pub(crate) fn did(&mut self, doing: &Doing) {
        match doing {
            Doing::Send(..) => self.held = self.held.take().filter(|_| !self.made),
            Doing::Publish(_) => (self.unpublished, self.early) = (None, true),
            _ => {}
        }
    }
}

fn translate<O>(step: Step<O>, done: impl Fn(O) -> Doing) -> Doing {
    match step {
        Step::Send(hint, delay_ms) => Doing::Send(hint, delay_ms),
        Step::Read(id) => Doing::Read(id),
        Step::Write(put) => Doing::Write(put, false),
        Step::Configure => Doing::Configure,
        Step::Publish(scheduled) => Doing::Publish(scheduled),
        Step::Done(outcome) => done(outcome),
        Step::Contended => Doing::Contended,
    }
}
