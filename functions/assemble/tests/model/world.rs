//! The world around the real machines: Kafka, its poller, the table, the queue, time and death.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use assemble::closing::{self, Closing};
use assemble::item::{Generation, Item};
use assemble::run::{Put, Run};
use domain::id::{DeliveryId, PartId};
use platform::time_limit::TimeLimit;
use wire::V;
use wire::assembly_deadlines::AssemblyDeadline;

use crate::actor::{Actor, Machine, WriteFate};
use crate::log::{Log, Outcome};
use crate::mutant::Mutant;

/// Something that can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Time goes on to the next moment.
    Tick,
    /// The poller invokes the function with the records from `from` to before `to`.
    Invoke { slot: usize, from: usize, to: usize, costs: bool },
    /// An actor does its next step.
    Step(usize),
    /// An actor writes; the write is made, the answer lost: it will repeat it.
    LoseAnswer(usize),
    /// An actor writes; the request is made later, if at all, and the actor repeats it.
    Delay(usize),
    /// The delayed request arrives.
    Arrive,
    /// An actor dies.
    Die(usize),
    /// The queue hands out a deadline.
    Receive { slot: usize, due_ms: u64 },
    /// The queue loses a deadline.
    LoseDeadline(u64),
    /// `sweep` finds the assembly.
    Sweep,
}

/// One state of the world.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) log: Rc<Log>,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) faults: u8,
    instant: usize,
    pub(crate) committed: usize,
    actors: Vec<Option<Rc<Actor>>>,
    pub(crate) queue: BTreeSet<u64>,
    lost_deadline: bool,
    /// The deadline that sweep found since the last tick: it comes again, for the next one too.
    swept: Option<u64>,
    pub(crate) version: u64,
    writer: u32,
    writers: u32,
    pub(crate) item: Rc<Item>,
    late: Option<Rc<(Put, u32)>>,
    pub(crate) outcome: Rc<Outcome>,
    pub(crate) deliveries: BTreeMap<PartId, DeliveryId>,
}

/// Slots of actors: two runs that may overlap, then deadlines.
const RUNS: usize = 2;

