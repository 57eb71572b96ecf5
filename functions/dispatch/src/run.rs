//! One batch, step by step: look who is bound, park what nobody takes, look again, publish. Pure: the
//! handler carries the steps out, and so does the model test.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::CustomerId;
use platform::deliveries::Parked;
use platform::function::Output;
use wire::V;
use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::{self, Drain, EdgeRecord};
use wire::message_events::{Happened, MessageEvent};
use wire::topics::EDGE_DELIVERIES;

use crate::cache::Seen;
use crate::decide::{BY, Way, hints, way};

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<'a> {
    /// Look who is bound; a moment old will do. Then [`Run::looked`].
    Look(Vec<CustomerId>),
    /// Park these. Then [`Run::parked`].
    Park(&'a [Parked]),
    /// **Look again, consistently, after the parking**: whoever bound meanwhile may have looked into the
    /// mailbox before this was in it. Then [`Run::looked_again`].
    LookAgain(Vec<CustomerId>),
    /// Publish what has been decided.
    Publish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Look,
    Park,
    LookAgain,
    Publish,
}

/// The batch.
#[derive(Debug, Clone)]
pub struct Run {
    at: At,
    now_ms: u64,
    deliveries: Vec<CustomerDelivery>,
    parked: Vec<Parked>,
    /// What is to be published.
    pub outputs: Vec<Output>,
    /// What is to be told.
    pub events: Vec<MessageEvent<'static>>,
}

impl Run {
    /// A batch that came at `now_ms`, Unix milliseconds.
    #[must_use]
    pub fn new(deliveries: Vec<CustomerDelivery>, now_ms: u64) -> Self {
        let at = if deliveries.is_empty() { At::Publish } else { At::Look };
        let (parked, outputs, events) = (Vec::new(), Vec::new(), Vec::new());
        Self { at, now_ms, deliveries, parked, outputs, events }
    }

    /// The next step.
    #[must_use]
    pub fn step(&self) -> Step<'_> {
        match self.at {
            At::Look => Step::Look(customers(self.deliveries.iter())),
            At::Park => Step::Park(&self.parked),
            At::LookAgain => {
                Step::LookAgain(customers(self.parked.iter().map(|parked| &parked.delivery)))
            }
            At::Publish => Step::Publish,
        }
    }

    /// Who is bound, as it was a moment ago.
    pub fn looked(&mut self, seen: &Seen) {
        let mut known = BTreeSet::new();
        for delivery in std::mem::take(&mut self.deliveries) {
            let binds = seen.binds(&delivery.customer);
            match way(&delivery, binds, &seen.nodes, self.now_ms) {
                Way::Node(partition) => {
                    let key = delivery.message.to_string();
                    let record = EdgeRecord::Deliver(Box::new(delivery));
                    self.outputs.push(to_edge(partition, key, &record));
                }
                // One delivery twice in a batch is one item.
                Way::Mailbox if known.insert((delivery.customer.clone(), delivery.id)) => {
                    self.parked.push(Parked { delivery, not_before_ms: 0, tries: 0 });
                }
                Way::Mailbox => {}
                Way::TooLate => self.tell(&delivery, Happened::NotFetched),
            }
        }
        self.at = if self.parked.is_empty() { At::Publish } else { At::Park };
    }

    /// All are in the mailbox.
    pub fn parked(&mut self) {
        self.at = At::LookAgain;
    }

    /// Who is bound now: a hint for each node that holds a bind, never a second copy.
    pub fn looked_again(&mut self, seen: &Seen) {
        let parked = std::mem::take(&mut self.parked);
        let mut first = BTreeMap::new();
        for Parked { delivery, .. } in &parked {
            first.entry(&delivery.customer).or_insert(delivery.id);
            self.tell(delivery, Happened::Parked);
        }
        for (customer, delivery) in first {
            for partition in hints(delivery, seen.binds(customer), &seen.nodes, self.now_ms) {
                let hint = EdgeRecord::Drain(Drain { v: V, customer: customer.clone() });
                self.outputs.push(to_edge(partition, customer.to_string(), &hint));
            }
        }
        self.at = At::Publish;
    }

    fn tell(&mut self, delivery: &CustomerDelivery, happened: Happened) {
        let event = edge_deliveries::event(delivery, happened, BY, self.now_ms, String::new());
        self.events.push(event.into_owned());
    }
}

fn customers<'a>(deliveries: impl Iterator<Item = &'a CustomerDelivery>) -> Vec<CustomerId> {
    let unique: BTreeSet<&CustomerId> = deliveries.map(|delivery| &delivery.customer).collect();
    unique.into_iter().cloned().collect()
}

fn to_edge(partition: i32, key: String, record: &EdgeRecord) -> Output {
    let (topic, value) = (EDGE_DELIVERIES.into(), wire::encode(record));
    Output { topic, partition: Some(partition), key, value }
}
