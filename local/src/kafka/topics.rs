//! The topics that are there before any provider is: as deployed, but for their number of partitions.
//! (A provider's topics are made by `configure`.)

use std::time::Duration;

use anyhow::Context as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::types::RDKafkaErrorCode;
use wire::topics;

/// The longest validity (14 days) and 4 days more (design, section 3).
const RETENTION_MS: u64 = 18 * 24 * 60 * 60 * 1000;
/// Partitions of what messages go through, for each broker. A producer makes a request for every partition
/// that a batch is spread over, and these requests are most of what a broker of one machine does: so few.
const PARTITIONS_PER_BROKER: i32 = 2;
/// Where records have no keys: the edge stays with one partition for milliseconds. The client library has
/// five records of a partition under way and waits for their end in a loop that takes a core
/// (librdkafka, pull request 4989): so more of them.
const PARTITIONS_WITHOUT_KEYS: i32 = 8;
/// For each of the edge's nodes (design, section 8).
const PARTITIONS_PER_EDGE: i32 = 4;
/// Slots there are topics for at first; `configure` adds partitions as providers come.
const SLOTS: i32 = 8;

/// A topic to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Name.
    pub name: &'static str,
    /// Partitions.
    pub partitions: i32,
    /// Its records carry the time of the append, not the producer's.
    pub append_time: bool,
}

/// All of them, for so many brokers and nodes of the edge.
#[must_use]
pub fn fixed(brokers: u32, edges: u32) -> Vec<Topic> {
    let topic = |name, partitions| Topic { name, partitions, append_time: false };
    let times = |count: u32, each: i32| each.saturating_mul(count.max(1).cast_signed());
    let through = times(brokers, PARTITIONS_PER_BROKER);
    vec![
        // Which parts belong together is decided by append times (design, section 5).
        Topic { append_time: true, ..topic(topics::CUSTOMER_INCOMING_MESSAGE_PARTS, through) },
        topic(topics::CUSTOMER_INCOMING_MESSAGES, PARTITIONS_WITHOUT_KEYS),
        topic(topics::PROVIDER_SLOTS, SLOTS),
        topic(topics::SUBMIT_JOURNAL, SLOTS),
        topic(topics::PROVIDER_EVENTS, through),
        Topic { append_time: true, ..topic(topics::PROVIDER_INCOMING_MESSAGE_PARTS, through) },
        topic(topics::PROVIDER_INCOMING_MESSAGES, through),
        topic(topics::CUSTOMER_DELIVERIES, through),
        topic(topics::EDGE_DELIVERIES, times(edges, PARTITIONS_PER_EDGE)),
        topic(topics::MESSAGE_EVENTS, through),
        topic(topics::DEAD_LETTERS, 1),
    ]
}

/// Makes the topics that are not there yet.
///
/// # Errors
/// Kafka does not answer or refuses.
pub async fn create(bootstrap: &str, brokers: usize, wanted: &[Topic]) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
    let (replicas, in_sync) = if brokers >= 3 { (3, "2") } else { (1, "1") };
    let retention = RETENTION_MS.to_string();
    let new: Vec<_> = wanted
        .iter()
        .map(|topic| {
            let time = if topic.append_time { "LogAppendTime" } else { "CreateTime" };
            NewTopic::new(topic.name, topic.partitions, TopicReplication::Fixed(replicas))
                .set("min.insync.replicas", in_sync)
                .set("unclean.leader.election.enable", "false")
                .set("message.timestamp.type", time)
                .set("retention.ms", &retention)
                .set("retention.bytes", "-1")
        })
        .collect();
    let patience = AdminOptions::new()
        .request_timeout(Some(Duration::from_secs(10)))
        .operation_timeout(Some(Duration::from_secs(10)));
    for answer in admin.create_topics(&new, &patience).await.context("topics are not made")? {
        match answer {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => anyhow::bail!("topic {topic} is not made: {code}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parts_carry_the_append_time_and_slots_match_journals() {
        let all = fixed(3, 2);
        let append: Vec<_> = all.iter().filter(|it| it.append_time).map(|it| it.name).collect();
        let parts = ["customer-incoming-message-parts", "provider-incoming-message-parts"];
        assert_eq!(append, parts);
        let partitions = |name| all.iter().find(|it| it.name == name).map(|it| it.partitions);
        assert_eq!(partitions("provider-slots"), partitions("submit-journal"));
        assert_eq!(partitions("customer-deliveries"), Some(6));
        assert_eq!(partitions("edge-deliveries"), Some(8));
    }
}
