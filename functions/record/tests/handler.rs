//! The handler over ports in memory: what becomes of good events, poison and outages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::sync::Mutex;

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::id::{CustomerId, MessageId};
use platform::function::{Event, Output, Outputs, Shell};
use platform::messages::NumberHash;
use platform::time_limit::TimeLimit;
use record::handler::{BY, Handler};
use record::items::{Form, Item};
use record::lines::{LineForm, Lines};
use record::ports::Store;
use serde_json::{Value, json};
use wire::message_events::{self, Happened, MessageEvent};

const AT_MS: u64 = 1_795_248_000_000;

/// Table and Kafka in memory.
#[derive(Debug, Default)]
struct World {
    items: Mutex<Vec<Item>>,
    published: Mutex<Vec<Value>>,
    store_is_down: bool,
}

impl Store for &World {
    async fn append(&self, mut items: Vec<Item>) -> anyhow::Result<()> {
        if self.store_is_down {
            bail!("table messages does not take events");
        }
        self.items.lock().unwrap().append(&mut items);
        Ok(())
    }
}

impl Outputs for &World {
    fn begin(&self) {}

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        assert_eq!(&*output.topic, "dead-letters");
        self.published.lock().unwrap().push(serde_json::from_slice(&output.value).unwrap());
        Ok(())
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn abandon(&self) {
        self.published.lock().unwrap().clear();
    }
}

impl World {
    async fn handle(&self, values: &[Vec<u8>]) -> anyhow::Result<()> {
        let record = |(offset, value): (usize, &Vec<u8>)| {
            json!({"topic": "message-events", "partition": 3, "offset": offset,
                "value": STANDARD.encode(value)})
        };
        let records: Vec<_> = values.iter().enumerate().map(record).collect();
        let event = json!({"records": {"message-events-3": records}}).to_string();
        let event: Event<'_> = serde_json::from_str(&event).unwrap();
        let form = Form { numbers: NumberHash::new("a pepper of tests"), keep_ms: 1_000 };
        let limit = TimeLimit::default();
        let shell = Shell { by: BY, outputs: self, limit, now_ms: || AT_MS };
        let lines = Lines { form: LineForm::Off, in_full: false };
        let handler =
            Handler { store: self, shell, form, lines, write_out: |_| panic!("no lines") };
        handler.handle(&event).await
    }
}

fn message(n: u8) -> MessageId {
    MessageId::new(AT_MS, [n; 10])
}

fn event(n: u8, happened: Happened) -> MessageEvent<'static> {
    let (message, customer) = (message(n), Cow::Owned(CustomerId::from("acme")));
    MessageEvent::new(message.event(happened.as_str(), 0), message, customer, happened, "t", AT_MS)
}

#[tokio::test]
async fn the_events_of_a_message_in_several_records_are_one_item() {
    let world = World::default();
    let values = [
        message_events::record(&event(1, Happened::Accepted)).1,
        message_events::record(&event(2, Happened::Routed)).1,
        message_events::record(&event(1, Happened::Routed)).1,
    ];
    world.handle(&values).await.unwrap();
    let items = world.items.lock().unwrap();
    assert_eq!(items.len(), 2);
    let of_first: Vec<Value> = serde_json::from_str(items[0].events.as_ref().unwrap()).unwrap();
    assert_eq!((items[0].message, of_first.len()), (message(1), 2));
    assert!(world.published.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_dead_letter_and_the_others_are_kept_as_they_came() {
    let world = World::default();
    let mut good = serde_json::to_value(event(1, Happened::Accepted)).unwrap();
    good["later"] = json!("a field of a newer program");
    let mut bad = serde_json::to_value(event(2, Happened::Accepted)).unwrap();
    bad["happened"] = json!("teleported to +447700900123");
    let value = json!({"v": 1, "events": [good, bad.clone()]}).to_string();
    world.handle(&[value.into_bytes(), b"{}".to_vec()]).await.unwrap();
    let items = world.items.lock().unwrap();
    assert_eq!(items.len(), 1);
    assert!(items[0].events.as_ref().unwrap().contains("a field of a newer program"));
    let letters = world.published.lock().unwrap();
    assert_eq!(letters.len(), 2);
    let of_event = letters.iter().find(|letter| letter["offset"] == 0).unwrap();
    let reason = of_event["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("1 of its events cannot be read, the first: not a record"),
        "{reason}"
    );
    assert!(!reason.contains("447700900123"));
    let kept = STANDARD.decode(of_event["value"].as_str().unwrap()).unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(kept, json!({"v": 1, "events": [bad]}));
}

#[tokio::test]
async fn an_event_that_no_item_could_hold_is_a_dead_letter() {
    let world = World::default();
    let detail = Cow::Owned("x".repeat(70_000));
    let huge = MessageEvent { detail, ..event(1, Happened::Accepted) };
    world.handle(&[message_events::record(&huge).1]).await.unwrap();
    assert!(world.items.lock().unwrap().is_empty());
    assert_eq!(world.published.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn while_the_table_refuses_the_batch_fails_and_nothing_is_given_up() {
    let world = World { store_is_down: true, ..World::default() };
    let values = [message_events::record(&event(1, Happened::Accepted)).1, b"poison".to_vec()];
    world.handle(&values).await.unwrap_err();
    assert!(world.published.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_second_run_writes_the_same() {
    let world = World::default();
    let values = [event(1, Happened::Accepted), event(1, Happened::Routed)]
        .map(|event| message_events::record(&event).1);
    world.handle(&values).await.unwrap();
    world.handle(&values).await.unwrap();
    let items = world.items.lock().unwrap();
    assert_eq!(items[0], items[1]);
}
