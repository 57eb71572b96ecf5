//! The ports that Kafka and SQS stand behind, and the process's time limit.

use std::collections::BTreeSet;
use std::time::Duration;

use platform::kafka::{Batch, CommittedProgress};
use platform::queue::DelayQueue;
use platform::time_limit::{self, TimeLimit};
use wire::assembly_deadlines::AssemblyDeadline;

use crate::held::Source;
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

/// How far the groups of the two mappings have read.
#[derive(Debug)]
pub struct BothTopics {
    /// Parts from customers.
    pub customers: CommittedProgress,
    /// Parts from handsets.
    pub handsets: CommittedProgress,
}

impl Progress for BothTopics {
    async fn reached(
        &self,
        source: Source,
        partitions: &BTreeSet<i32>,
        time_ms: u64,
    ) -> anyhow::Result<bool> {
        let progress = match source {
            Source::Customers => &self.customers,
            Source::Handsets => &self.handsets,
        };
        for partition in partitions {
            if !progress.reached(*partition, time_ms).await? {
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
