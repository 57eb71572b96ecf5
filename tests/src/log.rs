//! Reads a Kafka topic from its beginning to its end, and writes to it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use platform::kafka::{KafkaSettings, Outcome, Publisher, Reader, Record, Sink};

const PATIENCE: Duration = Duration::from_secs(60);

/// A record as it stands in its partition.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: u64,
    /// Key.
    pub key: Vec<u8>,
    /// Value.
    pub value: Vec<u8>,
}

/// All records of `topic` that are there now.
///
/// # Errors
/// Kafka does not answer.
pub fn read_all(bootstrap: &str, topic: &str) -> anyhow::Result<Vec<Entry>> {
    let reader = Reader::new(&KafkaSettings::local(bootstrap), "gateway-tests-log")?;
    let until = Instant::now() + PATIENCE;
    let mut entries = Vec::new();
    for partition in 0..reader.partitions(topic)? {
        let bounds = reader.bounds(topic, partition)?;
        let end = bounds.end;
        let read = reader.read(topic, partition, bounds, until, |found| {
            let (key, value) = (found.key.to_vec(), found.value.to_vec());
            entries.push(Entry { partition, offset: found.offset, key, value });
            ControlFlow::Continue(())
        })?;
        anyhow::ensure!(read == end, "{topic}/{partition} came up to {read} of {end} only");
    }
    Ok(entries)
}

/// A record to be written.
#[derive(Debug, Clone, Copy)]
pub struct Planted<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Key.
    pub key: &'a [u8],
    /// Value.
    pub value: &'a [u8],
}

#[derive(Default)]
struct Stored(AtomicUsize);

impl Sink for Stored {
    fn ended(&self, _: u64, outcome: Outcome) {
        if matches!(outcome, Outcome::Stored { .. }) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Writes records, and returns when all are stored.
///
/// # Errors
/// One is not.
pub fn append(bootstrap: &str, records: &[Planted<'_>]) -> anyhow::Result<()> {
    let settings = KafkaSettings::local(bootstrap);
    let stored = Arc::new(Stored::default());
    let producer = Publisher::new(&settings, &settings.producer(0, 10_000), stored.clone())?;
    for Planted { topic, partition, key, value } in records {
        producer.send(Record { topic, partition: Some(*partition), key, value, token: 0 })?;
    }
    producer.flush(PATIENCE)?;
    let stored = stored.0.load(Ordering::Acquire);
    anyhow::ensure!(stored == records.len(), "{stored} of {} records are stored", records.len());
    Ok(())
}
