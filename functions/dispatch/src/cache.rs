//! Who is bound where, as read a moment ago: a batch of one customer's receipts is not a read for each
//! of its records. What is stale leads to a node that gives the delivery back, or to the mailbox and a
//! second, consistent look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::CustomerId;
use platform::deliveries::{Bind, EdgeNode, Presence};

/// For so long what was read is used.
const KEPT_MS: u64 = 2_000;
/// Customers remembered; beyond, the stale ones are forgotten, or all.
const CUSTOMERS_MAX: usize = 50_000;

#[derive(Debug, Default)]
struct Known {
    nodes: Option<(u64, Arc<Vec<EdgeNode>>)>,
    binds: HashMap<CustomerId, (u64, Arc<Vec<Bind>>)>,
}

/// The binds of some customers, and all nodes.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// All nodes.
    pub nodes: Arc<Vec<EdgeNode>>,
    /// Of each customer that was asked for.
    pub binds: HashMap<CustomerId, Arc<Vec<Bind>>>,
}

impl Seen {
    /// The customer's binds.
    #[must_use]
    pub fn binds(&self, customer: &CustomerId) -> &[Bind] {
        self.binds.get(customer).map_or(&[], |binds| binds)
    }
}

/// The cache in front of the tables.
#[derive(Debug)]
pub struct Cached<P> {
    presence: P,
    known: Mutex<Known>,
}

impl<P: Presence> Cached<P> {
    /// Nothing known yet.
    pub fn new(presence: P) -> Self {
        Self { presence, known: Mutex::default() }
    }

    /// As known for a moment, or read.
    ///
    /// # Errors
    /// A table does not answer.
    pub async fn look(&self, customers: &[CustomerId], now_ms: u64) -> anyhow::Result<Seen> {
        let (mut seen, unknown, nodes) = self.recall(customers, now_ms);
        match nodes {
            Some(nodes) => seen.nodes = nodes,
            None => {
                seen.nodes = Arc::new(self.presence.nodes(false).await?);
                self.lock().nodes = Some((now_ms, seen.nodes.clone()));
            }
        }
        if !unknown.is_empty() {
            let read = self.presence.binds(&unknown, false).await?;
            self.remember(&mut seen, read, now_ms);
        }
        Ok(seen)
    }

    /// As it is now.
    ///
    /// # Errors
    /// A table does not answer.
    pub async fn look_again(&self, customers: &[CustomerId], now_ms: u64) -> anyhow::Result<Seen> {
        let nodes = Arc::new(self.presence.nodes(true).await?);
        let read = self.presence.binds(customers, true).await?;
        self.lock().nodes = Some((now_ms, nodes.clone()));
        let mut seen = Seen { nodes, ..Seen::default() };
        self.remember(&mut seen, read, now_ms);
        Ok(seen)
    }

    #[allow(clippy::type_complexity, reason = "what is known, what is not")]
    fn recall(
        &self,
        customers: &[CustomerId],
        now_ms: u64,
    ) -> (Seen, Vec<CustomerId>, Option<Arc<Vec<EdgeNode>>>) {
        let fresh = |read_ms: u64| now_ms.saturating_sub(read_ms) < KEPT_MS;
        let known = self.lock();
        let (mut seen, mut unknown) = (Seen::default(), Vec::new());
        for customer in customers {
            match known.binds.get(customer).filter(|(read_ms, _)| fresh(*read_ms)) {
                Some((_, binds)) => drop(seen.binds.insert(customer.clone(), binds.clone())),
                None => unknown.push(customer.clone()),
            }
        }
        let nodes = known.nodes.as_ref().filter(|(read_ms, _)| fresh(*read_ms));
        let nodes = nodes.map(|(_, nodes)| nodes.clone());
        drop(known);
        (seen, unknown, nodes)
    }

    fn remember(&self, seen: &mut Seen, read: HashMap<CustomerId, Vec<Bind>>, now_ms: u64) {
        let mut known = self.lock();
        if known.binds.len() + read.len() > CUSTOMERS_MAX {
            known.binds.retain(|_, (read_ms, _)| now_ms.saturating_sub(*read_ms) < KEPT_MS);
            if known.binds.len() + read.len() > CUSTOMERS_MAX {
                known.binds.clear();
            }
        }
        for (customer, binds) in read {
            let binds = Arc::new(binds);
            known.binds.insert(customer.clone(), (now_ms, binds.clone()));
            seen.binds.insert(customer, binds);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
