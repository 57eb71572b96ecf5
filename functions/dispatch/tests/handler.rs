//! The handler over ports in memory: where deliveries go, what is parked, who is told to look.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dispatch::cache::Cached;
use dispatch::decide::BY;
use dispatch::handler::{Handler, Mailbox};
use domain::address::Address;
use domain::id::{CustomerId, MessageId, PartId};
use domain::receipts::MessageState;
use platform::deliveries::{Bind, DELIVERY_KEPT_MS, EdgeNode, Parked, Presence};
use platform::function::{Event, Output, Outputs, Shell};
use platform::time_limit::TimeLimit;
use serde_json::{Value, json};
use wire::V;
use wire::customer_deliveries::{CustomerDelivery, Delivered, Receipt};
use wire::edge_deliveries::EdgeRecord;
use wire::message_events::{Happened, MessageEvents};

const NOW_MS: u64 = 1_760_000_100_000;

/// Kafka in memory: `queued` is confirmed by flush, thrown away by abandon.
#[derive(Debug, Default)]
struct Kafka {
    queued: Mutex<Vec<Output>>,
    stored: Mutex<Vec<Output>>,
    fails: AtomicBool,
}

impl Outputs for &Kafka {
    fn begin(&self) {
        assert!(self.queued.lock().unwrap().is_empty(), "left over from the last invocation");
    }

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        self.queued.lock().unwrap().push(output.clone());
        Ok(())
    }

    async fn flush(&self) -> anyhow::Result<()> {
        if self.fails.load(Ordering::Relaxed) {
            bail!("not stored");
        }
        self.stored.lock().unwrap().append(&mut self.queued.lock().unwrap());
        Ok(())
    }

    async fn abandon(&self) {
        self.queued.lock().unwrap().clear();
    }
}

/// Who is bound where; `later` is what a consistent look finds.
#[derive(Debug, Default)]
struct Tables {
    nodes: Vec<EdgeNode>,
    binds: Vec<Bind>,
    later: Vec<Bind>,
    reads: AtomicUsize,
    mailbox: Mutex<BTreeMap<String, Parked>>,
    down: AtomicBool,
}

impl Tables {
    fn found(&self, consistent: bool, customer: &CustomerId) -> Vec<Bind> {
        let late = self.later.iter().filter(|_| consistent);
        self.binds.iter().chain(late).filter(|bind| bind.customer == *customer).cloned().collect()
    }
}

impl Presence for &Tables {
    async fn binds(
        &self,
        customers: &[CustomerId],
        consistent: bool,
    ) -> anyhow::Result<HashMap<CustomerId, Vec<Bind>>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let found = |customer: &CustomerId| (customer.clone(), self.found(consistent, customer));
        Ok(customers.iter().map(found).collect())
    }

    async fn nodes(&self, _: bool) -> anyhow::Result<Vec<EdgeNode>> {
        Ok(self.nodes.clone())
    }
}

impl Mailbox for &Tables {
    async fn park(&self, parked: &[Parked]) -> anyhow::Result<()> {
        if self.down.load(Ordering::Relaxed) {
            bail!("table mailboxes does not answer");
        }
        let mut mailbox = self.mailbox.lock().unwrap();
        for one in parked {
            mailbox.entry(one.delivery.id.to_string()).or_insert_with(|| one.clone());
        }
        Ok(())
    }
}

fn node(name: &str, partitions: &[i32], until_ms: u64) -> EdgeNode {
    EdgeNode { node: name.into(), partitions: partitions.to_vec(), until_ms }
}

fn bind(customer: &str, node: &str) -> Bind {
    let bind = format!("{node}-{customer}");
    Bind { customer: customer.into(), bind, node: node.into(), until_ms: NOW_MS + 60_000 }
}

fn delivery(customer: &str, n: u8) -> CustomerDelivery {
    let part = PartId::new(NOW_MS - 9_000, [n; 10]);
    let address = |number: &str| Address { ton: 1, npi: 1, number: number.into() };
    CustomerDelivery {
        v: V,
        id: part.delivery("delivered"),
        customer: customer.into(),
        message: MessageId::from(part),
        what: Delivered::Receipt(Receipt {
            part,
            source: address("4670"),
            destination: address("4671"),
            state: MessageState::Delivered,
            is_final: true,
            error: "000".into(),
            network_error: None,
            accepted_ms: NOW_MS - 9_000,
            done_ms: NOW_MS - 5_000,
        }),
        at_ms: NOW_MS - 4_000,
        hops: 0,
    }
}

fn batch(deliveries: &[CustomerDelivery]) -> Value {
    let values: Vec<_> = deliveries.iter().map(wire::encode).collect();
    raw(&values)
}

