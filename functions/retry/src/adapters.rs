//! The ports over Kafka and DynamoDB.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use platform::correlations::{CorrelationsTable, Item, Place};
use platform::kafka::Reader;
use wire::correlations::{mark_kept_until_ms, retry_item, retry_key};
use wire::provider_outgoing::Origin;
use wire::retries::Retry;
use wire::topics::CUSTOMER_INCOMING_MESSAGES;

use crate::ports::{Bodies, Ground, Grounds};

/// For one record, whose place is known.
const ONE: Duration = Duration::from_secs(5);

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
    async fn read(&self, origin: Origin) -> anyhow::Result<Option<Vec<u8>>> {
        let reader = self.0.clone();
        // The client blocks. An invocation that was given up may still be at it: this one waits.
        let on_its_thread =
            move || body(&reader.lock().unwrap_or_else(PoisonError::into_inner), origin);
        tokio::task::spawn_blocking(on_its_thread).await?
    }
}

fn body(reader: &Reader, origin: Origin) -> anyhow::Result<Option<Vec<u8>>> {
    let (topic, Origin { partition, offset }) = (CUSTOMER_INCOMING_MESSAGES, origin);
    let exists = (0..reader.partitions(topic)?).contains(&partition);
    let Some(offset) = u64::try_from(offset).ok().filter(|_| exists) else { return Ok(None) };
    if !reader.bounds(topic, partition)?.contains(&offset) {
        return Ok(None);
    }
    let mut body = None;
    let until = Instant::now() + ONE;
    let read = reader.read(topic, partition, offset..offset + 1, until, |found| {
        body = Some(found.value.to_vec());
        ControlFlow::Break(())
    })?;
    anyhow::ensure!(read > offset, "{topic}/{partition} is not read in time");
    Ok(body)
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
