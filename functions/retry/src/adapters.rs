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
/// For one record of each partition; their places are known.
const PATIENCE: Duration = Duration::from_secs(3);

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
            move || bodies(&reader.lock().unwrap_or_else(PoisonError::into_inner), &origins);
        tokio::task::spawn_blocking(on_its_thread).await?
    }
}

fn bodies(reader: &Reader, origins: &[Origin]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    if origins.is_empty() {
        return Ok(found);
    }
    let partitions = reader.partitions(TOPIC)?;
    let mut wanted: BTreeMap<i32, BTreeSet<u64>> = BTreeMap::new();
    for origin in origins {
        let exists = (0..partitions).contains(&origin.partition);
        match u64::try_from(origin.offset).ok().filter(|_| exists) {
            Some(offset) => drop(wanted.entry(origin.partition).or_default().insert(offset)),
            None => drop(found.insert(*origin, None)),
        }
    }
    wanted.retain(|partition, of| keep_known(reader, *partition, of, &mut found));
    // One of each partition at a time; a partition that is silent holds up the others once.
    while !wanted.is_empty() {
        let next = wanted.iter().filter_map(|(partition, of)| Some((*partition, *of.first()?)));
        let next: BTreeMap<i32, u64> = next.collect();
        let until = Instant::now() + PATIENCE;
        let read = reader.read_each(TOPIC, &next, until, |partition, record| {
            let Some(offset) = wanted.get_mut(&partition).and_then(BTreeSet::pop_first) else {
                return;
            };
            let value = record.map(|record| record.value.to_vec());
            found.insert(origin(partition, offset), value);
        });
        if let Err(error) = read {
            let error = format!("{error:#}");
            tracing::warn!(event = "messages_unreadable", error);
            return Ok(found);
        }
        wanted.retain(|partition, of| {
            let has_answered = next.get(partition) != of.first();
            has_answered && !of.is_empty()
        });
    }
    Ok(found)
}

/// Leaves the offsets that Kafka still has. False: the partition cannot be read now.
fn keep_known(
    reader: &Reader,
    partition: i32,
    offsets: &mut BTreeSet<u64>,
    found: &mut Found,
) -> bool {
    let bounds = match reader.bounds(TOPIC, partition) {
        Ok(bounds) => bounds,
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(event = "messages_unreadable", partition, error);
            return false;
        }
    };
    offsets.retain(|offset| {
        let is_kept = bounds.contains(offset);
        if !is_kept {
            found.insert(origin(partition, *offset), None);
        }
        is_kept
    });
    !offsets.is_empty()
}

fn origin(partition: i32, offset: u64) -> Origin {
    Origin { partition, offset: i64::try_from(offset).unwrap_or(i64::MAX) }
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
