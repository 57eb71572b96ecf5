//! The ports that Kafka and SQS stand behind, and the process's time limit.

use std::collections::BTreeSet;
use std::time::Duration;

use platform::kafka::{Batch, CommittedProgress};
use platform::queue::DelayQueue;
use platform::time_limit::{self, TimeLimit};
use wire::assembly_deadlines::AssemblyDeadline;

use crate::limit::Limit;
use crate::output::Output;
use crate::ports::{Delays, Outputs, Progress};
use crate::records::Record;

impl Delays for DelayQueue {
    async fn schedule(&self, deadlines: &[(AssemblyDeadline, Duration)]) -> anyhow::Result<()> {
        let body = |(deadline, after): &(AssemblyDeadline, Duration)| {
            Ok((String::from_utf8(wire::encode(deadline))?, *after))
        };
        self.send(&deadlines.iter().map(body).collect::<anyhow::Result<Vec<_>>>()?).await
    }
}

impl Outputs for Batch {
    async fn publish(&self, outputs: &[Output]) -> anyhow::Result<()> {
        self.begin();
        let published = publish_all(self, outputs).await;
        if published.is_err() {
            // Nothing is left in the queue when the sandbox freezes.
            self.abandon().await;
        }
        published
    }
}

async fn publish_all(batch: &Batch, outputs: &[Output]) -> anyhow::Result<()> {
    for output in outputs {
        let (key, value) = output.encode();
        batch.publish(output.topic(), None, &key, &value).await?;
    }
    Ok(batch.flush().await?)
}

impl Progress for CommittedProgress {
    async fn reached(&self, partitions: &BTreeSet<i32>, time_ms: u64) -> anyhow::Result<bool> {
        for partition in partitions {
            if !CommittedProgress::reached(self, *partition, time_ms).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Limit for TimeLimit {
    type Inside<'a> = time_limit::Inside<'a>;

    fn gives_up(&self, record: &Record) -> bool {
        Self::gives_up(self, place(record))
    }

    fn enter(&self, records: &[Record]) -> Self::Inside<'_> {
        Self::enter(self, records.iter().map(place))
    }
}

fn place(record: &Record) -> time_limit::Place<'_> {
    let Record { topic, partition, offset, .. } = record;
    time_limit::Place { topic, partition: *partition, offset: *offset }
}
