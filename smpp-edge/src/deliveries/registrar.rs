//! Keeps `edge-nodes` and `customer-binds` true about this node: one task, one change after the other, so
//! that a renewal never brings back what was removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::id::CustomerId;
use platform::clock::unix_ms;
use platform::deliveries::{Bind, BindWrite, Binds, EdgeNode};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Input;
use super::basket::Basket;
use super::hub::{BindId, Event};

/// The node's lease, and how often it is renewed.
const NODE_LEASE_MS: u64 = 15_000;
const NODE_EVERY: Duration = Duration::from_secs(5);
/// A bind's lease only covers a removal that failed: that the node lives, its own lease tells.
const BIND_LEASE_MS: u64 = 300_000;
const BINDS_EVERY: Duration = Duration::from_secs(100);
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    Register(CustomerId, BindId),
    Unregister(CustomerId, BindId),
}

pub(super) struct Registrar {
    pub(super) node: String,
    pub(super) binds: Binds,
    pub(super) ops: Arc<Basket<Op>>,
    pub(super) partitions: watch::Receiver<Vec<i32>>,
    pub(super) inputs: mpsc::Sender<Input>,
}

impl Registrar {
    /// Runs until it is aborted, or nobody listens.
    pub(super) async fn run(mut self) {
        let mut held: BTreeMap<BindId, CustomerId> = BTreeMap::new();
        let mut node_due = interval(NODE_EVERY);
        node_due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut binds_due = Instant::now() + BINDS_EVERY;
        loop {
            let mut ops = Vec::new();
            tokio::select! {
                taken = self.ops.take() => ops = taken,
                _ = node_due.tick() => self.note_node().await,
                changed = self.partitions.changed() => match changed {
                    Ok(()) => self.note_node().await,
                    Err(_) => return,
                },
            }
            let mut writes = self.writes(&ops, &mut held);
            if Instant::now() >= binds_due {
                binds_due = Instant::now() + BINDS_EVERY;
                self.renew(&held, &mut writes);
            }
            if writes.is_empty() {
                continue;
            }
            self.write(writes.into_values().collect()).await;
            let registered = ops.into_iter().filter_map(|op| match op {
                Op::Register(_, bind) => Some(Event::Registered(bind)),
                Op::Unregister(..) => None,
            });
            if self.inputs.send(Input::Done(registered.collect())).await.is_err() {
                return;
            }
        }
    }

    /// The last word about each bind; a batch takes each key once.
    fn writes(
        &self,
        ops: &[Op],
        held: &mut BTreeMap<BindId, CustomerId>,
    ) -> BTreeMap<BindId, BindWrite> {
        let mut writes = BTreeMap::new();
        for op in ops {
            match op {
                Op::Register(customer, bind) => {
                    held.insert(*bind, customer.clone());
                    writes.insert(*bind, self.put(customer, *bind));
                }
                Op::Unregister(customer, bind) => {
                    held.remove(bind);
                    let removal = BindWrite::Remove(customer.clone(), self.name(*bind));
                    writes.insert(*bind, removal);
                }
            }
        }
        writes
    }

    fn renew(&self, held: &BTreeMap<BindId, CustomerId>, writes: &mut BTreeMap<BindId, BindWrite>) {
        for (bind, customer) in held {
            writes.insert(*bind, self.put(customer, *bind));
        }
    }

    fn put(&self, customer: &CustomerId, bind: BindId) -> BindWrite {
        BindWrite::Put(Bind {
            customer: customer.clone(),
            bind: self.name(bind),
            node: self.node.clone(),
            until_ms: unix_ms() + BIND_LEASE_MS,
        })
    }

    /// Unique among all binds there ever were: the node's name is the process's own.
    fn name(&self, bind: BindId) -> String {
        format!("{}-{bind}", self.node)
    }

    async fn write(&mut self, writes: Vec<BindWrite>) {
        while let Err(error) = self.binds.write(&writes).await {
            tracing::warn!(
                event = "binds_not_noted",
                count = writes.len(),
                error = format!("{error:#}")
            );
            tokio::time::sleep(AGAIN_AFTER).await;
            self.note_node().await;
        }
    }

    async fn note_node(&mut self) {
        let partitions = self.partitions.borrow_and_update().clone();
        let until_ms = unix_ms() + NODE_LEASE_MS;
        let node = EdgeNode { node: self.node.clone(), partitions, until_ms };
        if let Err(error) = self.binds.put_node(&node).await {
            // Until it succeeds, `dispatch` takes us for dead and parks: late, not lost.
            tracing::warn!(event = "node_not_noted", error = format!("{error:#}"));
        }
    }
}

/// Takes node and binds out of the tables, so that nothing more is sent here.
pub(super) async fn take_leave(
    binds: &Binds,
    node: &str,
    held: &BTreeSet<(CustomerId, BindId)>,
) -> anyhow::Result<()> {
    binds.remove_node(node).await?;
    let removal = |(customer, bind): &(CustomerId, BindId)| {
        BindWrite::Remove(customer.clone(), format!("{node}-{bind}"))
    };
    binds.write(&held.iter().map(removal).collect::<Vec<_>>()).await
}
