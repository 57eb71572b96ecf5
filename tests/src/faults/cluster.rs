//! What Kafka says about its brokers: who leads a partition, whether all replicas are in sync.

use std::time::Duration;

use anyhow::Context as _;
use platform::kafka::{Context, KafkaSettings};
use rdkafka::consumer::{BaseConsumer, Consumer as _};

const ASK: Duration = Duration::from_secs(5);

/// The broker that leads partition 0 of `topic`.
///
/// # Errors
/// Kafka does not answer, or nobody leads.
pub fn leader(bootstrap: &str, topic: &str) -> anyhow::Result<i32> {
    let metadata = asker(bootstrap)?.fetch_metadata(Some(topic), ASK)?;
    let partitions = metadata.topics().first().context("no such topic")?.partitions();
    let leader = partitions.first().context("a topic without partitions")?.leader();
    anyhow::ensure!(leader >= 0, "nobody leads {topic}");
    Ok(leader)
}

/// Whether all `brokers` are there and every partition has all its replicas in sync. False while
/// Kafka does not answer.
///
/// # Errors
/// A setting of the client is wrong.
pub fn is_whole(bootstrap: &str, brokers: usize) -> anyhow::Result<bool> {
    let Ok(metadata) = asker(bootstrap)?.fetch_metadata(None, ASK) else { return Ok(false) };
    let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    Ok(metadata.brokers().len() >= brokers
        && partitions.all(|it| it.leader() >= 0 && it.isr().len() == it.replicas().len()))
}

fn asker(bootstrap: &str) -> anyhow::Result<BaseConsumer<Context>> {
    let settings = KafkaSettings::local(bootstrap);
    Ok(settings.client().create_with_context(settings.context())?)
}
