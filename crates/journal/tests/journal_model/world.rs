//! The world around the state machine: Kafka, the provider and the group; `moves`: what can happen.

mod moves;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use journal::{Action, Event, JournalRecord, Message, OnUnknown, Rules, Settings, Slot, Ticket};
use uuid::Uuid;
use wire::submit_journal::{At, Body, Fate, PartAt, WholeResult, Writer};

pub(crate) use moves::Move;

pub(crate) const WINDOW: usize = 2;

/// A message on an outgoing partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) at: At,
    pub(crate) id: u128,
    pub(crate) parts: u16,
    /// By the clock of task 0; the others' is behind.
    pub(crate) expired: bool,
}

/// How often each thing may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) moves: u8,
    pub(crate) lost: u8,
    pub(crate) late: u8,
    pub(crate) refused: u8,
    pub(crate) throttled: u8,
    pub(crate) rejected: u8,
    pub(crate) unanswered: u8,
    pub(crate) positions: u8,
    pub(crate) resolutions: u8,
    pub(crate) drains: u8,
    /// Takeovers by a task that does not know yet that it lost the slot.
    pub(crate) retakes: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) tasks: usize,
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) budget: Budget,
    pub(crate) on_unknown: OnUnknown,
    pub(crate) rules: Rules,
    /// What depends on nobody else happens at once: messages that are there are read, and so is the
    /// journal up to a given offset; a task looks only when it has nothing else to do, and waits for
    /// its window. Far fewer interleavings; the random walks have the others.
    pub(crate) eager: bool,
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct Record {
    pub(crate) writer: Option<Writer>,
    pub(crate) body: Arc<Body>,
}

#[derive(Clone, Debug, Hash)]
struct Request {
    ticket: Ticket,
    record: Record,
}

#[derive(Clone, Debug, Hash)]
enum Ack {
    Landed(Ticket, u64),
    Failed(Ticket),
    Unknown(Ticket),
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    Result(String),
    Summary(u128),
    Doubt(PartAt, u64),
}

#[derive(Clone, Hash)]
pub(crate) struct Task {
    pub(crate) slot: Slot<u128>,
    notices: VecDeque<bool>,
    net: VecDeque<Request>,
    acks: VecDeque<Ack>,
    reading: Option<(u64, Option<u64>)>,
    looked_to: usize,
    next: Option<[u64; 3]>,
    bind: bool,
    air: Vec<(PartAt, u64)>,
    telling: VecDeque<(u64, Told)>,
    pub(crate) refused: bool,
}

/// The sends of each part: intent, and what the provider made of it (none: it may have taken it).
pub(super) type Sends = BTreeMap<(u128, u16), Vec<(u64, Option<Refused>)>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Refused {
    Throttled,
    Rejected,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) config: Arc<Config>,
    pub(crate) log: Vec<Record>,
    log_digest: u64,
    late: Vec<Request>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) assigned: usize,
    pub(crate) budget: Budget,
    pub(super) sends: Sends,
    pub(super) named: BTreeSet<(PartAt, u64)>,
    pub(super) told: BTreeSet<Told>,
}

