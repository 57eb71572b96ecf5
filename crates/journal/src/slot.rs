//! One slot: who owns it, what of the journal is known, what is to be done next.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use wire::submit_journal::{Body, Doubt, Outcomes, OwnerId, Part, Position};

use super::event::{Action, Counters, Event, JournalRecord, Refusal, Settings, Ticket, Timer};
use super::fence::{Fence, Step};
use super::ledger::{Effects, Ledger, Place};
use super::publishing::Publishing;
use super::queue::Queue;
use super::repeats::Repeats;
use super::rules::Rule;
use super::search::{Search, Verdict};

/// The state machine of one slot. `H` is what the shell needs to send a message.
#[derive(Clone, Debug)]
pub struct Slot<H> {
    pub(super) settings: Settings,
    pub(super) assigned: bool,
    pub(super) phase: Phase,
    term: u32,
    pub(super) fence: Fence,
    pub(super) ledger: Ledger<H>,
    pub(super) queue: Queue,
    pub(super) publishing: Publishing,
    /// Answers that are not journalled yet. They outlive an ownership: who owns the slot next may
    /// say what became of an intent, whoever's it was.
    pub(super) answers: Vec<Outcomes>,
    /// Doubts that are not journalled yet.
    pub(super) doubts: Vec<Doubt>,
    /// Parts that end without an intent, not journalled yet.
    pub(super) expired: Vec<Part>,
    pub(super) drained: Vec<Part>,
    pub(super) load: Load,
    pub(super) now_ms: u64,
    pub(super) counters: Counters,
    effects: Effects<H>,
    pub(super) actions: VecDeque<Action<H>>,
}

/// How far an ownership has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Releasing {
    No,
    Window,
    Position,
}