fn raw(values: &[Vec<u8>]) -> Value {
    let record = |(offset, value): (usize, &Vec<u8>)| {
        json!({"topic": "customer-deliveries", "partition": 0, "offset": offset,
               "key": STANDARD.encode("key"), "value": STANDARD.encode(value)})
    };
    let records: Vec<_> = values.iter().enumerate().map(record).collect();
    json!({"records": {"customer-deliveries-0": records}})
}

struct World {
    kafka: Kafka,
    tables: Tables,
    scratch: tempfile::TempDir,
}

/// What an invocation published.
#[derive(Debug, Default)]
struct Published {
    delivered: Vec<(i32, CustomerDelivery)>,
    hints: Vec<(i32, String)>,
    events: Vec<(Happened, String)>,
    others: Vec<String>,
}

impl World {
    fn new(tables: Tables) -> Self {
        Self { kafka: Kafka::default(), tables, scratch: tempfile::tempdir().unwrap() }
    }

    fn handler(&self) -> Handler<&Tables, &Tables, &Kafka> {
        Handler {
            presence: Cached::new(&self.tables),
            mailbox: &self.tables,
            shell: Shell {
                by: BY,
                outputs: &self.kafka,
                limit: TimeLimit::kept_in(self.scratch.path().join("limit")),
                now_ms: || NOW_MS,
            },
        }
    }

    async fn run(&self, event: &Value) -> anyhow::Result<Published> {
        let text = event.to_string();
        let event: Event<'_> = serde_json::from_str(&text).unwrap();
        self.handler().handle(&event).await?;
        Ok(self.published())
    }

    fn published(&self) -> Published {
        let mut published = Published::default();
        for output in self.kafka.stored.lock().unwrap().drain(..) {
            match &*output.topic {
                "edge-deliveries" => {
                    let partition = output.partition.unwrap();
                    match wire::decode(&output.value).unwrap() {
                        EdgeRecord::Deliver(delivery) => {
                            published.delivered.push((partition, *delivery));
                        }
                        EdgeRecord::Drain(hint) => {
                            published.hints.push((partition, hint.customer.to_string()));
                        }
                    }
                }
                "message-events" => {
                    let told: MessageEvents<'_> = wire::decode(&output.value).unwrap();
                    let told = told.events.iter().map(|it| (it.happened, it.id.to_string()));
                    published.events.extend(told);
                }
                other => published.others.push(other.to_owned()),
            }
        }
        published
    }

    fn parked(&self) -> usize {
        self.tables.mailbox.lock().unwrap().len()
    }
}

fn two_nodes() -> Vec<EdgeNode> {
    vec![node("a", &[0, 1, 2], NOW_MS + 9_000), node("b", &[3, 4], NOW_MS + 9_000)]
}

#[tokio::test]
async fn a_delivery_goes_to_a_partition_of_the_node_that_holds_its_customer() {
    let world = World::new(Tables {
        nodes: two_nodes(),
        binds: vec![bind("acme", "a"), bind("beta", "b")],
        ..Tables::default()
    });
    let published = world.run(&batch(&[delivery("acme", 1), delivery("beta", 2)])).await.unwrap();
    let [(first, one), (second, two)] = published.delivered.as_slice() else { panic!() };
    assert!((0..=2).contains(first) && (3..=4).contains(second));
    assert_eq!((one, two), (&delivery("acme", 1), &delivery("beta", 2)));
    assert!(published.hints.is_empty() && published.events.is_empty() && world.parked() == 0);
}

#[tokio::test]
async fn of_several_nodes_the_deliverys_id_names_one_and_all_get_their_share() {
    let binds = vec![bind("acme", "a"), bind("acme", "b")];
    let world = World::new(Tables { nodes: two_nodes(), binds, ..Tables::default() });
    let all: Vec<_> = (0..100).map(|n| delivery("acme", n)).collect();
    let first = world.run(&batch(&all)).await.unwrap();
    assert_eq!(world.run(&batch(&all)).await.unwrap().delivered, first.delivered);
    for partition in 0..5 {
        let share = first.delivered.iter().filter(|(to, _)| *to == partition).count();
        assert!((5..=50).contains(&share), "{share} of 100 to partition {partition}");
    }
}

#[tokio::test]
async fn who_is_not_bound_gets_it_parked_once_however_often_it_runs() {
    let world = World::new(Tables { nodes: two_nodes(), ..Tables::default() });
    let twice = [delivery("acme", 1), delivery("acme", 1)];
    let first = world.run(&batch(&twice)).await.unwrap();
    let second = world.run(&batch(&twice)).await.unwrap();
    assert_eq!(world.parked(), 1);
    assert_eq!(first.events, second.events, "the same ids");
    assert!(matches!(first.events.as_slice(), [(Happened::Parked, _)]));
    assert!(first.delivered.is_empty() && first.hints.is_empty());
}

