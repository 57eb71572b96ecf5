//! One slot's task: carries out what the journal's state machine asks for, and tells it what
//! happened. Nothing is decided here but when to look and how to reconnect.

mod actions;
mod inbound;
mod late;
mod link;
mod planned;
mod timers;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::config::{Link as ProviderLink, OnUnknown as Policy, SmppLink};
use journal::{Event, OnUnknown, Rules, Settings as JournalSettings, Ticket};
use platform::clock::unix_ms;
use platform::kafka::{KafkaSettings, Outcome};
use platform::secrets::Secrets;
use tokio::sync::{Notify, mpsc, watch};
use wire::submit_journal::{At, PRIORITIES, PartAt};

use crate::group::{Change, Releases};
use crate::journal_reader::{Read, Requests};
use crate::late_repeats::LateRepeats;
use crate::pacing::Pacing;
use crate::plan::{Plan, SlotPlan};
use crate::publishing::{Inbox, Producers};
use crate::reading::{Outgoing, Reading, Taken};
use crate::settings::Settings;

use inbound::Inbound;
use late::Late;
use link::Link;
use planned::{PlanTaken, Planned};
use timers::Timers;

/// The bucket is this deep (design, section 6), and refilled no more often than [`PACE_STEP`].
const BUCKET_DEPTH: Duration = Duration::from_millis(10);
const PACE_STEP: Duration = Duration::from_millis(2);
/// Parts are intended so long before their tokens come (at most a second: journal.md, rule 4), for an
/// intent takes longer to be acknowledged than the bucket is deep.
const INTENDED_AHEAD: Duration = Duration::from_millis(100);
/// Messages taken from Kafka before the loop goes round again.
const READ_AT_ONCE: usize = 1_000;

/// What all slots of this process share.
#[derive(Debug)]
pub struct Shared {
    /// Settings.
    pub settings: Settings,
    /// Brokers.
    pub kafka: KafkaSettings,
    /// Producers.
    pub producers: Producers,
    /// Passwords of providers.
    pub secrets: Secrets,
    /// Reader of journals.
    pub journals: Requests,
    /// Where late messages are looked up.
    pub late: LateRepeats,
    /// Where finished slots are given back.
    pub releases: Arc<Releases>,
    /// Random, new for every process.
    pub task: u64,
}

/// A part that was handed to the bind.
#[derive(Debug)]
struct Sent {
    part: PartAt,
    intent: u64,
    outgoing: Outgoing,
}

/// The task of one slot.
#[derive(Debug)]
pub struct SlotTask {
    number: u32,
    shared: Arc<Shared>,
    planned: Planned<Outgoing>,
    /// The configuration version in force.
    config: u64,
    pacing: Pacing,
    link: Link,
    /// Parts whose intent counts, that wait for a token; bounded by [`INTENDED_AHEAD`] and the window.
    intended: VecDeque<Sent>,
    sent: HashMap<u64, Sent>,
    next_token: u64,
    reading: Option<Reading>,
    late: Late,
    journal: Option<mpsc::Receiver<Read>>,
    inbox: Arc<Inbox>,
    arrived: Arc<Notify>,
    appends: HashMap<u64, Ticket>,
    next_append: u64,
    /// Bounded by the appends that the machine has under way.
    refused_appends: Vec<u64>,
    ended: Vec<(u64, Outcome)>,
    /// Publications that the producer's full queue did not take; bounded by what is under way.
    unpublished: VecDeque<(u64, String, Vec<u8>)>,
    inbound: Inbound,
    /// Dead letters given to the producer, all told.
    dead_letters: u64,
    /// Where the records stood whose dead letters are not confirmed.
    passed: Vec<At>,
    timers: Timers,
    observed: Observed,
}

/// How fast the slot was sending, for a bucket without an agreed rate.
#[derive(Debug)]
struct Observed {
    since: Instant,
    parts: usize,
    per_s: f64,
}

/// What woke the task.
enum Woke {
    Change(Option<Change>),
    Arrived,
    Journal(Option<Read>),
    Link(link::News),
    Due,
    Plan,
}

