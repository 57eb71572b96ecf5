//! What the slot appends to its journal, and what became of an append.

use std::sync::Arc;

use wire::submit_journal::{Body, Unknown, Unsent, UnsentWhy};

use super::{Phase, Slot};
use crate::event::{Action, OnUnknown, Ticket};
use crate::rules::Rule;
use crate::search::Search;

impl<H: Clone> Slot<H> {
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

    pub(super) fn appended(&mut self, ticket: Ticket, offset: u64) {
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

    pub(super) fn append_failed(&mut self, ticket: Ticket) {
        let Some(flight) = self.fence.take(ticket) else { return };
        match self.phase {
            Phase::Claiming => self.fenced(),
            Phase::Active { .. } => self.undo(&flight.body),
            _ => self.keep_answers(&flight.body),
        }
    }

    /// Rule 3.
    pub(super) fn append_unknown(&mut self, ticket: Ticket) {
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

    /// Journals the answers gathered.
    pub(super) fn flush_answers(&mut self) {
        if !self.answers.is_empty() && self.may_append() {
            let answers = std::mem::take(&mut self.answers);
            self.append(Arc::new(Body::Outcomes(answers)));
        }
    }

    /// Journals doubts and what ends without an intent.
    pub(super) fn flush_ends(&mut self) {
        while !self.doubts.is_empty() {
            let n = self.doubts.len().min(self.settings.intent_parts_max);
            let parts = self.doubts.drain(..n).collect();
            let hold = self.settings.on_unknown == OnUnknown::Hold;
            self.append(Arc::new(Body::Unknown(Unknown { hold, parts })));
        }
        for (why, parts) in [
            (UnsentWhy::Expired, std::mem::take(&mut self.expired)),
            (UnsentWhy::Drained, std::mem::take(&mut self.drained)),
        ] {
            for parts in parts.chunks(self.settings.intent_parts_max) {
                let parts = parts.to_vec();
                self.append(Arc::new(Body::Unsent(Unsent { why, parts })));
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
}
