//! The ports over Kafka and DynamoDB.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use platform::correlations::{CorrelationsTable, Item, Place};
use platform::kafka::Reader;
use wire::correlations::{mark_kept_until_ms, retry_item, retry_key};
use wire::provider_outgoing::Origin;
use wire::retries::Retry;
use wire::topics::CUSTOMER_INCOMING_MESSAGES;

use crate::ports::{Bodies, Found, Ground, Grounds};

const TOPIC: &str = CUSTOMER_INCOMING_MESSAGES;
/// For the records of a batch, whose places are known.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kafka, to read, for one use at a time.
#[derive(Debug, Clone)]
pub struct Kafka(Arc<Mutex<Reader>>);

impl Kafka {
    /// Over `reader`.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self(Arc::new(Mutex::new(reader)))
    }
}

impl Bodies for Kafka {
    async fn read(&self, origins: Vec<Origin>) -> anyhow::Result<Found> {
        let reader = self.0.clone();
        // The client blocks. An invocation that was given up may still be at it: this one waits.
        let on_its_thread =
            move || bodies(&reader.lock().unwrap_or_else(PoisonError::into_inner), origins);
        tokio::task::spawn_blocking(on_its_thread).await?
    }
}

fn bodies(reader: &Reader, origins: Vec<Origin>) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut kept: BTreeMap<i32, BTreeSet<u64>> = BTreeMap::new();
    let mut bounds = BTreeMap::new();
    let partitions = if origins.is_empty() { 0 } else { reader.partitions(TOPIC)? };
    for origin in origins {
        let Origin { partition, offset } = origin;
        if (0..partitions).contains(&partition) && !bounds.contains_key(&partition) {
            bounds.insert(partition, reader.bounds(TOPIC, partition)?);
        }
        let is_kept = |offset: &u64| bounds.get(&partition).is_some_and(|it| it.contains(offset));
        match u64::try_from(offset).ok().filter(is_kept) {
            Some(offset) => drop(kept.entry(partition).or_default().insert(offset)),
            None => drop(found.insert(origin, None)),
        }
    }
    // One of each partition at a time.
    let until = Instant::now() + PATIENCE;
    while !kept.is_empty() && Instant::now() < until {
        let next =
            kept.iter_mut().filter_map(|(partition, of)| Some((*partition, of.pop_first()?)));
        let next: BTreeMap<i32, u64> = next.collect();
        kept.retain(|_, of| !of.is_empty());
        reader.read_each(TOPIC, &next, until, |partition, record| {
            let offset = i64::try_from(record.offset).unwrap_or(i64::MAX);
            found.insert(Origin { partition, offset }, Some(record.value.to_vec()));
        })?;
    }
    Ok(found)
}

impl Grounds for CorrelationsTable {
    async fn settle(&self, retry: &Retry, proposed: Ground) -> anyhow::Result<Ground> {
        let place = Place { key: retry_key(retry.message), item: retry_item(retry.attempt) };
        let data = String::from_utf8(wire::encode(&proposed))?;
        // Longer than the queue keeps a message.
        let kept_until_ms = mark_kept_until_ms(proposed.at_ms);
        let kept = self.put_if_absent(Item { place, data, due_ms: None, kept_until_ms }).await?;
        Ok(wire::decode(kept.data.as_bytes())?)
    }
}
