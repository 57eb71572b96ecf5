//! One customer on this node: its binds, its queue, and how far the draining of its mailbox is.

use std::collections::VecDeque;

use platform::deliveries::Lease;

use super::entry::{BindId, Token};

#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) id: BindId,
    /// 0: it takes nothing more.
    pub(super) window: usize,
    /// Deliveries without an answer.
    pub(super) out: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Customer {
    pub(super) queue: VecDeque<Token>,
    pub(super) binds: Vec<Bound>,
    /// Whose turn it is.
    turn: usize,
    pub(super) mailbox: Mailbox,
}

impl Customer {
    /// The next bind with room, in turn.
    pub(super) fn next_bind(&mut self) -> Option<BindId> {
        let count = self.binds.len();
        let has_room =
            |place: &usize| self.binds.get(*place).is_some_and(|bind| bind.out < bind.window);
        let place = (0..count).map(|step| (self.turn + step) % count).find(has_room)?;
        self.turn = place + 1;
        self.binds.get_mut(place).map(|bind| {
            bind.out += 1;
            bind.id
        })
    }

    /// A delivery is no longer at this bind.
    pub(super) fn free(&mut self, bind: BindId) {
        if let Some(bind) = self.binds.iter_mut().find(|bound| bound.id == bind) {
            bind.out = bind.out.saturating_sub(1);
        }
    }

    /// Somebody here takes its deliveries.
    pub(super) fn is_bound(&self) -> bool {
        self.binds.iter().any(|bound| bound.window > 0)
    }
}

/// What draining is at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// Asks whether anything waits.
    Looking,
    /// Asks for the lease.
    Leasing,
    /// Has it.
    Holding(Lease),
    /// Gives it back.
    Releasing,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Mailbox {
    pub(super) phase: Phase,
    /// Somebody wants it looked into once more, after what is under way.
    pub(super) wanted: bool,
    /// We parked something ourselves: look when the queue is empty.
    pub(super) suspected: bool,
    /// When it is looked into at the latest.
    pub(super) look_ms: u64,
    /// Where the drain goes on.
    pub(super) after: Option<String>,
    /// The drain has reached the end.
    pub(super) exhausted: bool,
    pub(super) fetching: bool,
    pub(super) renewing: bool,
    /// When the lease is to be prolonged.
    pub(super) renew_ms: u64,
    /// Items in the hub's hands.
    pub(super) out: usize,
}

impl Mailbox {
    pub(super) fn lease(&self) -> Option<&Lease> {
        match &self.phase {
            Phase::Holding(lease) => Some(lease),
            _ => None,
        }
    }
}
