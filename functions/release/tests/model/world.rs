//! The world around the real machines: Kafka and its poller, the table, the queue, the clock, death.

mod moves;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use domain::id::{DeliveryId, MessageId};
use scheduling::Answer;
use scheduling::change::Changed;
use scheduling::effects;
use scheduling::park::Parked;
use scheduling::release::Releasing;
use wire::V;
use wire::message_events::Happened;
use wire::scheduled::{Hint, Item, Put, Scheduled, Stored};

use crate::actor::{Actor, Doing, Role};
use crate::mutant::Mutant;
use crate::scene::{CLOCK, CONFIG, DELAY_MAX_MS, Manner, Scene, TIME_MS, customer, id};

/// Something that can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The batch with the message is given to `route`; true: once more, although nobody asked.
    Park(bool),
    /// The customer makes the request at this place.
    Ask(usize),
    /// The queue gives the hint at this place to `release`; true: and keeps it.
    Hint(usize, bool),
    /// A hint is lost.
    LoseHint(usize),
    /// `sweep` looks.
    Sweep,
    /// The run at this place does its next step.
    Step(usize),
    /// The same, and nobody hears of it: the request is made again.
    Unheard(usize),
    /// It makes its request and dies; the request arrives later.
    Delay(usize),
    /// It does so.
    Arrive,
    /// It dies.
    Die(usize),
    /// Time passes.
    Tick,
}

/// What the customer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answered {
    NotAsked,
    Waits,
    Unknown,
    As(Changed),
}

/// A hint in the queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Queued {
    hint: Hint,
    visible_ms: u64,
}

/// A late write.
#[derive(Debug, Clone)]
struct Late {
    put: Put,
    always: bool,
}

/// One state of the world.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) scene: Scene,
    mutant: Option<Mutant>,
    faults: u8,
    tick: usize,
    is_parked: bool,
    pub(crate) answers: Vec<Answered>,
    pub(crate) asked_last_ms: u64,
    actors: Vec<Rc<Actor>>,
    /// With the items' fingerprints.
    table: BTreeMap<MessageId, Rc<(Stored, u64)>>,
    queue: Rc<Vec<Queued>>,
    late: Option<Rc<Late>>,
    /// What went to `customer-incoming-messages`: octets of the text, and when it was released.
    pub(crate) published: BTreeSet<(usize, u64)>,
    pub(crate) receipts: BTreeSet<DeliveryId>,
    pub(crate) events: BTreeSet<Happened>,
}

impl World {
    pub(crate) fn new(scene: Scene, faults: u8, mutant: Option<Mutant>) -> Self {
        Self {
            scene,
            mutant,
            faults,
            tick: 0,
            is_parked: false,
            answers: vec![Answered::NotAsked; scene.asks.len()],
            asked_last_ms: 0,
            actors: Vec::new(),
            table: BTreeMap::new(),
            queue: Rc::default(),
            late: None,
            published: BTreeSet::new(),
            receipts: BTreeSet::new(),
            events: BTreeSet::new(),
        }
    }

    fn now_ms(&self) -> u64 {
        CLOCK[self.tick]
    }

    fn is_last(&self) -> bool {
        self.tick + 1 == CLOCK.len()
    }

    fn count(&self, role: fn(&Role) -> bool) -> usize {
        self.actors.iter().filter(|actor| role(&actor.role)).count()
    }

    /// What the index of due hours has.
    fn due_ms(&self) -> Option<u64> {
        self.table.get(&id()).and_then(|it| it.0.item.due_ms())
    }

    /// True if nothing is left that has to be done.
    pub(crate) fn is_over(&self) -> bool {
        let answered = |it: &Answered| !matches!(it, Answered::NotAsked | Answered::Waits);
        let swept = self.scene.manner != Manner::HintsAreLost || self.due_ms().is_none();
        self.is_parked
            && self.is_last()
            && self.actors.is_empty()
            && self.queue.is_empty()
            && self.late.is_none()
            && swept
            && self.answers.iter().all(answered)
    }

