//! What the tests of this function share: records, and ports in memory.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use correlate::handler::Handler;
use correlate::ports::{Retries, Store};
use domain::config::Document;
use domain::id::PartId;
use platform::correlations::{Item, Place};
use platform::function::{Configurations, Event, Output, Outputs, Shell, Versions};
use platform::time_limit::TimeLimit;
use serde_json::{Value, json};
use wire::customer_deliveries::CustomerDelivery;
use wire::dead_letters::DeadLetter;
use wire::provider_events::{ProviderEvent, ProviderReceipt, SubmitResult};
use wire::retries::Retry;

/// When everything is sent; answers come then.
pub(crate) const AT_MS: u64 = 1_760_000_000_000;
pub(crate) const HOUR_MS: u64 = 3_600_000;

pub(crate) fn part(number: u8) -> PartId {
    PartId::new(AT_MS, [number; 10])
}

/// The accepted submit of message `number` to a handset, for which the provider gave `id`.
pub(crate) fn result(number: u8, handset: &str, id: &str) -> SubmitResult {
    let value = json!({
        "v": 1, "provider": "alpha", "provider_message_id": id, "customer": "acme",
        "message": part(number), "part": part(number), "attempt": 0, "outcome": "accepted",
        "source": {"ton": 5, "addr": "ACME"}, "destination": {"ton": 1, "npi": 1, "addr": handset},
        "receipt": 1, "accepted_ms": AT_MS, "valid_until_ms": AT_MS + 24 * HOUR_MS, "config": 1,
        "origin": {"partition": 2, "offset": 70 + u64::from(number)}, "at_ms": AT_MS,
    });
    serde_json::from_value(value).unwrap()
}

/// The receipt of alpha for `id`, from a handset.
pub(crate) fn receipt(handset: &str, id: &str, state: &str) -> ProviderReceipt {
    let value = json!({
        "v": 1, "provider": "alpha", "canonical": id,
        "source": {"ton": 1, "npi": 1, "addr": handset}, "destination": {"ton": 5, "addr": "ACME"},
        "state": state, "arrived_ms": AT_MS + 5_000,
    });
    serde_json::from_value(value).unwrap()
}

/// An event of the mapping: these records in one partition.
pub(crate) fn event(events: &[ProviderEvent]) -> String {
    raw_event(&events.iter().map(wire::encode).collect::<Vec<_>>())
}

pub(crate) fn raw_event(values: &[Vec<u8>]) -> String {
    let record = |(offset, value): (usize, &Vec<u8>)| {
        json!({
            "topic": "provider-events", "partition": 3, "offset": offset, "timestamp": AT_MS,
            "timestampType": "CREATE_TIME", "key": "a2V5", "value": STANDARD.encode(value),
            "headers": [],
        })
    };
    let records: Vec<Value> = values.iter().enumerate().map(record).collect();
    json!({"eventSource": "aws:kafka", "records": {"provider-events-3": records}}).to_string()
}

pub(crate) fn read(event: &str) -> Event<'_> {
    serde_json::from_str(event).unwrap()
}

/// Table `config` in memory. Version 1 tests addresses strictly, 2 swapped, 3 by date only, 4 does
/// not know the provider; 5 and more were never written.
pub(crate) fn document(version: u64) -> Option<Arc<Document>> {
    let receipts = match version {
        1 | 4 => json!({}),
        2 => json!({"addresses": "swapped"}),
        3 => json!({"addresses": "off", "utc_offsets_min": [0]}),
        _ => return None,
    };
    let link = json!({"smpp": {"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}});
    let id = if version == 4 { "other" } else { "alpha" };
    let document = json!({
        "customers": [{"id": "acme"}],
        "providers": [{"id": id, "link": link, "slots": [0], "receipts": receipts}],
        "routes": [],
    });
    Some(Arc::new(serde_json::from_value(document).unwrap()))
}

#[derive(Debug, Default)]
pub(crate) struct Documents;

impl Versions for &Documents {
    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        Ok(document(version))
    }
}

/// Fails at the n-th call of all ports together, if it is to.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    left: Mutex<Option<usize>>,
}

impl Fuse {
    pub(crate) fn burn_after(&self, calls: Option<usize>) {
        *self.left.lock().unwrap() = calls;
    }

    fn call(&self) -> anyhow::Result<()> {
        match &mut *self.left.lock().unwrap() {
            Some(0) => bail!("an outage"),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }
}

/// Table `correlations` in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    pub(crate) items: Mutex<BTreeMap<Place, Item>>,
    pub(crate) gets: AtomicUsize,
    pub(crate) queries: AtomicUsize,
}

impl Store for MemoryStore {
    async fn get(&self, places: &[Place]) -> anyhow::Result<Vec<Item>> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len(), "a place twice");
        let items = self.items.lock().unwrap();
        Ok(places.iter().filter_map(|place| items.get(place).cloned()).collect())
    }

    async fn query(&self, keys: &[String]) -> anyhow::Result<Vec<Item>> {
        self.queries.fetch_add(keys.len(), Ordering::Relaxed);
        let items = self.items.lock().unwrap();
        Ok(items.values().filter(|item| keys.contains(&item.place.key)).cloned().collect())
    }

    async fn put(&self, items: &[Item]) -> anyhow::Result<()> {
        let mut all = self.items.lock().unwrap();
        let before: BTreeSet<_> = items.iter().map(|item| &item.place).collect();
        assert_eq!(before.len(), items.len(), "a place twice");
        all.extend(items.iter().map(|item| (item.place.clone(), item.clone())));
        Ok(())
    }
}

