//! Within a route: which of its providers, and which bind there.

use super::{Compiled, Decision, Outlet, Query, Router, Unroutable};
use crate::id::MessageId;
use crate::message::Priority;

/// A provider, a queue and a bind for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen<'r> {
    /// Name of the route.
    pub route: &'r str,
    /// How many digits of the destination the route's prefix matched.
    pub prefix_digits: u8,
    /// Place of the provider in [`Router::outlets`].
    pub outlet: usize,
    /// The provider.
    pub to: &'r Outlet,
    /// The queue.
    pub priority: Priority,
    /// The bind, 0 … open binds − 1: the partition of the provider's topics.
    pub bind: u32,
    /// Why this one of the route's providers.
    pub how: How,
}

/// Why a provider was chosen within its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By its weight among the route's targets.
    Weight {
        /// Its share …
        of: u32,
        /// … of this.
        total: u64,
    },
    /// The first in `failover` (0 is its first entry) that is open and was not tried.
    Failover(usize),
}

impl Router {
    pub(super) fn choose<'r>(
        &'r self,
        route: &'r Compiled,
        prefix_digits: u8,
        query: &Query<'_>,
    ) -> Decision<'r> {
        let usable = |index: u32| {
            let outlet = &self.outlets[index as usize];
            (outlet.open_binds > 0 && !query.tried.contains(&outlet.provider))
                .then_some((index as usize, outlet))
        };
        let by_weight = route.weighted(query.message).and_then(|(index, of)| {
            usable(index).map(|at| (at, How::Weight { of, total: route.total_weight }))
        });
        let by_failover = || {
            let mut order = route.failover.iter().enumerate();
            order.find_map(|(place, index)| usable(*index).map(|at| (at, How::Failover(place))))
        };
        let Some(((outlet, to), how)) = by_weight.or_else(by_failover) else {
            return Decision::Unroutable(Unroutable::Exhausted { route: &route.id });
        };
        Decision::Route(Chosen {
            route: &route.id,
            prefix_digits,
            outlet,
            to,
            priority: route.priority.unwrap_or(query.priority),
            bind: bind(query.message, to.open_binds),
            how,
        })
    }
}

impl Compiled {
    fn weighted(&self, message: MessageId) -> Option<(u32, u32)> {
        let mut rest = (message.spread() & LOW_HALF).checked_rem(self.total_weight)?;
        self.targets.iter().copied().find(|(_, weight)| {
            let here = rest < u64::from(*weight);
            rest = rest.saturating_sub(u64::from(*weight));
            here
        })
    }
}

fn bind(message: MessageId, open_binds: u32) -> u32 {
    u32::try_from((message.spread() >> 32) % u64::from(open_binds)).unwrap_or(0)
}

/// The choice by weight takes one half of the spread id, the choice of the bind the other, so that
/// neither follows from the other.
const LOW_HALF: u64 = u32::MAX as u64;
