//! Making topics and growing them: idempotent, so that a repeat after a lost answer is harmless.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::{Context, KafkaSettings};
use super::watch;

const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(50);
/// Longest validity (14 days) and four days more, milliseconds (design, section 3).
const RETENTION_MS: &str = "1555200000";

/// A topic that has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNeed {
    /// Name.
    pub name: String,
    /// Partitions, at least.
    pub partitions: u32,
}

/// Kafka's administration.
pub struct Admin {
    client: Arc<AdminClient<Context>>,
    replication: i32,
    in_sync: &'static str,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

impl Admin {
    /// Topics are made with three replicas, two in sync; with one where one broker is allowed.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let client = watch::admin(&settings.client(), settings.context())?;
        let single = settings.allow_single_broker;
        let (replication, in_sync) = if single { (1, "1") } else { (3, "2") };
        Ok(Self { client, replication, in_sync })
    }

    /// Creates what is missing and grows what has fewer partitions. Blocks the thread while it
    /// asks for metadata.
    ///
    /// # Errors
    /// Kafka does not answer or refuses.
    pub async fn ensure(&self, needs: &[TopicNeed]) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        let mut small = Vec::new();
        for need in needs {
            match self.partitions(&need.name)? {
                0 => missing.push(need),
                found if found < need.partitions => small.push(need),
                _ => {}
            }
        }
        self.create(&missing).await?;
        self.grow(&small).await
    }

    /// Partitions of a topic; 0: it does not exist.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub fn partitions(&self, topic: &str) -> anyhow::Result<u32> {
        let metadata = self.client.inner().fetch_metadata(Some(topic), PATIENCE);
        let metadata = metadata.with_context(|| format!("Kafka does not tell about {topic}"))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(u32::try_from(found.map_or(0, |found| found.partitions().len()))?)
    }

    /// The offset after the last record of a partition.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub async fn end(&self, topic: &str, partition: i32) -> anyhow::Result<i64> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let marks = self.client.inner().fetch_watermarks(topic, partition, PATIENCE);
            match marks {
                Ok((_, end)) => return Ok(end),
                // A partition that was made just now has no leader for a moment.
                Err(error) if is_passing(&error) && Instant::now() < deadline => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => {
                    let what = || format!("Kafka does not tell the end of {topic}/{partition}");
                    return Err(error).with_context(what);
                }
            }
        }
    }

    async fn create(&self, needs: &[&TopicNeed]) -> anyhow::Result<()> {
        if needs.is_empty() {
            return Ok(());
        }
        let topics = needs.iter().map(|need| {
            let partitions = i32::try_from(need.partitions).unwrap_or(i32::MAX);
            NewTopic::new(&need.name, partitions, TopicReplication::Fixed(self.replication))
                .set("min.insync.replicas", self.in_sync)
                .set("unclean.leader.election.enable", "false")
                .set("retention.ms", RETENTION_MS)
                .set("retention.bytes", "-1")
        });
        let topics: Vec<_> = topics.collect();
        let answers = self.client.create_topics(&topics, &options()).await?;
        settle(answers, RDKafkaErrorCode::TopicAlreadyExists, "be created")
    }

    async fn grow(&self, needs: &[&TopicNeed]) -> anyhow::Result<()> {
        if needs.is_empty() {
            return Ok(());
        }
        let partitions =
            needs.iter().map(|need| NewPartitions::new(&need.name, need.partitions as usize));
        let partitions: Vec<_> = partitions.collect();
        let answers = self.client.create_partitions(&partitions, &options()).await?;
        // Somebody else grew it in the meantime.
        settle(answers, RDKafkaErrorCode::InvalidPartitions, "be given more partitions")
    }
}

/// A leader is being found.
pub(super) fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    )
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

fn settle(
    answers: Vec<rdkafka::admin::TopicResult>,
    harmless: RDKafkaErrorCode,
    what: &str,
) -> anyhow::Result<()> {
    for answer in answers {
        match answer {
            Err((topic, code)) if code != harmless => {
                anyhow::bail!("topic {topic} cannot {what}: {code}");
            }
            _ => {}
        }
    }
    Ok(())
}