/// Everything around the function, in memory.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) fuse: Fuse,
    pub(crate) store: MemoryStore,
    pub(crate) documents: Documents,
    pub(crate) retries: Mutex<Vec<Retry>>,
    queued: Mutex<Vec<Output>>,
    stored: Mutex<Vec<Output>>,
}

/// Confirmed by flush, thrown away by abandon.
impl Outputs for &World {
    fn begin(&self) {
        assert!(self.queued.lock().unwrap().is_empty(), "left over from the last invocation");
    }

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        self.fuse.call()?;
        self.queued.lock().unwrap().push(output.clone());
        Ok(())
    }

    async fn flush(&self) -> anyhow::Result<()> {
        self.fuse.call()?;
        self.stored.lock().unwrap().append(&mut self.queued.lock().unwrap());
        Ok(())
    }

    async fn abandon(&self) {
        self.queued.lock().unwrap().clear();
    }
}

impl Store for &World {
    async fn get(&self, places: &[Place]) -> anyhow::Result<Vec<Item>> {
        self.fuse.call()?;
        self.store.get(places).await
    }

    async fn query(&self, keys: &[String]) -> anyhow::Result<Vec<Item>> {
        self.fuse.call()?;
        self.store.query(keys).await
    }

    async fn put(&self, items: &[Item]) -> anyhow::Result<()> {
        self.fuse.call()?;
        self.store.put(items).await
    }
}

impl Retries for &World {
    async fn send(&self, retries: &[Retry]) -> anyhow::Result<()> {
        self.fuse.call()?;
        self.retries.lock().unwrap().extend_from_slice(retries);
        Ok(())
    }
}

type OverWorld<'a> = Handler<&'a Documents, &'a World, &'a World, &'a World>;

fn now_ms() -> u64 {
    AT_MS + 10_000
}

impl World {
    pub(crate) fn handler(&self) -> OverWorld<'_> {
        let compile = Document::receipts_by_provider;
        Handler {
            configurations: Configurations::new(&self.documents, compile),
            shell: Shell { by: "correlate", outputs: self, limit: TimeLimit::default(), now_ms },
            store: self,
            retries: self,
        }
    }

    /// One invocation, and what it published.
    pub(crate) async fn run(&self, events: &[ProviderEvent]) -> Published {
        self.handler().handle(&read(&event(events))).await.unwrap();
        self.published()
    }

    /// What was confirmed since the last call.
    pub(crate) fn published(&self) -> Published {
        assert!(self.queued.lock().unwrap().is_empty());
        Published(std::mem::take(&mut *self.stored.lock().unwrap()))
    }

    pub(crate) fn take_retries(&self) -> Vec<Retry> {
        std::mem::take(&mut *self.retries.lock().unwrap())
    }

    /// Names of the items under a key.
    pub(crate) fn items(&self, key: &str) -> Vec<String> {
        let items = self.store.items.lock().unwrap();
        let of = items.keys().filter(|place| place.key == key);
        of.map(|place| place.item.clone()).collect()
    }
}

/// What was published.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Published(pub(crate) Vec<Output>);

impl Published {
    fn on(&self, topic: &str) -> impl Iterator<Item = &Output> {
        self.0.iter().filter(move |output| &*output.topic == topic)
    }

    pub(crate) fn deliveries(&self) -> Vec<CustomerDelivery> {
        let deliveries = self.on("customer-deliveries");
        deliveries.map(|output| wire::decode(&output.value).unwrap()).collect()
    }

    pub(crate) fn letters(&self) -> Vec<DeadLetter> {
        self.on("dead-letters").map(|output| wire::decode(&output.value).unwrap()).collect()
    }

    /// Message by message: between messages there is no order.
    pub(crate) fn events(&self) -> Vec<Value> {
        let records = self.on("message-events");
        let events = records.flat_map(|output| {
            let value: Value = serde_json::from_slice(&output.value).unwrap();
            value["events"].as_array().unwrap().clone()
        });
        let mut events: Vec<Value> = events.collect();
        events.sort_by_key(|event| event["message"].as_str().unwrap().to_owned());
        events
    }

    pub(crate) fn happened(&self) -> Vec<String> {
        self.events().iter().map(|it| it["happened"].as_str().unwrap().to_owned()).collect()
    }
}
