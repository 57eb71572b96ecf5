//! The world around the real machines: Kafka and its pollers, the table, and death.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use correlate::follow::follow;
use correlate::run::{Fate, Run};
use domain::config::ReceiptsByProvider;
use domain::id::{DeliveryId, PartId};
use platform::correlations::{Item, Place};
use platform::function;
use wire::correlations::{MORE, RESULT, WAITING};
use wire::provider_outgoing::Origin;

use crate::actor::{Actor, Doing};
use crate::log::{Entry, Log, settings};
use crate::mutant::Mutant;

/// Something that can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A poller invokes the function with the records of a partition up to `to`.
    Invoke { slot: usize, partition: usize, from: usize, to: usize, costs: bool },
    /// A run does its next step: of a read or a write of several items the one at this place.
    Step(usize, usize),
    /// A run writes an item; the request is made later, if at all, and the run repeats it.
    Delay(usize, usize),
    /// The delayed request arrives.
    Arrive,
    /// A run dies; the poller comes again.
    Die(usize),
}

/// One state of the world.
#[derive(Debug, Clone)]
pub(crate) struct World {
    log: Rc<Log>,
    settings: Arc<ReceiptsByProvider>,
    mutant: Option<Mutant>,
    faults: u8,
    committed: Vec<usize>,
    /// One for each partition, and one more for a run that overlaps another of its partition.
    actors: Vec<Option<Rc<Actor>>>,
    /// The one key's items by name.
    items: Rc<BTreeMap<String, Item>>,
    /// The same before the last write.
    stale: Rc<BTreeMap<String, Item>>,
    late: Option<Rc<Item>>,
    told: BTreeMap<char, BTreeSet<(PartId, DeliveryId)>>,
    dead: BTreeSet<char>,
}

impl World {
    pub(crate) fn new(log: Rc<Log>, mutant: Option<Mutant>, faults: u8) -> Self {
        let partitions = log.partitions.len();
        Self {
            settings: settings(mutant),
            log,
            mutant,
            faults,
            committed: vec![0; partitions],
            actors: vec![None; partitions + 1],
            items: Rc::default(),
            stale: Rc::default(),
            late: None,
            told: BTreeMap::new(),
            dead: BTreeSet::new(),
        }
    }

