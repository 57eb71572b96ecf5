//! What the slot reads of its journal, and when its own records count: looking back for a position,
//! replaying from it, then following the journal (rules 1, 2, 7).

use wire::submit_journal::{Body, Position, Writer};

use super::{Phase, Slot};
use crate::event::{Action, JournalRecord, Refusal, Ticket};
use crate::fence::Step;
use crate::ledger::{Ledger, Place};
use crate::position;
use crate::rules::Rule;
use crate::search::Verdict;

impl<H: Clone> Slot<H> {
    pub(super) fn read(&mut self, from: u64, to: Option<u64>) {
        self.fence.reading = true;
        self.actions.push_back(Action::ReadJournal { from, to });
    }

    pub(super) fn journal_read(&mut self, record: JournalRecord) {
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
                self.meet(record);
            }
            Phase::Active { .. } => self.meet(record),
            _ => {}
        }
    }

    /// A record met by reading: mostly another's, but an own one whose acknowledgement is late
    /// counts just as well.
    fn meet(&mut self, record: JournalRecord) {
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

    pub(super) fn journal_end(&mut self, from: u64, to: u64) {
        if !self.fence.reading {
            return;
        }
        let takeover = self.fence.me.and_then(|me| me.takeover).unwrap_or(to);
        match &mut self.phase {
            Phase::Searching(search) => match search.end(from, takeover, position::start) {
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
        let from = position::start(position);
        self.fence.known_to = from;
        self.phase = Phase::Replaying {
            applies_from: position.as_of,
            publishes_from: position.published_to,
        };
        self.read(from, Some(takeover));
    }

    /// Moves the cursor over own records that follow without a gap (rule 2).
    pub(super) fn follow(&mut self) {
        while matches!(self.phase, Phase::Active { .. }) {
            match self.fence.step(self.settings.rules) {
                Step::Own { offset, flight } => {
                    let writer = self.fence.me.map(|me| me.key(flight.ticket.sequence));
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
    fn apply(&mut self, offset: u64, time_ms: u64, writer: Option<Writer>, body: &Body) {
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
}