    /// Lets `action` happen.
    pub(crate) fn apply(&mut self, action: Action) -> Result<(), String> {
        let now_ms = self.now_ms();
        match action {
            Action::Park(again) => {
                self.faults -= u8::from(again);
                self.is_parked |= self.mutant == Some(Mutant::DoneBeforeParked);
                self.begin(Role::Park(self.scene.parking(now_ms)));
            }
            Action::Ask(place) if self.scene.asks[place].is_passed(now_ms) => {
                // The edge refuses a time that is not ahead.
                self.answers[place] = Answered::As(Changed::NotValid);
            }
            Action::Ask(place) => {
                self.answers[place] = Answered::Waits;
                self.asked_last_ms = now_ms;
                self.begin(Role::Change(place, self.scene.asks[place].changing(now_ms)));
            }
            Action::Hint(place, keeps) => {
                let Queued { hint, .. } = self.queue[place].clone();
                if keeps {
                    self.faults -= 1;
                } else {
                    Rc::make_mut(&mut self.queue).remove(place);
                }
                self.begin(Role::Release(hint.clone(), Releasing::new(hint, now_ms)));
            }
            Action::LoseHint(place) => {
                self.faults -= 1;
                Rc::make_mut(&mut self.queue).remove(place);
            }
            Action::Sweep => {
                let due_ms = self.due_ms().unwrap_or_default();
                let (customer, message, news) = (customer(), id(), false);
                self.send(Hint { v: V, customer, message, due_ms, news, swept: true }, 0);
            }
            Action::Step(place) => return self.step(place, true),
            Action::Unheard(place) => {
                self.faults -= 1;
                return self.step(place, false);
            }
            Action::Delay(place) => {
                self.faults -= 1;
                if let Doing::Write(put, always) = self.doing(place) {
                    self.late = Some(Rc::new(Late { put, always }));
                }
                self.die(place);
            }
            Action::Arrive => {
                if let Some(late) = self.late.take() {
                    self.write(&late.put, late.always);
                }
            }
            Action::Die(place) => {
                self.faults -= 1;
                self.die(place);
            }
            Action::Tick => self.tick += 1,
        }
        Ok(())
    }

    fn begin(&mut self, role: Role) {
        self.actors.push(Rc::new(Actor::new(role, self.now_ms(), self.mutant)));
    }

    /// The batch and the hint come again; the customer never learns.
    fn die(&mut self, place: usize) {
        let visible_ms = self.now_ms();
        match &self.actors.remove(place).role {
            Role::Park(_) => {}
            Role::Change(ask, _) => {
                self.answers[*ask] = match self.mutant {
                    Some(Mutant::UnknownIsFailed) => Answered::As(Changed::TooLate),
                    Some(Mutant::UnknownIsDone) => Answered::As(Changed::Done),
                    _ => Answered::Unknown,
                };
            }
            Role::Release(hint, _) => self.push(Queued { hint: hint.clone(), visible_ms }),
        }
    }

    fn step(&mut self, place: usize, heard: bool) -> Result<(), String> {
        let mut actor = self.actors.remove(place);
        self.one_step(Rc::make_mut(&mut actor), heard)?;
        // What nobody else can see is done at once.
        while let Some(quiet) = actor.is_running().then(|| Rc::make_mut(&mut actor).doing())
            && heard
            && matches!(quiet, Doing::Configure | Doing::Done | Doing::Answer(_))
        {
            self.one_step(Rc::make_mut(&mut actor), true)?;
        }
        if actor.is_running() {
            self.actors.insert(place, actor);
        } else if !heard {
            // What it did is done, but its poller does not know.
            self.actors.insert(place, actor);
            self.die(place);
        }
        Ok(())
    }