/// A broken promise.
pub(crate) type Checked = Result<(), String>;

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let settings = |task| Settings {
            task,
            weights: [8, 3, 1],
            intent_parts_max: 2,
            intents_in_flight_max: 2,
            messages_max: 8,
            outcomes_max: if config.eager { 1 } else { 2 },
            on_unknown: config.on_unknown,
            repeats_max: 100,
            repeats_ms: 1000,
            search_span: 4,
            rules: config.rules,
        };
        let tasks = (0..config.tasks as u64).map(|task| Task::new(Slot::new(settings(task))));
        let mut world = Self {
            tasks: tasks.collect(),
            log: Vec::new(),
            log_digest: 0,
            late: Vec::new(),
            assigned: 0,
            budget: config.budget,
            sends: Sends::new(),
            named: BTreeSet::new(),
            told: BTreeSet::new(),
            config: Arc::new(config),
        };
        let first = Body::Position(Box::default());
        world
            .log(Record { writer: None, body: Arc::new(first) })
            .expect("a position breaks nothing");
        world.tasks[0].notices.push_back(true);
        world
    }

    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.log_digest, &self.late, &self.tasks, self.assigned, self.budget).hash(&mut hasher);
        (&self.sends, &self.named, &self.told).hash(&mut hasher);
        hasher.finish()
    }

    fn land(&mut self, task: usize, answered: bool) -> Checked {
        let Some(request) = self.tasks[task].net.pop_front() else { return Ok(()) };
        let offset = self.log.len() as u64;
        self.log(request.record)?;
        let ack = match answered {
            true => Ack::Landed(request.ticket, offset),
            false => Ack::Unknown(request.ticket),
        };
        self.tasks[task].acks.push_back(ack);
        Ok(())
    }

    fn read(&mut self, task: usize) -> Checked {
        let Some((from, to)) = self.tasks[task].reading.take() else { return Ok(()) };
        let end = to.unwrap_or(self.log.len() as u64);
        self.tasks[task].looked_to = end as usize;
        for offset in from..end {
            let Record { writer, body } = self.log[offset as usize].clone();
            let record = JournalRecord { offset, time_ms: 1, writer, body: Some(body) };
            self.tell(task, Event::JournalRead(record))?;
        }
        self.tell(task, Event::JournalEnd { from, to: end })
    }

    fn next_message(&self, task: &Task, priority: u8) -> Option<Outgoing> {
        let from = task.next?[usize::from(priority)];
        let here = |m: &&Outgoing| m.at.priority == priority && m.at.offset >= from;
        self.config.outgoing.iter().filter(here).min_by_key(|m| m.at.offset).copied()
    }

    fn message(&mut self, task: usize, priority: u8) -> Checked {
        let Some(message) = self.next_message(&self.tasks[task], priority) else { return Ok(()) };
        if let Some(next) = &mut self.tasks[task].next {
            next[usize::from(priority)] = message.at.offset + 1;
        }
        self.tell(
            task,
            Event::Message(Message {
                at: message.at,
                id: Uuid::from_u128(message.id),
                attempt: 1,
                parts: message.parts,
                attempt_began_ms: 1,
                was_read: false,
                expires_at_ms: if message.expired { 1 } else { u64::MAX },
                handle: message.id,
            }),
        )
    }

    fn answer(&mut self, task: usize, pdu: usize, fate: Fate) -> Checked {
        let refused = match fate {
            Fate::Returned => {
                self.budget.throttled -= 1;
                Some(Refused::Throttled)
            }
            Fate::Rejected => {
                self.budget.rejected -= 1;
                Some(Refused::Rejected)
            }
            _ => None,
        };
        let (part, intent) = self.tasks[task].air.remove(pdu);
        let sends = self.sends.entry(self.key(part)).or_default();
        sends.iter_mut().filter(|(i, _)| *i == intent).for_each(|(_, was)| *was = refused);
        let result = WholeResult::of(&result(part, intent)).ok();
        self.tell(task, Event::Answered { part, intent, fate, result })
    }

    fn confirm(&mut self, task: usize) -> Checked {
        let telling = std::mem::take(&mut self.tasks[task].telling);
        let Some(&(up_to, _)) = telling.back() else { return Ok(()) };
        self.told.extend(telling.into_iter().map(|(_, told)| told));
        self.tell(task, Event::Published { up_to })
    }

    /// An event, then the capacity that is left, and what the slot asks for.
    fn tell(&mut self, task: usize, event: Event<u128>) -> Checked {
        self.tasks[task].slot.handle(event);
        self.carry_out(task)?;
        let it = &mut self.tasks[task];
        let parts = if it.bind { WINDOW.saturating_sub(it.air.len()) } else { 0 };
        it.slot.handle(Event::Capacity { parts, now_ms: u64::from(task == 0) });
        self.carry_out(task)?;
        if self.config.eager { self.read_at_once(task) } else { Ok(()) }
    }

    fn read_at_once(&mut self, task: usize) -> Checked {
        if matches!(self.tasks[task].reading, Some((_, Some(_)))) {
            return self.read(task);
        }
        for priority in 0..3 {
            let it = &self.tasks[task];
            if it.slot.room(priority) > 0 && self.next_message(it, priority).is_some() {
                return self.message(task, priority);
            }
        }
        // When it is confirmed matters to positions.
        let confirms = self.config.budget.positions == 0 && self.assigned == task;
        if confirms && !self.tasks[task].telling.is_empty() {
            return self.confirm(task);
        }
        Ok(())
    }

    fn carry_out(&mut self, index: usize) -> Checked {
        while let Some(action) = self.tasks[index].slot.next_action() {
            let task = &mut self.tasks[index];
            match action {
                Action::Append { ticket, key, body } => {
                    let record = Record { writer: Some(key), body };
                    task.net.push_back(Request { ticket, record });
                }
                Action::ReadJournal { from, to } => task.reading = Some((from, to)),
                Action::StartReading { from } => task.next = Some(from),
                Action::StopReading => task.next = None,
                Action::Send { part, intent, handle } => {
                    task.air.push((part, intent));
                    self.sent(part, intent, handle)?;
                }
                Action::Publish { number, publication } => {
                    let told = self.check_publication(publication)?;
                    self.tasks[index].telling.push_back((number, told));
                }
                Action::OpenBind => task.bind = true,
                Action::CloseBind => task.bind = false,
                Action::Released => task.next = None,
                Action::Refuse(_) => task.refused = true,
            }
        }
        Ok(())
    }

    pub(super) fn key(&self, part: PartAt) -> (u128, u16) {
        let message = self.config.outgoing.iter().find(|message| message.at == part.at);
        (message.map_or(0, |message| message.id), part.part)
    }

    /// A record reaches the journal.
    fn log(&mut self, record: Record) -> Checked {
        let offset = self.log.len() as u64;
        let checked = match &*record.body {
            Body::Unknown(unknown) if self.valid(record.writer, offset) => {
                unknown.parts.iter().try_for_each(|doubt| {
                    self.named.insert((doubt.part.at, doubt.intent));
                    self.check_doubt(doubt.part.at, doubt.intent, record.writer)
                })
            }
            _ => Ok(()),
        };
        let mut hasher = DefaultHasher::new();
        (self.log_digest, &record).hash(&mut hasher);
        self.log_digest = hasher.finish();
        self.log.push(record);
        checked
    }

    fn valid(&self, writer: Option<Writer>, offset: u64) -> bool {
        let Some(takeover) = writer.and_then(|writer| writer.takeover) else { return false };
        let between = takeover as usize + 1..offset as usize;
        !self.log[between].iter().any(|record| matches!(*record.body, Body::Takeover))
    }

    pub(crate) fn late(&self) -> usize {
        self.late.len()
    }
}

impl Task {
    fn new(slot: Slot<u128>) -> Self {
        Self {
            slot,
            notices: VecDeque::new(),
            net: VecDeque::new(),
            acks: VecDeque::new(),
            reading: None,
            looked_to: 0,
            next: None,
            bind: false,
            air: Vec::new(),
            telling: VecDeque::new(),
            refused: false,
        }
    }
}

pub(super) fn result(part: PartAt, intent: u64) -> String {
    format!("{}.{}.{}.{intent}", part.at.priority, part.at.offset, part.part)
}
