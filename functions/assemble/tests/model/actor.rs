//! One run or deadline that is under way: the real machine, and how its steps reach the world.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use assemble::closing::{self, Closing};
use assemble::output::Output;
use assemble::run::{Run, Step, Stored};
use platform::time_limit::TimeLimit;

use crate::mutant::Mutant;
use crate::world::{World, fingerprint};

#[derive(Debug, Clone)]
pub(crate) enum Machine {
    Run { run: Run, to: usize },
    Closing { closing: Closing, due_ms: u64 },
}

/// A run that is under way. `history` is what it was told, hashed: its state follows from it.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) machine: Machine,
    pub(crate) writer: u32,
    pub(crate) history: u64,
    /// Held back by a mutant that gets the order wrong.
    pub(crate) held: Vec<Output>,
    pub(crate) held_due_ms: Vec<u64>,
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteFate {
    Answered,
    AnswerLost,
    Delayed,
}

impl Actor {
    pub(crate) fn note(&mut self, told: &impl Hash) {
        let mut hash = DefaultHasher::new();
        (self.history, told).hash(&mut hash);
        self.history = hash.finish();
    }

    fn to(&self) -> usize {
        match self.machine {
            Machine::Run { to, .. } => to,
            Machine::Closing { .. } => 0,
        }
    }

    pub(crate) fn writes(&self) -> bool {
        match &self.machine {
            Machine::Run { run, .. } => matches!(run.step(), Step::Write(_)),
            Machine::Closing { closing, .. } => matches!(closing.step(), closing::Step::Write(_)),
        }
    }
}

impl World {
    pub(crate) fn step_run(&mut self, actor: &mut Actor, fate: WriteFate) -> Result<bool, String> {
        if self.publish_held(actor)? {
            return Ok(true);
        }
        let Machine::Run { run, to } = &mut actor.machine else { return Ok(false) };
        match run.step() {
            Step::Read(keys) => {
                let stored = Stored { version: self.version, item: (*self.item).clone() };
                let found = if self.version == 0 {
                    HashMap::new()
                } else {
                    keys.into_iter().map(|key| (key, stored.clone())).collect()
                };
                run.read(found, &TimeLimit::default());
                actor.note(&(self.version, fingerprint(&self.item)));
            }
            Step::Schedule(deadlines) => {
                run.scheduled();
                let due = deadlines.iter().map(|deadline| deadline.due_ms);
                match self.mutant {
                    Some(Mutant::NeverSchedule) => (),
                    Some(Mutant::ScheduleAfterWrite) => actor.held_due_ms.extend(due),
                    _ => self.queue.extend(due),
                }
                actor.note(&"scheduled");
            }
            Step::Publish(outputs) => {
                run.published();
                actor.note(&"published");
                match self.mutant {
                    Some(Mutant::PublishAfterWrite) => actor.held = outputs,
                    _ => self.publish(&outputs)?,
                }
                if self.mutant == Some(Mutant::DoneBeforeWrite) {
                    let to = actor.to();
                    self.committed = self.committed.max(to);
                }
            }
            Step::Write(puts) => {
                let [put] = puts.as_slice() else { return Err("one key, one write".into()) };
                if let Some(made) = self.write_as(put, actor.writer, fate) {
                    run.written(&[made]);
                    actor.note(&made);
                    if !made {
                        actor.held.clear();
                        actor.held_due_ms.clear();
                    }
                } else {
                    actor.note(&"unanswered");
                }
            }
            Step::Done => {
                self.committed = self.committed.max(*to);
                return Ok(false);
            }
            Step::Contended => return Ok(false),
        }
        Ok(true)
    }

    /// What a wrong order has held back until after the write.
    fn publish_held(&mut self, actor: &mut Actor) -> Result<bool, String> {
        if actor.writes() || (actor.held.is_empty() && actor.held_due_ms.is_empty()) {
            return Ok(false);
        }
        // Nothing was written yet: the step at hand comes first.
        if let Machine::Run { run, .. } = &mut actor.machine
            && !matches!(run.step(), Step::Done)
        {
            return Ok(false);
        }
        self.queue.extend(std::mem::take(&mut actor.held_due_ms));
        let held = std::mem::take(&mut actor.held);
        self.publish(&held)?;
        Ok(true)
    }

    pub(crate) fn step_closing(
        &mut self,
        actor: &mut Actor,
        fate: WriteFate,
    ) -> Result<bool, String> {
        let Machine::Closing { closing, due_ms } = &mut actor.machine else { return Ok(false) };
        let due_ms = *due_ms;
        match closing.step() {
            closing::Step::Read => {
                let mut item = (*self.item).clone();
                if self.mutant == Some(Mutant::NoSecondReport) {
                    item.closed.clear();
                }
                closing.read(Stored { version: self.version, item });
                actor.note(&(self.version, fingerprint(&self.item)));
            }
            closing::Step::AskProgress(source, _, time_ms) => {
                if source != self.log.source {
                    return Err("another topic is asked for".into());
                }
                let first = self.log.first_since(time_ms, self.now_ms());
                let unchecked = self.mutant == Some(Mutant::NoProgressCheck);
                let reached = unchecked || self.committed >= first;
                closing.progress(reached);
                actor.note(&reached);
            }
            closing::Step::Write(put) => {
                if let Some(made) = self.write_as(&put, actor.writer, fate) {
                    closing.written(made);
                    actor.note(&made);
                } else {
                    actor.note(&"unanswered");
                }
            }
            closing::Step::Publish(outputs) => {
                if self.mutant == Some(Mutant::ForgetBeforeReport) && actor.held.is_empty() {
                    actor.held = outputs;
                    closing.published();
                } else {
                    self.publish(&outputs)?;
                    closing.published();
                }
                actor.note(&"published");
            }
            // The message stays in the queue, for later.
            closing::Step::Again(_) | closing::Step::Contended => return Ok(false),
            closing::Step::Done => {
                if !actor.held.is_empty() {
                    let held = std::mem::take(&mut actor.held);
                    self.publish(&held)?;
                    return Ok(true);
                }
                self.queue.remove(&due_ms);
                return Ok(false);
            }
        }
        Ok(true)
    }
}
