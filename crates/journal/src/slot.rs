//! One slot: who owns it, what of the journal is known, what is to be done next.
//!
//! Here stand its state, the events that it is told, and what it wants. What an event does stands by
//! subject: `ownership` (whose the slot is), `journal_reading` and `journal_writing` (records in and
//! out), `sending` (parts).

mod journal_reading;
mod journal_writing;
mod ownership;
mod sending;

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use wire::submit_journal::{Doubt, Outcomes, Part};

use super::event::{Action, Counters, Event, Message, Settings, Timer};
use super::fence::Fence;
use super::ledger::{Effects, Ledger};
use super::publishing::Publishing;
use super::queue::Queue;
use super::repeats::Repeats;
use super::rules::Rule;
use super::search::Search;

/// The state machine of one slot. `H` is what the shell needs to send a message.
#[derive(Clone, Debug)]
pub struct Slot<H> {
    settings: Settings,
    assigned: bool,
    phase: Phase,
    term: u32,
    fence: Fence,
    ledger: Ledger<H>,
    queue: Queue,
    publishing: Publishing,
    /// Answers that are not journalled yet. They outlive an ownership: who owns the slot next may
    /// say what became of an intent, whoever's it was.
    answers: Vec<Outcomes>,
    /// Doubts that are not journalled yet.
    doubts: Vec<Doubt>,
    /// Parts that end without an intent, not journalled yet.
    expired: Vec<Part>,
    drained: Vec<Part>,
    load: Load,
    now_ms: u64,
    counters: Counters,
    effects: Effects<H>,
    actions: VecDeque<Action<H>>,
}

/// How far an ownership has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Not ours, or refused.
    Idle,
    /// The takeover is appended.
    Claiming,
    /// Looking back for a position.
    Searching(Search),
    /// Reading up to the takeover from a position.
    Replaying { applies_from: u64, publishes_from: u64 },
    /// Sending.
    Active { releasing: Releasing },
    /// Somebody else took over, or an append's fate is unknown.
    Fenced,
}

/// How far an owner from whom the slot is taken has come in giving it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Releasing {
    No,
    /// Nothing more is intended; what is out is waited for.
    Window,
    /// The last position is appended.
    Position,
}

/// What is under way, in parts; all bounded by [`Event::Capacity`] and `messages_max`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Load {
    allowance: usize,
    /// Intents appended, not landed.
    intended: usize,
    unanswered: usize,
    /// Messages with their body, per priority.
    messages: [usize; wire::submit_journal::PRIORITIES],
}

impl<H: Clone> Slot<H> {
    /// A slot that is nobody's yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let repeats = Repeats::new(settings.repeats_max, settings.repeats_ms);
        Self {
            assigned: false,
            phase: Phase::Idle,
            term: 0,
            fence: Fence::default(),
            ledger: Ledger::new(repeats, settings.rules),
            queue: Queue::new(settings.weights),
            publishing: Publishing::default(),
            answers: Vec::new(),
            doubts: Vec::new(),
            expired: Vec::new(),
            drained: Vec::new(),
            load: Load::default(),
            now_ms: 0,
            counters: Counters::default(),
            effects: Effects::default(),
            actions: VecDeque::new(),
            settings,
        }
    }

    /// Takes in what happened; afterwards [`Self::next_action`] until there is none.
    pub fn handle(&mut self, event: Event<H>) {
        match event {
            Event::Assigned => self.assign(),
            Event::Revoked => self.revoke(),
            Event::JournalRead(record) => self.journal_read(record),
            Event::JournalEnd { from, to } => self.journal_end(from, to),
            Event::Appended { ticket, offset } => self.appended(ticket, offset),
            Event::AppendFailed(ticket) => self.append_failed(ticket),
            Event::AppendUnknown(ticket) => self.append_unknown(ticket),
            Event::Message(message) => self.message(message),
            Event::Passed(at) => self.passed(at),
            Event::Capacity { parts, now_ms } => {
                self.load.allowance = parts;
                self.now_ms = now_ms;
            }
            Event::Answered { part, intent, fate, result } => {
                self.answered(part, intent, fate, result);
            }
            Event::Unanswered { part, intent } => self.unanswered(part, intent),
            Event::Published { up_to } => self.published(up_to),
            Event::Timer(timer) => self.timer(timer),
        }
        self.follow();
        self.go_on();
    }

    /// What is to be done next.
    pub fn next_action(&mut self) -> Option<Action<H>> {
        self.actions.pop_front()
    }

    /// Whether a timer is to run.
    #[must_use]
    pub fn wants(&self, timer: Timer) -> bool {
        let active = matches!(self.phase, Phase::Active { .. });
        match timer {
            Timer::Flush => !self.answers.is_empty() && self.may_append(),
            Timer::Look => {
                active
                    && self.fence.in_flight().is_empty()
                    && !self.fence.reading
                    && self.settings.rules.hold(Rule::IdleLook)
            }
            Timer::Position => matches!(self.phase, Phase::Active { releasing: Releasing::No }),
            Timer::Retake => self.assigned && self.phase == Phase::Fenced,
            Timer::Release => active && !self.assigned,
        }
    }

    /// How many more messages of a priority may be handed in.
    #[must_use]
    pub fn room(&self, priority: u8) -> usize {
        let loaded = self.load.messages.get(usize::from(priority)).copied();
        match self.phase {
            Phase::Active { releasing: Releasing::No } => {
                self.settings.messages_max.saturating_sub(loaded.unwrap_or(usize::MAX))
            }
            _ => 0,
        }
    }

    /// If a message must be looked up before it is handed in: its attempt began before the set of
    /// repeats reaches back, and nobody here can tell whether a copy of it was sent. The time (Unix
    /// ms, of the journal) since when the set knows everything: such a copy was journalled before.
    #[must_use]
    pub fn late(&self, message: &Message<H>) -> Option<u64> {
        match self.phase {
            Phase::Active { releasing: Releasing::No } => self.ledger.late(message),
            _ => None,
        }
    }

    /// Whether parts wait for capacity.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn timer(&mut self, timer: Timer) {
        if !self.wants(timer) {
            return;
        }
        match timer {
            Timer::Flush => self.flush_answers(),
            Timer::Look => self.read(self.fence.known_to, None),
            Timer::Position => self.write_position(),
            Timer::Retake => self.claim(),
            Timer::Release => {
                self.flush_answers();
                self.release();
            }
        }
    }

    /// Whatever can be done now.
    fn go_on(&mut self) {
        let Phase::Active { releasing } = self.phase else { return };
        if self.answers.iter().map(|outcomes| outcomes.parts.len()).sum::<usize>()
            >= self.settings.outcomes_max
        {
            self.flush_answers();
        }
        self.flush_ends();
        if releasing == Releasing::No {
            self.intend();
        } else if self.window_is_finished() {
            self.leave(releasing);
        }
    }
}

/// What decides how it goes on; not what it was set to, nor what it counts.
impl<H: Hash> Hash for Slot<H> {
    fn hash<S: Hasher>(&self, state: &mut S) {
        (self.assigned, &self.phase, self.term, &self.fence, &self.ledger).hash(state);
        (&self.queue, &self.publishing, &self.answers, &self.doubts).hash(state);
        (&self.expired, &self.drained, self.load).hash(state);
    }
}
