//! The tables between `dispatch` and the edge nodes (design, section 8): who is bound where, which
//! node owns which partitions, who drains a mailbox, and the mailboxes.
//!
//! | table | key | attributes |
//! |---|---|---|
//! | `customer-binds` | `customer`, `bind` | `node`, `until_ms`, `ttl`; under `~drainer` the lease: `holder`, `number`, `until_ms` |
//! | `edge-nodes` | `node` | `partitions`, `until_ms`, `ttl` |
//! | `mailboxes` | `customer`, `id` | `waiting` (order, local index), `delivery`, `claim`, `not_before_ms`, `tries`, `due_hour`, `due_at`, `ttl`; a mark has `claim` and `ttl` only |
//!
//! Expiry is judged by whoever reads, by its own clock and [`CLOCKS_DIFFER_MS`]; TTL only tidies up.

mod binds;
mod lease;
mod mailboxes;

pub use binds::{Bind, BindWrite, Binds, EdgeNode, Presence};
pub use lease::{Lease, LeaseAnswer, Leases};
pub use mailboxes::{Fetched, Mail, Mailboxes, Parked};

/// Requests of one call on their way at a time.
const AT_ONCE: usize = 8;
/// Clocks of two machines differ by less than this.
pub const CLOCKS_DIFFER_MS: u64 = 2_000;
/// A delivery waits so long for its customer (design, section 8).
pub const DELIVERY_KEPT_MS: u64 = 72 * 3_600 * 1_000;

/// A lease until `until_ms`, by the clock of its holder, may still be held at `now_ms`.
#[must_use]
pub fn is_held(until_ms: u64, now_ms: u64) -> bool {
    now_ms < until_ms.saturating_add(CLOCKS_DIFFER_MS)
}
