//! Where deliveries go. Pure: who is bound where and the time are passed in.

use std::collections::BTreeSet;

use domain::id::DeliveryId;
use platform::deliveries::{Bind, DELIVERY_KEPT_MS, EdgeNode, is_held};
use wire::customer_deliveries::CustomerDelivery;

/// The name of this program in records.
pub const BY: &str = "dispatch";
/// Nodes that gave a delivery back before it is parked (design, section 8).
pub const HOPS_MAX: u8 = 3;

/// Where a delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To this partition of `edge-deliveries`.
    Node(i32),
    /// Into the mailbox.
    Mailbox,
    /// Nowhere: its customer did not come for it in time.
    TooLate,
}

/// Decides. `binds` are the customer's, `nodes` all there are.
#[must_use]
pub fn way(delivery: &CustomerDelivery, binds: &[Bind], nodes: &[EdgeNode], now_ms: u64) -> Way {
    if delivery.at_ms.saturating_add(DELIVERY_KEPT_MS) <= now_ms {
        return Way::TooLate;
    }
    if delivery.hops >= HOPS_MAX {
        return Way::Mailbox;
    }
    let weight = |node: &&EdgeNode| spread(delivery.id, node.node.as_bytes());
    let node = holders(binds, nodes, now_ms).max_by_key(weight);
    node.and_then(|node| partition(delivery.id, node)).map_or(Way::Mailbox, Way::Node)
}

/// One partition of each node that holds a bind, for a hint.
#[must_use]
pub fn hints(
    delivery: DeliveryId,
    binds: &[Bind],
    nodes: &[EdgeNode],
    now_ms: u64,
) -> BTreeSet<i32> {
    holders(binds, nodes, now_ms).filter_map(|node| partition(delivery, node)).collect()
}

/// Nodes that live, own partitions and hold one of these binds.
fn holders<'a>(
    binds: &'a [Bind],
    nodes: &'a [EdgeNode],
    now_ms: u64,
) -> impl Iterator<Item = &'a EdgeNode> {
    nodes.iter().filter(move |node| {
        let holds = |bind: &Bind| bind.node == node.node && is_held(bind.until_ms, now_ms);
        is_held(node.until_ms, now_ms) && !node.partitions.is_empty() && binds.iter().any(holds)
    })
}

/// Among the node's own, by the delivery's id: in whatever order the node wrote them down.
fn partition(delivery: DeliveryId, node: &EdgeNode) -> Option<i32> {
    let weight = |partition: &&i32| spread(delivery, &partition.to_be_bytes());
    node.partitions.iter().max_by_key(weight).copied()
}

/// A number that is the same for each run: of several names the one with the highest is chosen, so
/// that a name that comes or goes moves only its own share.
fn spread(delivery: DeliveryId, name: &[u8]) -> u64 {
    // FNV-1a (RFC 9923), then SplitMix64's finaliser: names that differ in one octet differ everywhere.
    let octets = delivery.as_u128().to_be_bytes();
    let step = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = octets.iter().chain(name).fold(0xcbf2_9ce4_8422_2325, step);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
