//! How far a consumer group has read.

use std::time::{Duration, Instant};

use anyhow::ensure;
use platform::kafka::{KafkaSettings, Reader};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use wire::topics::MESSAGE_EVENTS;

const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until `group` has committed all that is on `message-events`.
///
/// # Errors
/// Kafka does not answer, or it does not come that far within `max`.
pub fn await_read(bootstrap: &str, group: &str, max: Duration) -> anyhow::Result<()> {
    let reader = Reader::new(&KafkaSettings::local(bootstrap), "gateway-tests-lag")?;
    let committed: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .create()?;
    let deadline = Instant::now() + max;
    loop {
        let lag = lag(&reader, &committed)?;
        if lag == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{group} is {lag} records behind after {max:?}");
        std::thread::sleep(LOOK_EVERY);
    }
}

fn lag(reader: &Reader, committed: &BaseConsumer) -> anyhow::Result<u64> {
    let mut partitions = TopicPartitionList::new();
    for partition in 0..reader.partitions(MESSAGE_EVENTS)? {
        partitions.add_partition(MESSAGE_EVENTS, partition);
    }
    let mut lag = 0;
    for element in committed.committed_offsets(partitions, PATIENCE)?.elements() {
        let end = reader.bounds(MESSAGE_EVENTS, element.partition())?.end;
        let read = match element.offset() {
            Offset::Offset(offset) => u64::try_from(offset)?,
            _ => 0,
        };
        lag += end.saturating_sub(read);
    }
    Ok(lag)
}