impl SlotTask {
    /// A slot that is not ours yet.
    #[must_use]
    pub fn new(number: u32, shared: Arc<Shared>) -> Self {
        let arrived = Arc::new(Notify::new());
        let inbox = Arc::new(Inbox::new(arrived.clone()));
        shared.producers.open(number, inbox.clone());
        let now = Instant::now();
        Self {
            number,
            planned: Planned::new(journal_settings(&shared, None)),
            config: 0,
            pacing: Pacing::new(BUCKET_DEPTH, now),
            link: Link::default(),
            intended: VecDeque::new(),
            sent: HashMap::new(),
            next_token: 0,
            reading: None,
            late: Late::default(),
            journal: None,
            inbox,
            arrived,
            appends: HashMap::new(),
            next_append: 0,
            refused_appends: Vec::new(),
            ended: Vec::new(),
            unpublished: VecDeque::new(),
            inbound: Inbound::default(),
            dead_letters: 0,
            passed: Vec::new(),
            timers: Timers::default(),
            observed: Observed { since: now, parts: 0, per_s: 1.0 },
            shared,
        }
    }

    /// Runs until the group's changes end.
    pub async fn run(
        mut self,
        mut changes: mpsc::Receiver<Change>,
        mut plans: watch::Receiver<Arc<Plan>>,
    ) {
        self.take_plan(&plans.borrow_and_update().clone());
        loop {
            let now = Instant::now();
            self.turn(now);
            self.link.write(now).await;
            self.take_link(Instant::now());
            let due = self.due(Instant::now());
            let woke = tokio::select! {
                biased;
                change = changes.recv() => Woke::Change(change),
                news = self.link.next() => Woke::Link(news),
                () = self.arrived.notified() => Woke::Arrived,
                read = next_read(self.journal.as_mut()) => Woke::Journal(read),
                () = tokio::time::sleep_until(due.into()) => Woke::Due,
                Ok(()) = plans.changed() => Woke::Plan,
            };
            match woke {
                Woke::Change(Some(change)) => self.change(change),
                Woke::Change(None) => return,
                Woke::Link(news) => self.link_news(news, Instant::now()),
                Woke::Journal(read) => self.journal_read(read),
                Woke::Plan => self.take_plan(&plans.borrow_and_update().clone()),
                Woke::Arrived | Woke::Due => {}
            }
        }
    }

    /// Everything that is there is taken in, then the capacity is told once: so intents are large.
    fn turn(&mut self, now: Instant) {
        let now_ms = unix_ms();
        self.planned.machine.handle(Event::Capacity { parts: 0, now_ms });
        self.take_link(now);
        self.take_delivered(now);
        self.take_appended();
        if let Some(before) = self.inbox.take_published()
            && let Some(up_to) = before.checked_sub(1)
        {
            self.planned.machine.handle(Event::Published { up_to });
        }
        self.publish_again();
        self.run_timers(now);
        self.take_messages();
        self.act(now);
        self.send_intended(now);
        let parts = self.capacity(now);
        self.planned.machine.handle(Event::Capacity { parts, now_ms });
        self.act(now);
        self.send_intended(now);
    }

    fn capacity(&mut self, now: Instant) -> usize {
        let soon = self.pacing.available_within(INTENDED_AHEAD, now);
        soon.min(self.link.room()).saturating_sub(self.intended.len())
    }

    /// Sends what bucket and window let out.
    fn send_intended(&mut self, now: Instant) {
        if self.link.bind.is_none() {
            return self.return_intended();
        }
        while self.link.room() > 0 && self.pacing.available(now) > 0 {
            let Some(part) = self.intended.pop_front() else { return };
            self.send(part, now);
        }
    }

    fn take_messages(&mut self) {
        let Some(mut reading) = self.reading.take() else { return };
        reading.tick();
        if self.dead_letters == self.inbox.dead_letters() {
            for at in self.passed.drain(..) {
                self.planned.machine.handle(Event::Passed(at));
            }
        }
        let mut taken = 0;
        for priority in 0..PRIORITIES {
            let index = u8::try_from(priority).unwrap_or(u8::MAX);
            let room = self.planned.machine.room(index).min(READ_AT_ONCE);
            for _ in 0..room {
                let Some(next) = self.next_message(&mut reading, priority) else { break };
                if let Some(waits) = self.take_message(index, next) {
                    reading.put_back(priority, waits);
                    break;
                }
                taken += 1;
            }
        }
        self.reading = Some(reading);
        if taken >= READ_AT_ONCE {
            // There may be more, and the queue tells only when it was empty.
            self.arrived.notify_one();
        }
    }

