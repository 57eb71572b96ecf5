//! Receipts that waited for 72 hours: what is given up, and what is left alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::bail;
use domain::config::Document;
use domain::id::PartId;
use platform::correlations::{Item, Place};
use platform::function::{Configurations, Output, Outputs, Shell, Versions};
use platform::time_limit::TimeLimit;
use serde_json::json;
use sweep::receipts::{Correlations, Receipts};
use wire::V;
use wire::correlations::{RESULT, WaitingReceipt, due_hour, further_result, receipt_item};
use wire::dead_letters::DeadLetter;
use wire::provider_events::{ProviderEvent, ProviderReceipt};
use wire::provider_outgoing::Origin;

const ARRIVED_MS: u64 = 1_760_000_000_000;
const HOUR_MS: u64 = 3_600_000;
const DUE_MS: u64 = ARRIVED_MS + 72 * HOUR_MS;

#[derive(Debug, Default)]
struct World {
    items: Mutex<BTreeMap<Place, Item>>,
    refuses: AtomicBool,
    queued: Mutex<Vec<Output>>,
    stored: Mutex<Vec<Output>>,
}

impl Correlations for &World {
    async fn due(&self, hour: &str, until_ms: u64, limit: usize) -> anyhow::Result<Vec<Place>> {
        let items = self.items.lock().unwrap();
        let is_due = |item: &&Item| {
            item.due_ms.is_some_and(|due_ms| due_hour(due_ms) == hour && due_ms <= until_ms)
        };
        Ok(items.values().filter(is_due).take(limit).map(|item| item.place.clone()).collect())
    }

    async fn query(&self, keys: &[String]) -> anyhow::Result<Vec<Item>> {
        let items = self.items.lock().unwrap();
        Ok(items.values().filter(|item| keys.contains(&item.place.key)).cloned().collect())
    }

    async fn settle(&self, place: &Place) -> anyhow::Result<()> {
        if let Some(item) = self.items.lock().unwrap().get_mut(place) {
            item.due_ms = None;
        }
        Ok(())
    }
}

impl Versions for &World {
    async fn load(&self, _: u64) -> anyhow::Result<Option<Arc<Document>>> {
        Ok(None)
    }
}

impl Outputs for &World {
    fn begin(&self) {}

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        if self.refuses.load(Ordering::Relaxed) {
            bail!("an outage");
        }
        self.queued.lock().unwrap().push(output.clone());
        Ok(())
    }

    async fn flush(&self) -> anyhow::Result<()> {
        self.stored.lock().unwrap().append(&mut self.queued.lock().unwrap());
        Ok(())
    }

    async fn abandon(&self) {
        self.queued.lock().unwrap().clear();
    }
}

fn now_ms() -> u64 {
    DUE_MS
}

impl World {
    fn receipts(&self) -> Receipts<&Self, &Self, &Self> {
        let limit = TimeLimit::default();
        Receipts {
            table: self,
            configurations: Configurations::new(self, Document::receipts_by_provider),
            shell: Shell { by: "sweep", outputs: self, limit, now_ms },
        }
    }

    fn put(&self, key: &str, item: &str, data: Vec<u8>, due_ms: Option<u64>) {
        let place = Place { key: key.into(), item: item.into() };
        let data = String::from_utf8(data).unwrap();
        let item = Item { place: place.clone(), data, due_ms, kept_until_ms: u64::MAX };
        self.items.lock().unwrap().insert(place, item);
    }

    /// A receipt for `id` that waits since `arrived_ms`.
    fn wait(&self, id: &str, handset: &str, arrived_ms: u64) -> ProviderReceipt {
        let receipt = json!({
            "v": 1, "provider": "alpha", "canonical": id,
            "source": {"ton": 1, "npi": 1, "addr": handset},
            "destination": {"ton": 5, "addr": "ACME"},
            "state": "delivered", "arrived_ms": arrived_ms,
        });
        let receipt: ProviderReceipt = serde_json::from_value(receipt).unwrap();
        let origin = Origin { partition: 3, offset: 9 };
        let waiting = WaitingReceipt { v: V, receipt: receipt.clone(), origin };
        let (name, due_ms) = (receipt_item(&receipt), waiting.due_ms());
        self.put(&receipt.key(), &name, wire::encode(&waiting), Some(due_ms));
        receipt
    }

    fn send(&self, number: u8, id: &str, handset: &str) {
        let part = PartId::new(ARRIVED_MS, [number; 10]);
        let result = json!({
            "v": 1, "provider": "alpha", "provider_message_id": id, "customer": "acme",
            "message": part, "part": part, "attempt": 0, "outcome": "accepted",
            "source": {"ton": 5, "addr": "ACME"},
            "destination": {"ton": 1, "npi": 1, "addr": handset},
            "origin": {"partition": 0, "offset": 0}, "at_ms": ARRIVED_MS,
        });
        let further = further_result(part, 0);
        let item = if number == 1 { RESULT } else { &further };
        self.put(&format!("alpha|{id}"), item, result.to_string().into_bytes(), None);
    }

    fn letters(&self) -> Vec<DeadLetter> {
        let stored = std::mem::take(&mut *self.stored.lock().unwrap());
        stored.iter().map(|output| wire::decode(&output.value).unwrap()).collect()
    }
}

#[tokio::test]
async fn what_no_result_fits_is_a_dead_letter_that_says_what_was_closest() {
    let world = World::default();
    let alone = world.wait("7", "491701", ARRIVED_MS);
    world.wait("8", "491701", ARRIVED_MS);
    world.send(1, "8", "491702");
    world.wait("9", "491701", ARRIVED_MS + 1);
    assert_eq!(world.receipts().sweep(DUE_MS).await.unwrap(), 2);
    let letters = world.letters();
    let reasons: Vec<_> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    assert!(reasons[0].contains("no submit result has its id"), "{reasons:?}");
    assert!(reasons[1].contains("its address is not the destination"), "{reasons:?}");
    let letter = &letters[0];
    assert_eq!((letter.topic.as_str(), letter.partition, letter.offset), ("provider-events", 3, 9));
    assert_eq!(wire::decode(&letter.value.0), Ok(ProviderEvent::Receipt(alone)));
    // Once only; the third has a millisecond left.
    assert_eq!(world.receipts().sweep(DUE_MS).await.unwrap(), 0);
    assert_eq!(world.receipts().sweep(DUE_MS + 1).await.unwrap(), 1);
}

#[tokio::test]
async fn what_a_result_fits_was_told_and_is_left_alone() {
    let world = World::default();
    world.wait("7", "491701", ARRIVED_MS);
    world.send(1, "7", "491701");
    world.wait("8", "491701", ARRIVED_MS);
    world.send(1, "8", "491701");
    world.send(2, "8", "491701");
    assert_eq!(world.receipts().sweep(DUE_MS).await.unwrap(), 2);
    assert!(world.letters().is_empty());
    assert_eq!(world.receipts().sweep(DUE_MS).await.unwrap(), 0);
}

#[tokio::test]
async fn an_outage_forgets_nothing() {
    let world = World::default();
    for n in 0..250 {
        world.wait(&n.to_string(), "491701", ARRIVED_MS);
    }
    world.refuses.store(true, Ordering::Relaxed);
    assert!(world.receipts().sweep(DUE_MS).await.is_err());
    assert!(world.letters().is_empty());
    world.refuses.store(false, Ordering::Relaxed);
    assert_eq!(world.receipts().sweep(DUE_MS).await.unwrap(), 250);
    assert_eq!(world.letters().len(), 250);
}