    /// Everything that can happen now.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        self.invocations(&mut actions);
        for (slot, actor) in self.actors.iter().enumerate() {
            let Some(actor) = actor else { continue };
            let choices = match &actor.doing {
                Doing::Get(places, _) => places.len(),
                Doing::Put(items) => items.len(),
                _ => 1,
            };
            actions.extend((0..choices).map(|choice| Action::Step(slot, choice)));
            if self.faults > 0 {
                actions.push(Action::Die(slot));
                if self.late.is_none()
                    && let Doing::Put(items) = &actor.doing
                {
                    actions.extend((0..items.len()).map(|choice| Action::Delay(slot, choice)));
                }
            }
        }
        if self.late.is_some() {
            actions.push(Action::Arrive);
        }
        actions
    }

    fn invocations(&self, actions: &mut Vec<Action>) {
        let Some(slot) = self.actors.iter().position(Option::is_none) else { return };
        for (partition, entries) in self.log.partitions.iter().enumerate() {
            let runs = self.actors.iter().flatten();
            let busy = runs.filter(|actor| actor.partition == partition).count() > 0;
            let committed = self.committed[partition];
            for to in committed + 1..=entries.len() {
                if !busy || self.faults > 0 {
                    let from = committed;
                    actions.push(Action::Invoke { slot, partition, from, to, costs: busy });
                }
            }
            // What was read already, by a poller that does not know.
            if self.faults > 0 && committed > 0 {
                let (from, to, costs) = (0, entries.len(), true);
                actions.push(Action::Invoke { slot, partition, from, to, costs });
            }
        }
    }

    /// True if nothing is left that has to be done.
    pub(crate) fn is_over(&self) -> bool {
        let ends = self.log.partitions.iter().map(Vec::len);
        self.committed.iter().copied().eq(ends) && self.actors.iter().all(Option::is_none)
    }

    /// What must hold in the end: a receipt that fits one message was told of it.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        for letter in self.log.receipts() {
            let (told, dead) = (self.told.contains_key(&letter), self.dead.contains(&letter));
            match self.log.fits(letter).len() {
                0 if told || dead => return Err("a receipt without a message is told".into()),
                1 if !told => return Err("a receipt is told nobody".into()),
                1 if dead => return Err("a good receipt is a dead letter".into()),
                2 if !told && !dead => return Err("an ambiguous receipt is forgotten".into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets `action` happen.
    pub(crate) fn apply(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Invoke { slot, partition, from, to, costs } => {
                self.faults -= u8::from(costs);
                self.invoke(slot, partition, from, to);
            }
            Action::Step(slot, choice) => return self.step(slot, choice),
            Action::Delay(slot, choice) => {
                self.faults -= 1;
                if let Some(actor) = &self.actors[slot]
                    && let Doing::Put(items) = &actor.doing
                {
                    self.late = Some(Rc::new(items[choice].clone()));
                }
            }
            Action::Arrive => {
                if let Some(late) = self.late.take() {
                    self.write(&late);
                }
            }
            Action::Die(slot) => {
                self.faults -= 1;
                self.actors[slot] = None;
            }
        }
        Ok(())
    }

    fn invoke(&mut self, slot: usize, partition: usize, from: usize, to: usize) {
        let mut run = Run::default();
        for (entry, offset) in self.log.partitions[partition][from..to].iter().zip(0..) {
            let origin = Origin { partition: 0, offset };
            let place = function::Place { topic: "provider-events", origin };
            match entry {
                Entry::Result(result) => run.result(place, result.clone()),
                Entry::Receipt(_, receipt) => run.receipt(place, receipt.clone()),
            }
        }
        let mut actor = Actor::new((partition, to), run, self.mutant, &self.settings);
        actor.note(&(from, to));
        self.actors[slot] = Some(Rc::new(actor));
    }

    fn step(&mut self, slot: usize, choice: usize) -> Result<(), String> {
        let Some(mut shared) = self.actors[slot].take() else { return Ok(()) };
        let actor = Rc::make_mut(&mut shared);
        let settings = self.settings.clone();
        match &mut actor.doing {
            Doing::Get(places, found) => {
                let place = places.remove(choice);
                found.extend(self.read(&place, actor.gets));
                if places.is_empty() {
                    let mut found = std::mem::take(found);
                    found.sort_by(|a, b| a.place.cmp(&b.place));
                    actor.note(&found);
                    actor.run.found(found);
                    actor.go_on(&settings);
                }
            }
            Doing::Query => {
                let found: Vec<_> = self.seen().values().cloned().collect();
                actor.note(&found);
                actor.run.found(found);
                actor.go_on(&settings);
            }
            Doing::Put(items) => {
                let item = items.remove(choice);
                let done = items.is_empty();
                actor.new |= self.write(&item);
                if done {
                    actor.note(&"written");
                    actor.run.written();
                    actor.go_on(&settings);
                }
            }
            Doing::Tell => {
                self.tell(actor)?;
                if self.mutant == Some(Mutant::DoneBeforeTold) {
                    return Ok(());
                }
                if self.faults == 0 {
                    // Nothing can come between.
                    let committed = &mut self.committed[actor.partition];
                    *committed = (*committed).max(actor.to);
                    return Ok(());
                }
                actor.doing = Doing::Commit;
            }
            Doing::Commit => {
                let committed = &mut self.committed[actor.partition];
                *committed = (*committed).max(actor.to);
                if self.mutant != Some(Mutant::DoneBeforeTold) {
                    return Ok(());
                }
                actor.doing = Doing::Tell;
            }
        }
        self.actors[slot] = Some(shared);
        Ok(())
    }

    fn seen(&self) -> &BTreeMap<String, Item> {
        if self.mutant == Some(Mutant::StaleReads) { &self.stale } else { &self.items }
    }

    fn read(&self, place: &Place, gets: u8) -> Option<Item> {
        let name = place.item.as_str();
        let hidden = match self.mutant {
            Some(Mutant::NoSecondLook) => gets == 2 && [RESULT, MORE].contains(&name),
            Some(Mutant::ResultDoesNotLook) => name == WAITING,
            Some(Mutant::FirstNotRead) => gets == 1 && name == RESULT,
            _ => false,
        };
        self.seen().get(name).filter(|_| !hidden).cloned()
    }

    /// Tells whether nothing was there.
    fn write(&mut self, item: &Item) -> bool {
        self.stale = self.items.clone();
        let items = Rc::make_mut(&mut self.items);
        items.insert(item.place.item.clone(), item.clone()).is_none()
    }

    fn tell(&mut self, actor: &Actor) -> Result<(), String> {
        for joined in actor.told() {
            let mut entries = self.log.partitions.iter().flatten();
            let letter = entries.find_map(|entry| match entry {
                Entry::Receipt(letter, receipt) if *receipt == joined.receipt => Some(*letter),
                _ => None,
            });
            let letter = letter.ok_or("a receipt that nobody sent is told")?;
            let Fate::Matched(result) = &joined.fate else {
                self.dead.insert(letter);
                continue;
            };
            if self.log.fits(letter).first() != Some(&result.part) {
                return Err("a receipt is told of another's message".into());
            }
            let settings = &self.settings[&result.provider];
            for delivery in follow(&joined.receipt, result, settings).deliveries {
                self.told.entry(letter).or_default().insert((result.part, delivery.id));
            }
            if self.told.get(&letter).is_none_or(|told| told.len() != 1) {
                return Err("a receipt is told under two ids, or not at all".into());
            }
        }
        Ok(())
    }

    /// Equal for states that behave alike.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        (self.faults, &self.committed, &self.items, &self.late).hash(&mut hash);
        (&self.told, &self.dead).hash(&mut hash);
        if self.mutant == Some(Mutant::StaleReads) {
            self.stale.hash(&mut hash);
        }
        for actor in &self.actors {
            let Some(actor) = actor else {
                0_u8.hash(&mut hash);
                continue;
            };
            (actor.partition, actor.to, actor.history, actor.new, &actor.held).hash(&mut hash);
            match &actor.doing {
                Doing::Get(places, found) => (1_u8, places, found).hash(&mut hash),
                Doing::Query => 2_u8.hash(&mut hash),
                Doing::Put(items) => (3_u8, items).hash(&mut hash),
                Doing::Tell => 4_u8.hash(&mut hash),
                Doing::Commit => 5_u8.hash(&mut hash),
            }
        }
        hash.finish()
    }
}