    /// What is put back comes first, then what was looked up, then what is read now. Late messages
    /// are looked up, and those behind them wait with them.
    fn next_message(&mut self, reading: &mut Reading, priority: usize) -> Option<Taken> {
        if let Some(again) = reading.take_back(priority) {
            return Some(again);
        }
        while self.late.has_room(priority) {
            let Some(next) = reading.next(priority) else { break };
            let Ok(message) = next else { return Some(next) };
            let before_ms = self.planned.machine.late(&message);
            if before_ms.is_none() && self.late.is_empty(priority) {
                return Some(Ok(message));
            }
            self.late.push(priority, message, before_ms, &self.shared.late, &self.arrived);
        }
        let is_late = |message: &_| self.planned.machine.late(message);
        self.late.next(priority, is_late, &self.shared.late, &self.arrived).map(Ok)
    }

    /// A message waits until the dead letters before it are confirmed, so that few of them are under
    /// way. Gives back what has to wait.
    fn take_message(&mut self, priority: u8, next: Taken) -> Option<Taken> {
        match next {
            Ok(_) if self.dead_letters > self.inbox.dead_letters() => return Some(next),
            Ok(message) => self.planned.machine.handle(Event::Message(message)),
            Err(poison) => {
                if !actions::dead_letter(&self.shared.producers, self.number, &poison) {
                    return Some(Err(poison));
                }
                self.dead_letters += 1;
                let offset = u64::try_from(poison.offset).unwrap_or_default();
                self.passed.push(At { priority, offset });
            }
        }
        None
    }

    fn take_appended(&mut self) {
        let mut ended = std::mem::take(&mut self.ended);
        self.inbox.take_appended(&mut ended);
        for (number, outcome) in ended.drain(..) {
            let Some(ticket) = self.appends.remove(&number) else { continue };
            self.planned.machine.handle(match outcome {
                Outcome::Stored { offset, .. } => match u64::try_from(offset) {
                    Ok(offset) => Event::Appended { ticket, offset },
                    // Stored, but Kafka does not say where.
                    Err(_) => Event::AppendUnknown(ticket),
                },
                Outcome::NeverLeft => Event::AppendFailed(ticket),
                Outcome::Unknown => Event::AppendUnknown(ticket),
            });
        }
        self.ended = ended;
    }

    fn journal_read(&mut self, read: Option<Read>) {
        match read {
            Some(Read::Records(records)) => {
                for record in records {
                    self.planned.machine.handle(Event::JournalRead(record));
                }
            }
            Some(Read::End { from, to }) => {
                self.journal = None;
                self.planned.machine.handle(Event::JournalEnd { from, to });
            }
            None => self.journal = None,
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Assigned(_) => self.planned.assign(),
            Change::Revoked(_) => self.planned.revoke(),
        }
    }

    /// A new configuration: rate and window at once, a new link by a new bind, and nothing at all
    /// where this slot is not concerned.
    fn take_plan(&mut self, plan: &Plan) {
        self.config = plan.version();
        let found = plan.slot(self.number).cloned();
        let shared = &self.shared;
        match self.planned.take(found, |now| journal_settings(shared, Some(now))) {
            PlanTaken::Nothing => {}
            PlanTaken::NoProvider => {
                tracing::warn!(event = "slot_without_provider", slot = self.number);
            }
            PlanTaken::Changed { rate_per_s, new_link } => {
                self.pacing.agree(rate_per_s, Instant::now());
                if new_link {
                    self.link.reconnect(Instant::now());
                }
            }
        }
    }

    fn smpp_link(&self) -> Option<(SmppLink, usize)> {
        let provider = &self.planned.plan.as_ref()?.provider;
        let ProviderLink::Smpp(link) = &provider.link;
        Some((link.clone(), usize::try_from(provider.window).unwrap_or(usize::MAX)))
    }
}

fn journal_settings(shared: &Shared, plan: Option<&SlotPlan>) -> JournalSettings {
    let provider = plan.map(|plan| &plan.provider);
    let weights = provider.map(|provider| provider.weights).unwrap_or_default();
    JournalSettings {
        task: shared.task,
        weights: [weights.high, weights.normal, weights.bulk].map(|weight| weight.max(1)),
        intent_parts_max: 500,
        intents_in_flight_max: 4,
        messages_max: shared.settings.messages_max,
        outcomes_max: 500,
        on_unknown: match provider.map(|provider| provider.on_unknown) {
            Some(Policy::Hold) => OnUnknown::Hold,
            _ => OnUnknown::Resend,
        },
        repeats_max: 1_000_000,
        repeats_ms: u64::try_from(shared.settings.repeats.as_millis()).unwrap_or(u64::MAX),
        search_span: 10_000,
        rules: Rules::default(),
    }
}

async fn next_read(journal: Option<&mut mpsc::Receiver<Read>>) -> Option<Read> {
    match journal {
        Some(journal) => journal.recv().await,
        None => std::future::pending().await,
    }
}
