//! Kafka and the tables in memory, and records to route.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::config::Document;
use domain::id::MessageId;
use domain::message::Message;
use domain::mo::opt_out::History;
use platform::function::{Configurations, Event, Output, Outputs, Shell, Versions};
use platform::opt_outs::{Key, Stored};
use platform::time_limit::TimeLimit;
use route::configuration::Configuration;
use route::handler::Handler;
use route::ports::{OptOuts, Schedule};
use scheduling::park::{Parked, Parking};
use serde_json::{Value, json};
use wire::V;
use wire::customer_incoming::IncomingMessage;

pub(crate) const NOW_MS: u64 = 1_760_000_100_000;
pub(crate) const ACCEPTED_MS: u64 = 1_760_000_000_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Published {
    pub(crate) topic: String,
    pub(crate) partition: Option<i32>,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
}

impl Published {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.value).unwrap()
    }
}

/// Kafka in memory: `queued` is confirmed by flush, thrown away by abandon.
#[derive(Debug, Default)]
pub(crate) struct Kafka {
    pub(crate) queued: Mutex<Vec<Published>>,
    pub(crate) stored: Mutex<Vec<Published>>,
    pub(crate) refuses_after: Option<usize>,
    pub(crate) flush_fails: AtomicBool,
}

impl Outputs for &Kafka {
    fn begin(&self) {
        assert!(self.queued.lock().unwrap().is_empty(), "left over from the last invocation");
    }

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        let mut queued = self.queued.lock().unwrap();
        if self.refuses_after == Some(queued.len()) {
            bail!("the producer refuses");
        }
        queued.push(Published {
            topic: output.topic.to_string(),
            partition: output.partition,
            key: output.key.clone(),
            value: output.value.clone(),
        });
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

/// Table `config` in memory: versions 1 to `last`.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) document: Arc<Document>,
    pub(crate) last: u64,
    pub(crate) down: AtomicBool,
    pub(crate) loads: AtomicUsize,
    /// Table `opt_outs`.
    pub(crate) opt_outs: Vec<(Key, History)>,
    pub(crate) keys_read: AtomicUsize,
    /// What was parked.
    pub(crate) parked: Mutex<Vec<Message>>,
    /// What comes of a parking.
    pub(crate) parks_as: Parked,
}

impl Schedule for &Store {
    async fn park(&self, parkings: &mut [Parking]) -> anyhow::Result<Vec<Parked>> {
        if self.down.load(Ordering::Relaxed) {
            bail!("table scheduled does not answer");
        }
        let messages = parkings.iter().map(|parking| parking.message().clone());
        self.parked.lock().unwrap().extend(messages);
        Ok(vec![self.parks_as; parkings.len()])
    }
}

impl OptOuts for &Store {
    async fn read(&self, keys: &[Key]) -> anyhow::Result<HashMap<Key, Stored>> {
        if self.down.load(Ordering::Relaxed) {
            bail!("table opt_outs does not answer");
        }
        self.keys_read.fetch_add(keys.len(), Ordering::Relaxed);
        let find = |key: &Key| {
            let (_, history) = self.opt_outs.iter().find(|(found, _)| found == key)?;
            Some((key.clone(), Stored { version: 1, history: history.clone() }))
        };
        Ok(keys.iter().filter_map(find).collect())
    }
}

impl Versions for &Store {
    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) {
            bail!("table config does not answer");
        }
        Ok((version <= self.last).then(|| self.document.clone()))
    }
}

pub(crate) fn store() -> Store {
    let link = json!({"smpp": {"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}});
    let document = json!({
        "customers": [{"id": "acme"}, {"id": "beta", "senders": ["BETA"]}, {"id": "gamma"}],
        "numbers": [{"address": {"exact": "46700"}, "customer": "gamma", "opt_out": {}}],
        "providers": [
            {"id": "alpha", "link": link, "slots": [0, 1, 2, 3]},
            {"id": "gamma", "link": link, "slots": [4], "long_messages": "payload"},
        ],
        "routes": [
            {"id": "de", "when": {"destinations": ["49"]}, "to": [{"provider": "alpha"}],
             "failover": ["gamma"]},
            {"id": "uk", "when": {"destinations": ["44"]}, "to": [{"provider": "gamma"}],
             "priority": "bulk"},
        ],
    });
    Store {
        document: Arc::new(serde_json::from_value(document).unwrap()),
        last: 9,
        down: AtomicBool::new(false),
        loads: AtomicUsize::new(0),
        opt_outs: Vec::new(),
        keys_read: AtomicUsize::new(0),
        parked: Mutex::default(),
        parks_as: Parked::Kept,
    }
}

pub(crate) fn now_ms() -> u64 {
    NOW_MS
}

pub(crate) fn later_ms() -> u64 {
    NOW_MS + 5_000
}

pub(crate) fn handler<'a>(
    store: &'a Store,
    kafka: &'a Kafka,
) -> Handler<&'a Store, &'a Store, &'a Store, &'a Kafka> {
    let configurations = Configurations::new(store, Configuration::compile);
    let limit = TimeLimit::default();
    let shell = Shell { by: "route", outputs: kafka, limit, now_ms };
    Handler { configurations, opt_outs: store, schedule: store, shell }
}

pub(crate) fn message(destination: &str) -> Message {
    let message = json!({
        "id": MessageId::new(ACCEPTED_MS, [7; 10]),
        "envelope": {
            "customer": "acme", "source": {"ton": 5, "addr": "ACME"},
            "destination": {"ton": 1, "npi": 1, "addr": destination},
            "accepted_ms": ACCEPTED_MS, "valid_until_ms": ACCEPTED_MS + 3_600_000, "config": 3,
        },
        "parts": [{"id": MessageId::new(ACCEPTED_MS, [7; 10]), "octets": "aGVsbG8=", "receipt": 1}],
        "attempt_ms": ACCEPTED_MS,
    });
    serde_json::from_value(message).unwrap()
}

pub(crate) fn encoded(message: &Message) -> Vec<u8> {
    wire::encode(&IncomingMessage { v: V, message: message.clone() })
}

pub(crate) fn event(values: &[Vec<u8>]) -> String {
    let record = |(offset, value): (usize, &Vec<u8>)| {
        json!({
            "topic": "customer-incoming-messages", "partition": 2, "offset": offset,
            "timestamp": ACCEPTED_MS, "timestampType": "CREATE_TIME", "key": "a2V5",
            "value": STANDARD.encode(value), "headers": [],
        })
    };
    let records: Vec<Value> = values.iter().enumerate().map(record).collect();
    let source = "aws:kafka";
    json!({"eventSource": source, "records": {"customer-incoming-messages-2": records}}).to_string()
}

pub(crate) fn read(event: &str) -> Event<'_> {
    serde_json::from_str(event).unwrap()
}

pub(crate) async fn published(values: &[Vec<u8>]) -> Vec<Published> {
    let (store, kafka) = (store(), Kafka::default());
    handler(&store, &kafka).handle(&read(&event(values))).await.unwrap();
    kafka.stored.into_inner().unwrap()
}

pub(crate) fn on<'a>(published: &'a [Published], topic: &str) -> Vec<&'a Published> {
    published.iter().filter(|record| record.topic == topic).collect()
}
