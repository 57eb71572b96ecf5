//! How far a consumer group has read a topic: has it passed a point in time?

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::client::{Context, KafkaSettings};
use super::reader::{first_since, offset};
use super::watch;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks for the committed offsets of a group that it is no member of.
#[derive(Clone)]
pub struct CommittedProgress {
    consumer: Arc<BaseConsumer<Context>>,
    topic: String,
}

impl std::fmt::Debug for CommittedProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CommittedProgress({})", self.topic)
    }
}

impl CommittedProgress {
    /// Of `group` on `topic`.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &KafkaSettings, group: &str, topic: &str) -> anyhow::Result<Self> {
        let mut config = settings.client();
        config.set("group.id", group).set("enable.auto.commit", "false");
        let consumer = watch::consumer(&config, settings.context())?;
        Ok(Self { consumer, topic: topic.to_owned() })
    }

    /// True if the group has committed everything of `partition` that stands before the first
    /// record appended at or after `time_ms` (Unix milliseconds), or everything there is, if none
    /// was appended since. The topic's times must be `LogAppendTime`, and `time_ms` must lie in
    /// the past of the broker's clock.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub async fn reached(&self, partition: i32, time_ms: u64) -> anyhow::Result<bool> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.ask(partition, time_ms)).await?
    }

    /// As [`Self::reached`], for each partition of the topic.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub async fn reached_everywhere(&self, time_ms: u64) -> anyhow::Result<bool> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            for partition in 0..this.partitions()? {
                if !this.ask(partition, time_ms)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?
    }

    fn partitions(&self) -> anyhow::Result<i32> {
        self.serve_client();
        let told = self.consumer.fetch_metadata(Some(&self.topic), PATIENCE)?;
        let topic = told.topics().iter().find(|topic| topic.name() == self.topic);
        let partitions = topic.map_or(0, |topic| topic.partitions().len());
        anyhow::ensure!(partitions > 0, "Kafka does not tell the partitions of {}", self.topic);
        Ok(i32::try_from(partitions)?)
    }

    /// The client asks for its IAM token when it is polled, and only then.
    fn serve_client(&self) {
        if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
            tracing::debug!(event = "progress_idle", %error);
        }
    }

    fn ask(&self, partition: i32, time_ms: u64) -> anyhow::Result<bool> {
        self.serve_client();
        let committed = self.committed(partition)?;
        let first = first_since(&self.consumer, &self.topic, partition, time_ms, PATIENCE)?;
        // Asked for last: what was appended meanwhile has to be read too, which errs to the safe side.
        let (low, high) = self.consumer.fetch_watermarks(&self.topic, partition, PATIENCE)?;
        // Of a partition that never held anything nothing is committed.
        Ok(committed.unwrap_or(low) >= first.unwrap_or(high))
    }

    fn committed(&self, partition: i32) -> anyhow::Result<Option<i64>> {
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(&self.topic, partition);
        let found = self
            .consumer
            .committed_offsets(wanted, PATIENCE)
            .context("Kafka does not tell how far the group has read")?;
        offset(&found, &self.topic, partition)
    }
}