impl World {
    pub(crate) fn new(log: Rc<Log>, mutant: Option<Mutant>, faults: u8, closings: usize) -> Self {
        Self {
            log,
            mutant,
            faults,
            instant: 0,
            committed: 0,
            actors: vec![None; RUNS + closings],
            queue: BTreeSet::new(),
            lost_deadline: false,
            swept: None,
            version: 0,
            writer: 0,
            writers: 0,
            item: Rc::default(),
            late: None,
            outcome: Rc::default(),
            deliveries: BTreeMap::new(),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.log.instants_ms[self.instant]
    }

    /// Everything that can happen now.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.instant + 1 < self.log.instants_ms.len() {
            actions.push(Action::Tick);
        }
        self.invocations(&mut actions);
        for (slot, actor) in self.actors.iter().enumerate() {
            let Some(actor) = actor else { continue };
            actions.push(Action::Step(slot));
            if self.faults > 0 {
                actions.push(Action::Die(slot));
                if actor.writes() {
                    actions.push(Action::LoseAnswer(slot));
                    if self.late.is_none() {
                        actions.push(Action::Delay(slot));
                    }
                }
            }
        }
        self.deadlines(&mut actions);
        if self.late.is_some() {
            actions.push(Action::Arrive);
        }
        actions
    }

    fn invocations(&self, actions: &mut Vec<Action>) {
        let there = self.log.len_at(self.now_ms());
        let Some(slot) = (0..RUNS).find(|slot| self.actors[*slot].is_none()) else { return };
        // A second run while another is under way, or of what was read already: the poller gave
        // one up, or the partition moved.
        let busy = (0..RUNS).any(|slot| self.actors[slot].is_some());
        let from = self.committed;
        for to in from + 1..=there {
            if !busy || self.faults > 0 {
                actions.push(Action::Invoke { slot, from, to, costs: busy });
            }
        }
        if self.faults > 0 && from > 0 {
            for to in 1..=there {
                actions.push(Action::Invoke { slot, from: 0, to, costs: true });
            }
        }
    }

    fn deadlines(&self, actions: &mut Vec<Action>) {
        if let Some(slot) = (RUNS..self.actors.len()).find(|slot| self.actors[*slot].is_none()) {
            let ripe_ms = self.now_ms().saturating_sub(closing::CLOCKS_DIFFER_MS);
            for due_ms in self.queue.range(..=ripe_ms).copied() {
                if !self.is_closing(due_ms) {
                    actions.push(Action::Receive { slot, due_ms });
                }
            }
        }
        if self.faults > 0 {
            actions.extend(self.queue.iter().copied().map(Action::LoseDeadline));
        }
        let idle = self.queue.is_empty() && self.actors.iter().all(Option::is_none);
        if self.lost_deadline && idle && self.sweep_finds() {
            actions.push(Action::Sweep);
        }
    }

    fn sweep_finds(&self) -> bool {
        let due_ms = self.item.due_ms();
        due_ms.is_some() && due_ms != self.swept
    }

    fn is_closing(&self, due: u64) -> bool {
        let same = |actor: &Rc<Actor>| matches!(&actor.machine, Machine::Closing { due_ms, .. } if *due_ms == due);
        self.actors.iter().flatten().any(same)
    }

    /// True if nothing is left to be done.
    pub(crate) fn is_over(&self) -> bool {
        self.instant + 1 == self.log.instants_ms.len()
            && self.committed == self.log.entries.len()
            && self.queue.is_empty()
            && self.late.is_none()
            && self.actors.iter().all(Option::is_none)
            && !(self.lost_deadline && self.sweep_finds())
    }

    /// Lets `action` happen.
    pub(crate) fn apply(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Tick => {
                self.instant += 1;
                self.swept = None;
            }
            Action::Invoke { slot, from, to, costs } => {
                self.faults -= u8::from(costs);
                self.invoke(slot, from, to);
            }
            Action::Step(slot) => return self.step(slot, WriteFate::Answered),
            Action::LoseAnswer(slot) => {
                self.faults -= 1;
                return self.step(slot, WriteFate::AnswerLost);
            }
            Action::Delay(slot) => {
                self.faults -= 1;
                return self.step(slot, WriteFate::Delayed);
            }
            Action::Arrive => {
                if let Some(late) = self.late.take() {
                    self.write(&late.0, late.1);
                }
            }
            Action::Die(slot) => {
                self.faults -= 1;
                self.actors[slot] = None;
            }
            Action::Receive { slot, due_ms } => self.receive(slot, due_ms),
            Action::LoseDeadline(due_ms) => {
                self.faults -= 1;
                self.lost_deadline = true;
                self.queue.remove(&due_ms);
                // Sweep comes again every few minutes.
                self.swept = None;
            }
            Action::Sweep => {
                self.swept = self.item.due_ms();
                self.queue.extend(self.item.due_ms());
            }
        }
        Ok(())
    }

    fn invoke(&mut self, slot: usize, from: usize, to: usize) {
        let mut records: Vec<_> =
            self.log.entries[from..to].iter().map(|entry| entry.record.clone()).collect();
        if self.mutant == Some(Mutant::NotInLogOrder) {
            records.reverse();
        }
        if self.mutant == Some(Mutant::TimeOfArrival) {
            let now_ms = self.now_ms();
            records.iter_mut().for_each(|record| record.append_ms = now_ms);
        }
        let (settings, join) = (self.log.settings, Mutant::join(self.mutant));
        let run = Run::new(records, settings, join, self.now_ms(), &TimeLimit::default());
        let mut actor = self.actor(Machine::Run { run, to });
        actor.note(&(from, to));
        self.actors[slot] = Some(Rc::new(actor));
    }

    fn receive(&mut self, slot: usize, due_ms: u64) {
        let deadline = AssemblyDeadline {
            v: V,
            key: self.log.key.clone(),
            due_ms,
            partition: Some(0),
            swept: false,
        };
        let closing = Closing::new(deadline, self.now_ms());
        let mut actor = self.actor(Machine::Closing { closing, due_ms });
        actor.note(&due_ms);
        self.actors[slot] = Some(Rc::new(actor));
    }

    fn actor(&mut self, machine: Machine) -> Actor {
        self.writers += 1;
        Actor {
            machine,
            writer: self.writers,
            history: 0,
            held: Vec::new(),
            held_due_ms: Vec::new(),
        }
    }

    fn step(&mut self, slot: usize, fate: WriteFate) -> Result<(), String> {
        let Some(mut actor) = self.actors[slot].take() else { return Ok(()) };
        let mutable = Rc::make_mut(&mut actor);
        let goes_on = match mutable.machine {
            Machine::Run { .. } => self.step_run(mutable, fate)?,
            Machine::Closing { .. } => self.step_closing(mutable, fate)?,
        };
        if goes_on {
            self.actors[slot] = Some(actor);
        }
        Ok(())
    }

    /// A write as the table and the network treat it; none: no answer came.
    pub(crate) fn write_as(&mut self, put: &Put, writer: u32, fate: WriteFate) -> Option<bool> {
        if self.mutant == Some(Mutant::NoWriteWhenWhole) && put.item.open.is_empty() {
            return Some(true);
        }
        match fate {
            WriteFate::Answered => Some(self.write(put, writer)),
            WriteFate::AnswerLost => {
                self.write(put, writer);
                None
            }
            WriteFate::Delayed => {
                self.late = Some(Rc::new((put.clone(), writer)));
                None
            }
        }
    }

    fn write(&mut self, put: &Put, writer: u32) -> bool {
        let next = put.read_version + 1;
        let mine = self.version == next && self.writer == writer;
        let unconditional = self.mutant == Some(Mutant::WriteWithoutCondition);
        let made = self.version == put.read_version || mine || unconditional;
        if made {
            self.version = next;
            self.writer = writer;
            self.item = Rc::new(put.item.clone());
        }
        made
    }

    /// Equal for states that behave alike.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        (self.faults, self.instant, self.committed, &self.queue).hash(&mut hash);
        (self.lost_deadline, self.swept, self.version, fingerprint(&self.item)).hash(&mut hash);
        self.outcome.hash(&mut hash);
        for actor in &self.actors {
            let state = actor.as_ref().map(|actor| {
                (actor.history, actor.writer == self.writer, actor.held.len(), &actor.held_due_ms)
            });
            state.hash(&mut hash);
        }
        if let Some(late) = &self.late {
            (late.0.read_version, fingerprint(&late.0.item), late.1 == self.writer).hash(&mut hash);
        }
        hash.finish()
    }
}

/// Equal for items that behave alike.
pub(crate) fn fingerprint(item: &Item) -> u64 {
    let ids = |generations: &[Generation]| -> Vec<_> {
        let of = |generation: &Generation| {
            (generation.deadline_ms, generation.ids().collect::<Vec<_>>())
        };
        generations.iter().map(of).collect()
    };
    let finished: Vec<_> = item.finished.iter().map(|finished| &finished.ids).collect();
    let mut hash = DefaultHasher::new();
    (ids(&item.open), ids(&item.closed), finished).hash(&mut hash);
    hash.finish()
}
