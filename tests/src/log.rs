//! Reads a Kafka topic from its beginning to its end.

use std::time::{Duration, Instant};

use platform::kafka::{Context, KafkaSettings};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};

const ASK: Duration = Duration::from_secs(10);

/// A record as it stands in its partition.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
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
    let settings = KafkaSettings::local(bootstrap);
    let consumer: BaseConsumer<Context> = settings
        .client()
        .set("group.id", "gateway-tests-log")
        .set("enable.auto.commit", "false")
        .create_with_context(settings.context())?;
    let metadata = consumer.fetch_metadata(Some(topic), ASK)?;
    let partitions = metadata.topics().first().map(|found| found.partitions().len()).unwrap_or(0);
    let mut list = TopicPartitionList::new();
    let mut missing = 0;
    for partition in 0..i32::try_from(partitions)? {
        let (low, high) = consumer.fetch_watermarks(topic, partition, ASK)?;
        if high > low {
            missing += high - low;
            list.add_partition_offset(topic, partition, Offset::Offset(low))?;
        }
    }
    consumer.assign(&list)?;
    let mut entries = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while missing > 0 && Instant::now() < deadline {
        if let Some(message) = consumer.poll(Duration::from_millis(200)) {
            let message = message?;
            missing -= 1;
            entries.push(Entry {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().unwrap_or_default().to_vec(),
                value: message.payload().unwrap_or_default().to_vec(),
            });
        }
    }
    anyhow::ensure!(missing <= 0, "{missing} records of {topic} did not come");
    Ok(entries)
}