#[tokio::test]
async fn who_bound_meanwhile_is_sent_a_hint_on_each_node_and_no_second_copy() {
    let world = World::new(Tables {
        nodes: two_nodes(),
        later: vec![bind("acme", "a"), bind("acme", "b")],
        ..Tables::default()
    });
    let published = world.run(&batch(&[delivery("acme", 1), delivery("acme", 2)])).await.unwrap();
    assert_eq!(world.parked(), 2);
    assert!(published.delivered.is_empty());
    let [(first, one), (second, two)] = published.hints.as_slice() else { panic!("{published:?}") };
    assert!((0..=2).contains(first) && (3..=4).contains(second));
    assert_eq!([one, two], ["acme", "acme"]);
}

#[tokio::test]
async fn nodes_and_binds_whose_lease_is_over_and_nodes_without_partitions_get_nothing() {
    let over = Bind { until_ms: NOW_MS - 2_000, ..bind("acme", "a") };
    let nodes = vec![
        node("a", &[0], NOW_MS + 9_000),
        node("b", &[1], NOW_MS - 2_000),
        node("c", &[], NOW_MS + 9_000),
    ];
    let binds = vec![over, bind("acme", "b"), bind("acme", "c")];
    let world = World::new(Tables { nodes, binds, ..Tables::default() });
    let published = world.run(&batch(&[delivery("acme", 1)])).await.unwrap();
    assert!(published.delivered.is_empty() && published.hints.is_empty());
    assert_eq!(world.parked(), 1);
}

#[tokio::test]
async fn what_three_nodes_gave_back_is_parked_and_a_holder_told_to_look() {
    let binds = vec![bind("acme", "a")];
    let world = World::new(Tables { nodes: two_nodes(), binds, ..Tables::default() });
    let hopped = CustomerDelivery { hops: 3, ..delivery("acme", 1) };
    let published = world.run(&batch(&[hopped])).await.unwrap();
    assert_eq!((published.delivered.len(), published.hints.len(), world.parked()), (0, 1, 1));
}

#[tokio::test]
async fn what_is_older_than_72_hours_is_told_and_goes_nowhere() {
    let binds = vec![bind("acme", "a")];
    let world = World::new(Tables { nodes: two_nodes(), binds, ..Tables::default() });
    let old = CustomerDelivery { at_ms: NOW_MS - DELIVERY_KEPT_MS, ..delivery("acme", 1) };
    let published = world.run(&batch(&[old])).await.unwrap();
    assert!(matches!(published.events.as_slice(), [(Happened::NotFetched, _)]));
    assert_eq!((published.delivered.len(), world.parked()), (0, 0));
}

#[tokio::test]
async fn poison_is_a_dead_letter_and_holds_up_nobody() {
    let binds = vec![bind("acme", "a")];
    let world = World::new(Tables { nodes: two_nodes(), binds, ..Tables::default() });
    let values = [b"{}".to_vec(), wire::encode(&delivery("acme", 1))];
    let published = world.run(&raw(&values)).await.unwrap();
    assert_eq!(published.others, ["dead-letters"]);
    assert_eq!(published.delivered.len(), 1);
}

#[tokio::test]
async fn an_outage_of_table_or_kafka_fails_the_batch_and_leaves_nothing_queued() {
    let world = World::new(Tables { nodes: two_nodes(), ..Tables::default() });
    let event = batch(&[delivery("acme", 1)]);
    world.tables.down.store(true, Ordering::Relaxed);
    assert!(world.run(&event).await.is_err());
    world.tables.down.store(false, Ordering::Relaxed);
    world.kafka.fails.store(true, Ordering::Relaxed);
    assert!(world.run(&event).await.is_err());
    assert!(world.kafka.queued.lock().unwrap().is_empty());
    world.kafka.fails.store(false, Ordering::Relaxed);
    let published = world.run(&event).await.unwrap();
    assert!(matches!(published.events.as_slice(), [(Happened::Parked, _)]));
    assert_eq!(world.parked(), 1);
}

#[tokio::test]
async fn the_tables_are_read_once_for_a_moments_batches() {
    let binds = vec![bind("acme", "a")];
    let world = World::new(Tables { nodes: two_nodes(), binds, ..Tables::default() });
    let handler = world.handler();
    for n in 0..5 {
        let text = batch(&[delivery("acme", n), delivery("acme", n + 100)]).to_string();
        let event: Event<'_> = serde_json::from_str(&text).unwrap();
        handler.handle(&event).await.unwrap();
    }
    assert_eq!(world.tables.reads.load(Ordering::Relaxed), 1);
    assert_eq!(world.published().delivered.len(), 10);
}
