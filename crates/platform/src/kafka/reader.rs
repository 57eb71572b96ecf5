//! Reading stretches of topics by manual assignment, for what is asked now and then. Commits
//! nothing. Every call blocks its thread: never on a task's.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::admin::is_passing;
use super::client::{Context, KafkaSettings};
use super::watch;

/// For one answer.
const ASK: Duration = Duration::from_secs(5);
/// A broker that stood still is let in again within this time.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(50);
/// Without a record or the end of the partition for this long, Kafka does not answer.
const SILENCE: Duration = Duration::from_secs(5);

/// A record.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// Offset in its partition.
    pub offset: u64,
    /// Kafka's time stamp, Unix milliseconds.
    pub time_ms: u64,
    /// Key; empty: none.
    pub key: &'a [u8],
    /// Value; empty: none.
    pub value: &'a [u8],
}

impl std::fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({}, {} octets)", self.offset, self.value.len())
    }
}

impl<'a> Found<'a> {
    fn of(message: &'a BorrowedMessage<'_>) -> anyhow::Result<Self> {
        let time_ms = message.timestamp().to_millis().unwrap_or_default();
        Ok(Self {
            offset: u64::try_from(message.offset())?,
            time_ms: u64::try_from(time_ms).unwrap_or_default(),
            key: message.key().unwrap_or_default(),
            value: message.payload().unwrap_or_default(),
        })
    }
}