/// What is under way, in parts; all bounded by [`Event::Capacity`] and `messages_max`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Load {
    pub(super) allowance: usize,
    /// Intents appended, not landed.
    pub(super) intended: usize,
    pub(super) unanswered: usize,
    /// Messages with their body, per priority.
    pub(super) messages: [usize; wire::submit_journal::PRIORITIES],
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

    /// Whether parts wait for capacity.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn assign(&mut self) {
        self.assigned = true;
        match &mut self.phase {
            Phase::Idle => self.claim(),
            // Back before it was given away: go on.
            Phase::Active { releasing } if *releasing != Releasing::No => {
                *releasing = Releasing::No;
                let from = self.ledger.read_from();
                self.actions.push_back(Action::StartReading { from });
            }
            _ => {}
        }
    }

    fn revoke(&mut self) {
        self.assigned = false;
        match &mut self.phase {
            Phase::Active { releasing } => {
                *releasing = Releasing::Window;
                self.actions.push_back(Action::StopReading);
            }
            Phase::Idle => self.actions.push_back(Action::Released),
            _ => self.release(),
        }
    }

    /// Gives the slot up, whatever is under way: a successor will doubt it.
    fn release(&mut self) {
        if matches!(self.phase, Phase::Active { .. }) {
            self.actions.push_back(Action::CloseBind);
        }
        self.phase = Phase::Idle;
        self.answers.clear();
        self.actions.push_back(Action::Released);
    }

    /// Becomes a new owner, who knows nothing yet. Only ever when assigned.
    fn claim(&mut self) {
        for flight in self.fence.take_all() {
            self.keep_answers(&flight.body);
        }
        self.term += 1;
        self.fence.begin(OwnerId { task: self.settings.task, term: self.term });
        self.queue.clear();
        self.publishing.clear();
        self.doubts.clear();
        self.expired.clear();
        self.drained.clear();
        self.load = Load::default();
        self.ledger = Ledger::new(self.no_repeats(), self.settings.rules);
        self.phase = Phase::Claiming;
        self.append(Arc::new(Body::Takeover));
    }

    pub(super) fn no_repeats(&self) -> Repeats {
        Repeats::new(self.settings.repeats_max, self.settings.repeats_ms)
    }

    /// The ownership has ended: nothing more is sent or published.
    fn fenced(&mut self) {
        if matches!(self.phase, Phase::Active { .. }) {
            self.actions.push_back(Action::StopReading);
            self.actions.push_back(Action::CloseBind);
        }
        self.phase = Phase::Fenced;
        self.fence.reading = false;
        if !self.assigned {
            self.release();
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        if matches!(self.phase, Phase::Active { .. }) {
            self.actions.push_back(Action::StopReading);
            self.actions.push_back(Action::CloseBind);
        }
        self.phase = Phase::Idle;
        self.actions.push_back(Action::Refuse(refusal));
    }

    pub(super) fn append(&mut self, body: Arc<Body>) {
        if let Some((ticket, key)) = self.fence.append(&body) {
            self.actions.push_back(Action::Append { ticket, key, body });
        }
    }

    /// Answers may be journalled as long as the owner may append at all, fenced or not.
    pub(super) fn may_append(&self) -> bool {
        let alive = self.fence.me.is_some_and(|me| !me.dead && me.takeover.is_some());
        alive && matches!(self.phase, Phase::Active { .. } | Phase::Fenced)
    }

    fn appended(&mut self, ticket: Ticket, offset: u64) {
        if ticket.term != self.term {
            return;
        }
        match self.phase {
            Phase::Claiming => {
                self.fence.take(ticket);
                if let Some(me) = &mut self.fence.me {
                    me.takeover = Some(offset);
                }
                let search = Search::new(offset, self.settings.search_span);
                self.read(search.from(), Some(offset));
                self.phase = Phase::Searching(search);
            }
            Phase::Active { .. } => self.fence.landed(ticket, offset),
            _ => {
                self.fence.take(ticket);
            }
        }
    }

    fn append_failed(&mut self, ticket: Ticket) {
        let Some(flight) = self.fence.take(ticket) else { return };
        match self.phase {
            Phase::Claiming => self.fenced(),
            Phase::Active { .. } => self.undo(&flight.body),
            _ => self.keep_answers(&flight.body),
        }
    }

    /// Rule 3.
    fn append_unknown(&mut self, ticket: Ticket) {
        if ticket.term != self.term || matches!(self.phase, Phase::Idle) {
            return;
        }
        if let Some(me) = &mut self.fence.me {
            me.dead = true;
        }
        if self.phase != Phase::Fenced {
            self.fenced();
        }
    }

    fn read(&mut self, from: u64, to: Option<u64>) {
        self.fence.reading = true;
        self.actions.push_back(Action::ReadJournal { from, to });
    }

    fn journal_read(&mut self, record: JournalRecord) {
        if !self.fence.reading {
            return;
        }
        if record.body.is_none() {
            return self.refuse(Refusal::NotUnderstood { offset: record.offset });
        }
        match &mut self.phase {
            Phase::Searching(search) => search.record(&record, self.settings.rules),
            Phase::Replaying { .. } => {
                self.ledger.repeats.covers(record.time_ms);
                self.foreign(record);
            }
            Phase::Active { .. } => self.foreign(record),
            _ => {}
        }
    }

    /// A record met by reading: mostly another's, but an own one whose acknowledgement is late
    /// counts just as well.
    fn foreign(&mut self, record: JournalRecord) {
        let JournalRecord { offset, time_ms, writer, body } = record;
        let Some(body) = body.filter(|_| offset >= self.fence.known_to) else { return };
        self.follow();
        if offset < self.fence.known_to {
            return;
        }
        self.fence.known_to = offset + 1;
        let mine = writer.filter(|writer| self.fence.is_me(writer));
        let active = matches!(self.phase, Phase::Active { .. });
        let takeover = matches!(*body, Body::Takeover) && self.settings.rules.hold(Rule::Takeover);
        if active && takeover && mine.is_none() {
            self.counters.fenced += 1;
            return self.fenced();
        }
        self.apply(offset, time_ms, writer, &body);
        if let Some(writer) = mine {
            let ticket = Ticket { term: writer.owner.term, sequence: writer.sequence };
            self.fence.take(ticket);
            self.own_landed(offset, &body);
        }
    }

    fn journal_end(&mut self, from: u64, to: u64) {
        if !self.fence.reading {
            return;
        }
        let takeover = self.fence.me.and_then(|me| me.takeover).unwrap_or(to);
        match &mut self.phase {
            Phase::Searching(search) => match search.end(from, takeover, super::position::start) {
                Verdict::Start { position, .. } => self.replay(&position, takeover),
                Verdict::LookFrom(from) => self.read(from, Some(takeover)),
                Verdict::NoPosition => self.refuse(Refusal::NoPosition),
            },
            Phase::Replaying { .. } => {
                self.fence.reading = false;
                self.fence.known_to = takeover + 1;
                self.ledger.takeover(takeover);
                self.activate();
            }
            Phase::Active { .. } => {
                self.follow();
                self.fence.reading = false;
                self.fence.known_to = self.fence.known_to.max(to);
            }
            _ => {}
        }
    }

    fn replay(&mut self, position: &Position, takeover: u64) {
        self.ledger = Ledger::restore(position, self.no_repeats(), self.settings.rules);
        let from = super::position::start(position);
        self.fence.known_to = from;
        self.phase = Phase::Replaying {
            applies_from: position.as_of,
            publishes_from: position.published_to,
        };
        self.read(from, Some(takeover));
    }

    /// Moves the cursor over own records that follow without a gap (rule 2).
    fn follow(&mut self) {
        while matches!(self.phase, Phase::Active { .. }) {
            match self.fence.step(self.settings.rules) {
                Step::Own { offset, flight } => {
                    let writer = self.fence.me.map(|me| wire::submit_journal::Writer {
                        owner: me.owner,
                        takeover: me.takeover,
                        sequence: flight.ticket.sequence,
                    });
                    self.apply(offset, self.now_ms, writer, &flight.body);
                    self.own_landed(offset, &flight.body);
                }
                Step::Read { from, to } => {
                    self.actions.push_back(Action::ReadJournal { from, to: Some(to) });
                    break;
                }
                Step::Wait => break,
            }
        }
    }

    /// The record at the cursor changes the ledger; what follows is done.
    fn apply(
        &mut self,
        offset: u64,
        time_ms: u64,
        writer: Option<wire::submit_journal::Writer>,
        body: &Body,
    ) {
        let (applies, publishes) = match self.phase {
            Phase::Replaying { applies_from, publishes_from } => {
                let publishes = self.settings.rules.hold(Rule::Republish);
                (offset >= applies_from, publishes && offset >= publishes_from)
            }
            _ => (true, true),
        };
        let place = Place { offset, time_ms, writer, applies, publishes };
        let mut effects = std::mem::take(&mut self.effects);
        self.ledger.apply(&place, body, &mut effects);
        for publication in effects.publications.drain(..) {
            let number = self.publishing.of_record(offset);
            self.actions.push_back(Action::Publish { number, publication });
        }
        for part in effects.touched.drain(..) {
            self.touched(part);
        }
        self.effects = effects;
        if matches!(body, Body::Drain(_)) {
            self.sweep_drained();
        }
    }

    fn timer(&mut self, timer: Timer) {
        if !self.wants(timer) {
            return;
        }
        match timer {
            Timer::Flush => self.flush(),
            Timer::Look => self.read(self.fence.known_to, None),
            Timer::Position => self.write_position(),
            Timer::Retake => self.claim(),
            Timer::Release => {
                self.flush();
                self.release();
            }
        }
    }

    /// Rule 8: only without an unread gap.
    pub(super) fn write_position(&mut self) {
        let as_of = match self.settings.rules.hold(Rule::PositionWithoutGap) {
            true if self.fence.gap() => return,
            true => self.fence.known_to,
            false => self.fence.landed_to(),
        };
        let position = self.ledger.position(as_of, &self.publishing);
        self.append(Arc::new(Body::Position(Box::new(position))));
    }

    /// Whatever can be done now.
    fn go_on(&mut self) {
        let Phase::Active { releasing } = self.phase else { return };
        if self.answers.iter().map(|outcomes| outcomes.parts.len()).sum::<usize>()
            >= self.settings.outcomes_max
        {
            self.flush();
        }
        self.journal_ends();
        if releasing == Releasing::No {
            self.intend();
        } else if self.window_is_finished() {
            self.part(releasing);
        }
    }

    fn window_is_finished(&self) -> bool {
        self.load.unanswered == 0
            && self.fence.in_flight().is_empty()
            && self.answers.is_empty()
            && self.doubts.is_empty()
    }

    /// A last position makes the successor's start short.
    fn part(&mut self, releasing: Releasing) {
        if releasing == Releasing::Position {
            return self.release();
        }
        self.phase = Phase::Active { releasing: Releasing::Position };
        self.write_position();
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
