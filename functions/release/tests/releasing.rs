//! The handler over ports in memory: what is published when, and what outages do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::id::{CustomerId, MessageId};
use domain::message::Message;
use platform::function::{Current, Output, Outputs, Shell};
use platform::scheduled::{Hints, Schedule, Store};
use platform::time_limit::TimeLimit;
use release::handler::{BY, Handler};
use serde_json::{Value, json};
use wire::V;
use wire::scheduled::{Hint, Item, Put, Scheduled, State, Stored};

const NOW_MS: u64 = 1_760_000_000_000;

fn id() -> MessageId {
    MessageId::new(NOW_MS, [1; 10])
}

/// Everything around the function, in memory.
#[derive(Debug, Default)]
struct World {
    items: Mutex<HashMap<MessageId, Stored>>,
    hints: Mutex<Vec<(Hint, Duration)>>,
    down: AtomicBool,
    flush_fails: AtomicBool,
    queued: Mutex<Vec<Output>>,
    stored: Mutex<Vec<Output>>,
    current: AtomicU64,
}

impl Store for &World {
    async fn get(&self, customer: &CustomerId, id: MessageId) -> anyhow::Result<Option<Stored>> {
        if self.down.load(Ordering::Relaxed) {
            bail!("table scheduled does not answer");
        }
        assert_eq!(customer.as_str(), "acme");
        Ok(self.items.lock().unwrap().get(&id).cloned())
    }

    async fn put(&self, _: &CustomerId, put: &Put, _: &str) -> anyhow::Result<bool> {
        let mut items = self.items.lock().unwrap();
        let version = items.get(&put.message).map_or(0, |stored| stored.version);
        if version == put.read_version {
            let item = put.item.clone();
            items.insert(put.message, Stored { version: version + 1, item });
        }
        Ok(version == put.read_version)
    }
}

impl Hints for &World {
    async fn send(&self, hints: &[(Hint, Duration)]) -> anyhow::Result<()> {
        self.hints.lock().unwrap().extend_from_slice(hints);
        Ok(())
    }
}

impl Outputs for &World {
    fn begin(&self) {
        assert!(self.queued.lock().unwrap().is_empty(), "left over from the last invocation");
    }

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        self.queued.lock().unwrap().push(output.clone());
        Ok(())
    }

    async fn flush(&self) -> anyhow::Result<()> {
        if self.flush_fails.load(Ordering::Relaxed) {
            bail!("not stored");
        }
        self.stored.lock().unwrap().append(&mut self.queued.lock().unwrap());
        Ok(())
    }

    async fn abandon(&self) {
        self.queued.lock().unwrap().clear();
    }
}

impl Current for &World {
    async fn current(&self) -> anyhow::Result<Option<u64>> {
        Ok(Some(self.current.load(Ordering::Relaxed)))
    }
}

fn scheduled(time_ms: u64, state: State) -> Scheduled {
    let message = json!({
        "id": id(),
        "envelope": {
            "customer": "acme", "source": {"ton": 5, "addr": "ACME"},
            "destination": {"ton": 1, "npi": 1, "addr": "491701"}, "accepted_ms": NOW_MS - 9,
            "valid_until_ms": NOW_MS + 3_600_000, "schedule_ms": time_ms, "config": 3,
        },
        "parts": [{"id": id(), "octets": "aGk=", "receipt": 1}],
        "attempt_ms": NOW_MS - 9,
    });
    let message: Message = serde_json::from_value(message).unwrap();
    Scheduled { message, state, replaces: Vec::new(), told: false }
}

fn world(time_ms: u64, state: State) -> World {
    let world = World::default();
    world.current.store(8, Ordering::Relaxed);
    let item = Item::Message(Box::new(scheduled(time_ms, state)));
    world.items.lock().unwrap().insert(id(), Stored { version: 1, item });
    world
}

fn hint(due_ms: u64) -> Hint {
    Hint { v: V, customer: "acme".into(), message: id(), due_ms, news: false, swept: false }
}

