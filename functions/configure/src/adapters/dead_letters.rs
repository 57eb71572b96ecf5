//! Dead letters over Kafka.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use platform::kafka::Reader;
use wire::dead_letters::DeadLetter;
use wire::topics::DEAD_LETTERS;

use super::Kafka;
use crate::letters::{LetterAt, Scan, Wanted};
use crate::ports::DeadLetters;

/// For one record, whose place is known.
const ONE: Duration = Duration::from_secs(5);

impl DeadLetters for Kafka {
    async fn partitions(&self, topic: &str) -> anyhow::Result<i32> {
        let topic = topic.to_owned();
        self.reading.with(move |reader| reader.partitions(&topic)).await
    }

    async fn scan(
        &self,
        partition: i32,
        wanted: &Wanted,
        at_most: Duration,
    ) -> anyhow::Result<Scan> {
        let until = Instant::now() + at_most;
        let wanted = wanted.clone();
        self.reading.with(move |reader| scan(reader, partition, &wanted, until)).await
    }

    async fn letter(&self, at: LetterAt) -> anyhow::Result<Option<DeadLetter>> {
        self.reading.with(move |reader| letter(reader, at)).await
    }

    async fn put_back(&self, letters: &[DeadLetter]) -> anyhow::Result<()> {
        self.confirmed(async {
            for DeadLetter { topic, partition, key, value, .. } in letters {
                self.batch.publish(topic, Some(*partition), &key.0, &value.0).await?;
            }
            Ok(())
        })
        .await
    }
}

fn scan(reader: &Reader, partition: i32, wanted: &Wanted, until: Instant) -> anyhow::Result<Scan> {
    let bounds = reader.bounds(DEAD_LETTERS, partition)?;
    let first = reader.first_since(DEAD_LETTERS, partition, wanted.since_ms)?;
    let stretch = first.unwrap_or(bounds.end).max(bounds.start)..bounds.end;
    let mut scan = Scan::of(partition);
    let mut read_to_ms = wanted.since_ms;
    let read = reader.read(DEAD_LETTERS, partition, stretch, until, |found| {
        read_to_ms = found.time_ms;
        scan.record(wanted, found.offset, found.time_ms, found.value)
    })?;
    if read < bounds.end {
        scan.read_to_ms = Some(read_to_ms);
    }
    Ok(scan)
}

fn letter(reader: &Reader, at: LetterAt) -> anyhow::Result<Option<DeadLetter>> {
    let exists = (0..reader.partitions(DEAD_LETTERS)?).contains(&at.partition);
    if !exists || !reader.bounds(DEAD_LETTERS, at.partition)?.contains(&at.offset) {
        return Ok(None);
    }
    let mut letter = None;
    let until = Instant::now() + ONE;
    reader.read(DEAD_LETTERS, at.partition, at.offset..at.offset + 1, until, |found| {
        letter = wire::decode(found.value).ok();
        ControlFlow::Break(())
    })?;
    Ok(letter)
}