/// Reads whatever it is asked to, one stretch at a time.
pub struct Reader {
    consumer: Arc<BaseConsumer<Context>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    /// MSK asks for rights to `group`, although nobody joins it.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &KafkaSettings, group: &str) -> anyhow::Result<Self> {
        let mut config = settings.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "50")
            .set("fetch.queue.backoff.ms", "5");
        Ok(Self { consumer: watch::consumer(&config, settings.context())? })
    }

    /// Partitions of a topic; 0: it does not exist.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub fn partitions(&self, topic: &str) -> anyhow::Result<i32> {
        self.serve_client();
        let partitions = settled(|| {
            let metadata = self.consumer.fetch_metadata(Some(topic), ASK)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            match found.and_then(|found| found.error()).map(RDKafkaErrorCode::from) {
                None => Ok(found.map_or(0, |found| found.partitions().len())),
                Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(0),
                Some(error) => Err(KafkaError::MetadataFetch(error)),
            }
        });
        let partitions =
            partitions.with_context(|| format!("Kafka does not tell about {topic}"))?;
        Ok(i32::try_from(partitions)?)
    }

    /// From the oldest record to the end.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub fn bounds(&self, topic: &str, partition: i32) -> anyhow::Result<Range<u64>> {
        self.serve_client();
        let marks = settled(|| self.consumer.fetch_watermarks(topic, partition, ASK));
        let (low, high) = marks
            .with_context(|| format!("Kafka does not tell the ends of {topic}/{partition}"))?;
        Ok(u64::try_from(low)?..u64::try_from(high)?)
    }

    /// Offset of the first record at or after a time (Unix milliseconds); none: there is none.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub fn first_since(
        &self,
        topic: &str,
        partition: i32,
        time_ms: u64,
    ) -> anyhow::Result<Option<u64>> {
        self.serve_client();
        let found = first_since(&self.consumer, topic, partition, time_ms, ASK)?;
        Ok(found.map(u64::try_from).transpose()?)
    }

    /// Hands the records of a stretch to `take`, in order, until it breaks off or `until` is past.
    /// The offset up to which (exclusive) everything was handed over. The stretch must lie within
    /// [`Self::bounds`].
    ///
    /// # Errors
    /// Kafka does not answer.
    pub fn read(
        &self,
        topic: &str,
        partition: i32,
        stretch: Range<u64>,
        until: Instant,
        take: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> anyhow::Result<u64> {
        if stretch.is_empty() {
            return Ok(stretch.end);
        }
        let mut list = TopicPartitionList::new();
        let from = Offset::Offset(i64::try_from(stretch.start)?);
        list.add_partition_offset(topic, partition, from)?;
        self.consumer.assign(&list)?;
        let read = self.poll(stretch, until, take);
        self.consumer.unassign()?;
        read.with_context(|| format!("{topic}/{partition} cannot be read"))
    }

    /// Hands over the record at one offset of each of some partitions, in whatever order; none: there is
    /// none at that offset. What has not come by `until` is left out.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub fn read_each(
        &self,
        topic: &str,
        offsets: &BTreeMap<i32, u64>,
        until: Instant,
        take: impl FnMut(i32, Option<Found<'_>>),
    ) -> anyhow::Result<()> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            let offset = Offset::Offset(i64::try_from(*offset)?);
            list.add_partition_offset(topic, *partition, offset)?;
        }
        self.consumer.assign(&list)?;
        let read = self.poll_each(offsets, until, take);
        self.consumer.unassign()?;
        read.with_context(|| format!("records of {topic} cannot be read"))
    }

    fn poll_each(
        &self,
        offsets: &BTreeMap<i32, u64>,
        until: Instant,
        mut take: impl FnMut(i32, Option<Found<'_>>),
    ) -> anyhow::Result<()> {
        let mut left = offsets.clone();
        while !left.is_empty() && Instant::now() < until {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let Some(wanted) = left.remove(&message.partition()) else { continue };
                    let found = Found::of(&message)?;
                    take(message.partition(), Some(found).filter(|it| it.offset == wanted));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if left.remove(&partition).is_some() {
                        take(partition, None);
                    }
                }
                Some(Err(error)) if !is_reconnecting(&error) => return Err(error.into()),
                Some(Err(_)) | None => {}
            }
        }
        Ok(())
    }

    fn poll(
        &self,
        stretch: Range<u64>,
        until: Instant,
        mut take: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> anyhow::Result<u64> {
        let mut next = stretch.start;
        let mut heard = Instant::now();
        while next < stretch.end && Instant::now() < until {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let found = Found::of(&message)?;
                    if found.offset >= stretch.end {
                        return Ok(stretch.end);
                    }
                    next = found.offset + 1;
                    if take(found).is_break() {
                        return Ok(next);
                    }
                }
                // What is missing before the end was never delivered: markers of transactions.
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(stretch.end),
                Some(Err(error)) if !is_reconnecting(&error) => return Err(error.into()),
                Some(Err(_)) | None => {
                    anyhow::ensure!(heard.elapsed() < SILENCE, "nothing came for {SILENCE:?}");
                }
            }
        }
        Ok(next)
    }

    /// The client asks for its IAM token when it is polled, and only then.
    fn serve_client(&self) {
        if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
            tracing::debug!(event = "reader_idle", %error);
        }
    }
}

/// Asks again while a partition's leader is being found.
fn settled<T>(ask: impl Fn() -> KafkaResult<T>) -> KafkaResult<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Err(error) if is_passing(&error) && Instant::now() < deadline => {
                std::thread::sleep(AGAIN);
            }
            answer => return answer,
        }
    }
}

/// The client connects again by itself: also after a function was frozen and its connections went.
fn is_reconnecting(error: &KafkaError) -> bool {
    let lost = matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
        )
    );
    lost || is_passing(error)
}

/// Offset of the first record at or after a time; none: there is none.
pub(super) fn first_since(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
    time_ms: u64,
    patience: Duration,
) -> anyhow::Result<Option<i64>> {
    let mut wanted = TopicPartitionList::new();
    let time = Offset::Offset(i64::try_from(time_ms)?);
    wanted.add_partition_offset(topic, partition, time)?;
    let found = consumer
        .offsets_for_times(wanted, patience)
        .context("Kafka does not tell the offset of a time")?;
    offset(&found, topic, partition)
}

/// The offset in an answer; none where Kafka has none.
pub(super) fn offset(
    found: &TopicPartitionList,
    topic: &str,
    partition: i32,
) -> anyhow::Result<Option<i64>> {
    let element =
        found.find_partition(topic, partition).context("an answer without the partition")?;
    element.error()?;
    Ok(match element.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}