    fn one_step(&mut self, actor: &mut Actor, heard: bool) -> Result<(), String> {
        let doing = actor.doing();
        match self.carry_out(&doing, actor)? {
            None => actor.end(),
            Some(answer) if heard => {
                actor.note(&match &answer {
                    Answer::Found(found) => print(found.as_ref().map(|it| (it.version, &it.item))),
                    Answer::Written(made) => u64::from(*made),
                    Answer::Done | Answer::Version(_) => 7,
                });
                let overlooks = matches!(&answer, Answer::Found(found)
                    if actor.overlooks(found.as_ref().map(|it| &it.item)));
                actor.did(&doing);
                actor.tell(answer);
                if overlooks {
                    actor.end();
                }
            }
            // It does the same once more.
            Some(_) => {}
        }
        Ok(())
    }

    /// Does one thing; the answer to it, none at the end of a run.
    fn carry_out(&mut self, doing: &Doing, actor: &Actor) -> Result<Option<Answer>, String> {
        Ok(Some(match doing {
            Doing::Send(hint, delay_ms) => {
                self.send(hint.clone(), *delay_ms);
                Answer::Done
            }
            Doing::Read(id) => Answer::Found(self.table.get(id).map(|it| it.0.clone())),
            Doing::Write(put, always) => Answer::Written(self.write(put, *always)),
            Doing::Configure => Answer::Version(CONFIG),
            Doing::Publish(scheduled) => {
                self.publish(scheduled);
                Answer::Done
            }
            Doing::Contended => return Err("others write all the time".into()),
            Doing::Park(parked) => {
                self.park(actor, *parked);
                return Ok(None);
            }
            Doing::Route => {
                self.is_parked = true;
                self.published.insert((2, TIME_MS));
                self.events.extend([Happened::Accepted, Happened::Released]);
                return Ok(None);
            }
            Doing::Answer(changed) => {
                if let Role::Change(ask, _) = actor.role {
                    self.answers[ask] = Answered::As(*changed);
                }
                return Ok(None);
            }
            Doing::Done => return Ok(None),
        }))
    }

    fn park(&mut self, actor: &Actor, parked: Parked) {
        self.is_parked = true;
        if let Role::Park(machine) = &actor.role {
            let effects = effects::parked(machine.message(), parked, "route");
            self.take(effects);
        }
    }

    fn publish(&mut self, scheduled: &Scheduled) {
        self.take(effects::of(scheduled, "release"));
    }

    fn take(&mut self, effects: effects::Effects) {
        if let Some(message) = effects.released {
            self.published.insert((message.parts[0].octets.0.len(), message.attempt_ms));
        }
        self.receipts.extend(effects.deliveries.iter().map(|it| it.id));
        self.events.extend(effects.events.iter().map(|it| it.happened));
    }

    fn send(&mut self, hint: Hint, delay_ms: u64) {
        let visible_ms = self.now_ms() + delay_ms.min(DELAY_MAX_MS);
        self.push(Queued { hint, visible_ms });
    }

    fn push(&mut self, queued: Queued) {
        let queue = Rc::make_mut(&mut self.queue);
        queue.push(queued);
        queue.sort();
    }

    fn write(&mut self, put: &Put, always: bool) -> bool {
        let version = self.table.get(&put.message).map_or(0, |it| it.0.version);
        if version != put.read_version && !always {
            return false;
        }
        let stored = Stored { version: version + 1, item: put.item.clone() };
        let print = print(Some((stored.version, &stored.item)));
        self.table.insert(put.message, Rc::new((stored, print)));
        true
    }

    /// Two worlds with the same one go the same ways.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        let mut actors: Vec<u64> = self.actors.iter().map(|actor| actor.history).collect();
        actors.sort_unstable();
        let table: Vec<_> = self.table.iter().map(|(id, it)| (id, it.1)).collect();
        let late =
            self.late.as_ref().map(|late| (print(Some((0, &late.put.item))), late.put.message));
        (self.faults, self.tick, self.is_parked, self.asked_last_ms).hash(&mut hash);
        (&self.answers, actors, table, &self.queue, late).hash(&mut hash);
        (&self.published, &self.receipts, &self.events).hash(&mut hash);
        hash.finish()
    }
}

fn print(item: Option<(u64, &Item)>) -> u64 {
    let mut hash = DefaultHasher::new();
    item.map(|(version, item)| (version, wire::encode(item))).hash(&mut hash);
    hash.finish()
}
