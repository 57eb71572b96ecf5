//! A batch of deliveries: to nodes, or parked and looked at again.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;

use domain::id::CustomerId;
use platform::deliveries::{Mailboxes, Parked, Presence};
use platform::function::{Decided, Event, Output, Outputs, Shell};
use wire::V;
use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::{self, Drain, EdgeRecord};
use wire::message_events::Happened;
use wire::topics::EDGE_DELIVERIES;

use crate::cache::{Cached, Seen};
use crate::decide::{BY, Way, hints, way};

/// Table `mailboxes`.
pub trait Mailbox {
    /// Parks each, unless it is there already.
    fn park(&self, parked: &[Parked]) -> impl Future<Output = anyhow::Result<()>> + Send;
}

impl Mailbox for Mailboxes {
    async fn park(&self, parked: &[Parked]) -> anyhow::Result<()> {
        Self::park(self, parked).await
    }
}

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<P, M, O> {
    /// Who is bound where.
    pub presence: Cached<P>,
    /// Where deliveries wait.
    pub mailbox: M,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
}

impl<P: Presence, M: Mailbox, O: Outputs> Handler<P, M, O> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka or a table refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: &Event<'_>) -> anyhow::Result<()> {
        self.shell.invoke(self.batch(event)).await
    }

    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<Decided> {
        let mut decided = Decided::default();
        let read = |_, value: &[u8]| {
            wire::decode::<CustomerDelivery>(value).map_err(|error| error.to_string())
        };
        let deliveries = self.shell.read(event, &mut decided, read)?;
        let deliveries: Vec<CustomerDelivery> =
            deliveries.into_iter().map(|(_, delivery)| delivery).collect();
        if deliveries.is_empty() {
            return Ok(decided);
        }
        let now_ms = (self.shell.now_ms)();
        let seen = self.presence.look(&customers(&deliveries), now_ms).await?;
        let parked = divide(deliveries, &seen, now_ms, &mut decided);
        if !parked.is_empty() {
            self.park(parked, now_ms, &mut decided).await?;
        }
        Ok(decided)
    }

    /// Parks, then looks again: whoever bound meanwhile may have looked into the mailbox before this was
    /// in it.
    async fn park(
        &self,
        deliveries: Vec<CustomerDelivery>,
        now_ms: u64,
        decided: &mut Decided,
    ) -> anyhow::Result<()> {
        let customers = customers(&deliveries);
        // One delivery twice in a batch is one item.
        let mut parked: Vec<Parked> = Vec::with_capacity(deliveries.len());
        let mut known = BTreeSet::new();
        for delivery in deliveries {
            if known.insert((delivery.customer.clone(), delivery.id)) {
                parked.push(Parked { delivery, not_before_ms: 0, tries: 0 });
            }
        }
        self.mailbox.park(&parked).await?;
        let now = self.presence.look_again(&customers, now_ms).await?;
        let mut first = HashMap::new();
        for Parked { delivery, .. } in &parked {
            first.entry(&delivery.customer).or_insert(delivery.id);
            tell(delivery, Happened::Parked, now_ms, decided);
        }
        for (customer, delivery) in first {
            for partition in hints(delivery, now.binds(customer), &now.nodes, now_ms) {
                let hint = EdgeRecord::Drain(Drain { v: V, customer: customer.clone() });
                decided.outputs.push(to_edge(partition, customer.to_string(), &hint));
            }
        }
        Ok(())
    }
}

/// Decides about each; gives back what has to be parked.
fn divide(
    deliveries: Vec<CustomerDelivery>,
    seen: &Seen,
    now_ms: u64,
    decided: &mut Decided,
) -> Vec<CustomerDelivery> {
    let mut parked = Vec::new();
    for delivery in deliveries {
        match way(&delivery, seen.binds(&delivery.customer), &seen.nodes, now_ms) {
            Way::Node(partition) => {
                let key = delivery.message.to_string();
                let record = EdgeRecord::Deliver(Box::new(delivery));
                decided.outputs.push(to_edge(partition, key, &record));
            }
            Way::Mailbox => parked.push(delivery),
            Way::TooLate => tell(&delivery, Happened::NotFetched, now_ms, decided),
        }
    }
    parked
}

fn customers(deliveries: &[CustomerDelivery]) -> Vec<CustomerId> {
    let unique: BTreeSet<&CustomerId> = deliveries.iter().map(|it| &it.customer).collect();
    unique.into_iter().cloned().collect()
}

fn to_edge(partition: i32, key: String, record: &EdgeRecord) -> Output {
    let (topic, value) = (EDGE_DELIVERIES.into(), wire::encode(record));
    Output { topic, partition: Some(partition), key, value }
}

fn tell(delivery: &CustomerDelivery, happened: Happened, now_ms: u64, decided: &mut Decided) {
    let event = edge_deliveries::event(delivery, happened, BY, now_ms, String::new());
    decided.events.push(event.into_owned());
}
