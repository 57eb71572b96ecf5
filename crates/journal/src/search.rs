//! How a successor finds the newest valid position (rules 1 and 8), looking back from its takeover;
//! a survey does likewise from the journal's end.
//!
//! A position is void if a takeover lies between its owner's and itself. Its writer knew the journal
//! up to `as_of`, so that such a takeover lies behind `as_of`: who has read from there can tell.

use std::sync::Arc;

use wire::submit_journal::{Body, Position};

use super::event::JournalRecord;
use super::position;
use super::rules::{Rule, Rules};

/// What one look back has met.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Search {
    /// Where the look was asked to begin.
    from: u64,
    span: u64,
    /// Offsets, seen or named.
    takeovers: Vec<u64>,
    positions: Vec<Found>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Found {
    offset: u64,
    /// Takeover of its writer; none for `configure`.
    takeover: Option<u64>,
    body: Arc<Body>,
}

/// What to do after a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// `owner`: the takeover of the position's writer; none for `configure`.
    Start {
        owner: Option<u64>,
        position: Box<Position>,
    },
    LookFrom(u64),
    NoPosition,
}

impl Search {
    pub(super) fn new(takeover: u64, span: u64) -> Self {
        let span = span.max(1);
        Self {
            from: takeover.saturating_sub(span),
            span,
            takeovers: Vec::new(),
            positions: Vec::new(),
        }
    }

    pub(super) fn from(&self) -> u64 {
        self.from
    }

    pub(super) fn record(&mut self, record: &JournalRecord, rules: Rules) {
        let named = record.writer.and_then(|writer| writer.takeover);
        let Some(body) = &record.body else { return };
        let seen = matches!(**body, Body::Takeover).then_some(record.offset);
        if rules.hold(Rule::Takeover) {
            let new = |offset: &u64| !self.takeovers.contains(offset);
            let met: Vec<u64> = named.into_iter().chain(seen).filter(new).collect();
            self.takeovers.extend(met);
        }
        if matches!(**body, Body::Position(_)) {
            let body = Arc::clone(body);
            self.positions.push(Found { offset: record.offset, takeover: named, body });
        }
    }

    /// All from `from` (later than asked: the journal begins there) to the takeover was read.
    /// `start`: from where who asks has to read with a position.
    pub(super) fn end(
        &mut self,
        from: u64,
        takeover: u64,
        start: impl Fn(&Position) -> u64,
    ) -> Verdict {
        let bottom = from > self.from || self.from == 0;
        let found = self.newest();
        let verdict = match found {
            Some((owner, position)) if start(&position) >= from => {
                Verdict::Start { owner, position }
            }
            Some((owner, position)) if bottom && position::needed(&position) >= from => {
                Verdict::Start { owner, position }
            }
            Some(_) | None if bottom => Verdict::NoPosition,
            Some((_, position)) => Verdict::LookFrom(start(&position)),
            None => {
                self.span = self.span.saturating_mul(8);
                Verdict::LookFrom(takeover.saturating_sub(self.span))
            }
        };
        if let Verdict::LookFrom(from) = verdict {
            self.from = from;
            self.takeovers.clear();
            self.positions.clear();
        }
        verdict
    }

    /// An owner's, else that of `configure`.
    fn newest(&self) -> Option<(Option<u64>, Box<Position>)> {
        let valid = |found: &&Found| match found.takeover {
            Some(owner) => !self.takeovers.iter().any(|&t| owner < t && t < found.offset),
            None => false,
        };
        let owners = self.positions.iter().rev().find(valid);
        let first = self.positions.iter().rev().find(|found| found.takeover.is_none());
        let found = owners.or(first)?;
        match &*found.body {
            Body::Position(position) => Some((found.takeover, position.clone())),
            _ => None,
        }
    }
}
