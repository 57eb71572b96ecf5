//! The fence (rules 2 and 3): own records count when the journal is known up to them without a gap.

use std::collections::VecDeque;
use std::sync::Arc;

use wire::submit_journal::{Body, OwnerId, Writer};

use super::event::Ticket;
use super::rules::{Rule, Rules};

/// How far the journal is known, and what of one's own is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Fence {
    pub(super) me: Option<Me>,
    /// Everything before this offset is known and accounted for.
    pub(super) known_to: u64,
    /// A read of the journal is under way.
    pub(super) reading: bool,
    in_flight: VecDeque<Flight>,
}

/// The ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Me {
    pub(super) owner: OwnerId,
    /// Once it is acknowledged.
    pub(super) takeover: Option<u64>,
    next_sequence: u64,
    /// Rule 3: an append's fate is unknown, so that this owner appends nothing more.
    pub(super) dead: bool,
}

/// An own record that is not accounted for yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Flight {
    pub(super) ticket: Ticket,
    pub(super) body: Arc<Body>,
    landed: Option<u64>,
}

/// What the cursor meets next.
#[derive(Debug)]
pub(super) enum Step {
    /// An own record stands at the cursor.
    Own { offset: u64, flight: Flight },
    /// What lies between must be read first.
    Read { from: u64, to: u64 },
    /// Nothing to do before the next event.
    Wait,
}

impl Me {
    /// The key of an own record.
    pub(super) fn key(&self, sequence: u64) -> Writer {
        Writer { owner: self.owner, takeover: self.takeover, sequence }
    }
}

impl Fence {
    /// A new ownership, that knows nothing yet.
    pub(super) fn begin(&mut self, owner: OwnerId) {
        let me = Me { owner, takeover: None, next_sequence: 0, dead: false };
        *self = Self { me: Some(me), ..Self::default() };
    }

    /// Ticket and key for a record; none if this owner may not append.
    pub(super) fn append(&mut self, body: &Arc<Body>) -> Option<(Ticket, Writer)> {
        let me = self.me.as_mut().filter(|me| !me.dead)?;
        let sequence = me.next_sequence;
        me.next_sequence += 1;
        let ticket = Ticket { term: me.owner.term, sequence };
        let key = me.key(sequence);
        self.in_flight.push_back(Flight { ticket, body: Arc::clone(body), landed: None });
        Some((ticket, key))
    }

    pub(super) fn landed(&mut self, ticket: Ticket, offset: u64) {
        if let Some(flight) = self.in_flight.iter_mut().find(|flight| flight.ticket == ticket) {
            flight.landed = Some(offset);
        }
    }

    /// Takes an own record out: it was not written, or it was read.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Flight> {
        let index = self.in_flight.iter().position(|flight| flight.ticket == ticket)?;
        self.in_flight.remove(index)
    }

    pub(super) fn take_all(&mut self) -> VecDeque<Flight> {
        std::mem::take(&mut self.in_flight)
    }

    pub(super) fn in_flight(&self) -> &VecDeque<Flight> {
        &self.in_flight
    }

    pub(super) fn is_me(&self, writer: &Writer) -> bool {
        self.me.is_some_and(|me| me.owner == writer.owner)
    }

    /// An own record landed behind something that is not read yet.
    pub(super) fn gap(&self) -> bool {
        self.in_flight.iter().any(|flight| flight.landed.is_some())
    }

    /// Only for the mutant that writes positions over a gap.
    pub(super) fn landed_to(&self) -> u64 {
        let landed = self.in_flight.iter().filter_map(|flight| flight.landed);
        landed.max().map_or(self.known_to, |last| last + 1)
    }

    pub(super) fn step(&mut self, rules: Rules) -> Step {
        self.in_flight.retain(|flight| flight.landed.is_none_or(|at| at >= self.known_to));
        let first = self.in_flight.iter().filter_map(|f| Some((f.landed?, f.ticket))).min();
        let Some((offset, ticket)) = first else { return Step::Wait };
        if offset > self.known_to && !self.skips(ticket, rules) {
            if self.reading {
                return Step::Wait;
            }
            self.reading = true;
            return Step::Read { from: self.known_to, to: offset };
        }
        match self.take(ticket) {
            Some(flight) => {
                self.known_to = offset + 1;
                Step::Own { offset, flight }
            }
            None => Step::Wait,
        }
    }

    /// The mutants: a gap is not looked at.
    fn skips(&self, ticket: Ticket, rules: Rules) -> bool {
        let intent = self
            .in_flight
            .iter()
            .any(|f| f.ticket == ticket && matches!(&*f.body, Body::Intent(_)));
        !rules.hold(Rule::Contiguity) || (!intent && !rules.hold(Rule::ContiguityOfAll))
    }
}