fn handler(world: &World) -> Handler<&World, &World, &World, &World> {
    Handler {
        schedule: Schedule { table: world, queue: world, new_writer: || "w".into() },
        shell: Shell { by: BY, outputs: world, limit: TimeLimit::default(), now_ms: || NOW_MS },
        current: world,
    }
}

async fn given(world: &World, bodies: &[Vec<u8>]) -> anyhow::Result<SqsBatchResponse> {
    let message = |(n, body): (usize, &Vec<u8>)| json!({"messageId": format!("m{n}"), "body": std::str::from_utf8(body).unwrap()});
    let records: Vec<Value> = bodies.iter().enumerate().map(message).collect();
    let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
    handler(world).handle(event).await
}

fn published(world: &World) -> Vec<(String, Value)> {
    let stored = world.stored.lock().unwrap();
    let read = |output: &Output| {
        (output.topic.to_string(), serde_json::from_slice(&output.value).unwrap())
    };
    stored.iter().map(read).collect()
}

#[tokio::test]
async fn what_is_due_goes_on_marked_under_the_version_in_force_and_once() {
    let world = world(NOW_MS, State::Waiting);
    let due = wire::encode(&hint(NOW_MS));
    assert_eq!(
        given(&world, &[due.clone(), due.clone()]).await.unwrap(),
        SqsBatchResponse::default()
    );
    let all = published(&world);
    let released: Vec<_> =
        all.iter().filter(|(topic, _)| topic == "customer-incoming-messages").collect();
    let value = &released[0].1;
    assert_eq!(
        (&value["released"], &value["message"]["attempt_ms"]),
        (&json!(true), &json!(NOW_MS))
    );
    assert_eq!(value["message"]["envelope"]["config"], 8);
    assert!(released.iter().all(|(_, other)| other == value), "each time the same");
    let told = world.items.lock().unwrap()[&id()].item.due_ms();
    assert_eq!(told, None);
    let before = published(&world).len();
    given(&world, &[due]).await.unwrap();
    assert_eq!(published(&world).len(), before, "it is told");
}

#[tokio::test]
async fn what_is_early_waits_on_and_an_outage_lets_it_come_again() {
    let world = world(NOW_MS + 100_500, State::Waiting);
    given(&world, &[wire::encode(&hint(NOW_MS + 100_500))]).await.unwrap();
    assert_eq!(
        *world.hints.lock().unwrap(),
        [(hint(NOW_MS + 100_500), Duration::from_secs(100))],
        "whole seconds below"
    );
    world.down.store(true, Ordering::Relaxed);
    let failed = given(&world, &[wire::encode(&hint(NOW_MS))]).await.unwrap();
    assert_eq!(failed.batch_item_failures[0].item_identifier, "m0");
    assert_eq!(published(&world), []);
}

#[tokio::test]
async fn what_kafka_did_not_take_is_not_called_told() {
    let world = world(NOW_MS, State::Cancelled { at_ms: NOW_MS - 1 });
    world.flush_fails.store(true, Ordering::Relaxed);
    let body = wire::encode(&hint(NOW_MS));
    assert!(given(&world, std::slice::from_ref(&body)).await.is_err());
    assert!(world.items.lock().unwrap()[&id()].item.due_ms().is_some());
    world.flush_fails.store(false, Ordering::Relaxed);
    given(&world, &[body]).await.unwrap();
    let told = published(&world);
    assert_eq!(told[0].0, "customer-deliveries");
    assert_eq!(told[0].1["what"]["receipt"]["error"], "908");
    assert_eq!(told[1].1["events"][0]["happened"], "cancelled");
}

#[tokio::test]
async fn a_hint_that_cannot_be_read_is_a_dead_letter() {
    let world = World::default();
    assert_eq!(given(&world, &[b"{}".to_vec()]).await.unwrap(), SqsBatchResponse::default());
    let letters = published(&world);
    assert_eq!((letters.len(), letters[0].0.as_str()), (1, "dead-letters"));
}
