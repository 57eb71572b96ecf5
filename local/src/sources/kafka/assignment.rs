//! Which partitions are ours, and since when: what was read before a partition was taken away and given
//! back must not be retried or committed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaResult;

/// Number of an assignment of a partition.
pub(super) type Epoch = u64;

/// The consumer's context: it follows the group's assignments.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    ours: Mutex<Ours>,
}

#[derive(Debug, Default)]
struct Ours {
    last: Epoch,
    partitions: HashMap<String, HashMap<i32, Epoch>>,
}

impl Assignment {
    /// Since which assignment a partition is ours, if it is.
    pub(super) fn epoch(&self, topic: &str, partition: i32) -> Option<Epoch> {
        self.ours().partitions.get(topic)?.get(&partition).copied()
    }

    fn ours(&self) -> MutexGuard<'_, Ours> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Assignment {
    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        tracing::debug!(event = "kafka_trouble", %error, reason);
    }
}

impl ConsumerContext for Assignment {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let mut ours = self.ours();
        match rebalance {
            Rebalance::Assign(list) => {
                for element in list.elements() {
                    ours.last += 1;
                    let epoch = ours.last;
                    let topic = ours.partitions.entry(element.topic().to_owned()).or_default();
                    topic.insert(element.partition(), epoch);
                }
            }
            Rebalance::Revoke(list) => {
                for element in list.elements() {
                    if let Some(topic) = ours.partitions.get_mut(element.topic()) {
                        topic.remove(&element.partition());
                    }
                }
            }
            Rebalance::Error(error) => tracing::warn!(event = "rebalance_failed", %error),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            // What was not committed comes again.
            tracing::debug!(event = "commit_failed", %error);
        }
    }
}
