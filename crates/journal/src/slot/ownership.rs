//! Whose the slot is: taking it over, giving it up, losing it.

use std::sync::Arc;

use wire::submit_journal::{Body, OwnerId};

use super::{Load, Phase, Releasing, Slot};
use crate::event::{Action, Refusal};
use crate::ledger::Ledger;
use crate::repeats::Repeats;
use crate::rules::Rule;

impl<H: Clone> Slot<H> {
    pub(super) fn assign(&mut self) {
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

    pub(super) fn revoke(&mut self) {
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

    /// Becomes a new owner, who knows nothing yet. Only ever when assigned.
    pub(super) fn claim(&mut self) {
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

    /// The journal is known up to the own takeover (rule 7).
    pub(super) fn activate(&mut self) {
        self.phase = Phase::Active { releasing: Releasing::No };
        if !self.settings.rules.hold(Rule::RepeatsRebuilt) {
            self.ledger.repeats = self.no_repeats();
        }
        self.doubt_foreign();
        self.actions.push_back(Action::StartReading { from: self.ledger.read_from() });
        self.actions.push_back(Action::OpenBind);
        self.flush_answers();
    }

    pub(super) fn no_repeats(&self) -> Repeats {
        Repeats::new(self.settings.repeats_max, self.settings.repeats_ms)
    }

    pub(super) fn window_is_finished(&self) -> bool {
        self.load.unanswered == 0
            && self.fence.in_flight().is_empty()
            && self.answers.is_empty()
            && self.doubts.is_empty()
    }

    /// A last position makes the successor's start short.
    pub(super) fn leave(&mut self, releasing: Releasing) {
        if releasing == Releasing::Position {
            return self.release();
        }
        self.phase = Phase::Active { releasing: Releasing::Position };
        self.write_position();
    }

    /// Gives the slot up, whatever is under way: a successor will doubt it.
    pub(super) fn release(&mut self) {
        if matches!(self.phase, Phase::Active { .. }) {
            self.actions.push_back(Action::CloseBind);
        }
        self.phase = Phase::Idle;
        self.fence.reading = false;
        self.answers.clear();
        self.actions.push_back(Action::Released);
    }

    /// The ownership has ended: nothing more is sent or published.
    pub(super) fn fenced(&mut self) {
        self.stop();
        self.phase = Phase::Fenced;
        if !self.assigned {
            self.release();
        }
    }

    /// The journal has no start, or says what is not understood: nothing until assigned again.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.stop();
        self.phase = Phase::Idle;
        self.actions.push_back(Action::Refuse(refusal));
    }

    /// What an old read still brings is not met any more.
    fn stop(&mut self) {
        self.fence.reading = false;
        if matches!(self.phase, Phase::Active { .. }) {
            self.actions.push_back(Action::StopReading);
            self.actions.push_back(Action::CloseBind);
        }
    }
}
