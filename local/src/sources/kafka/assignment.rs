//! Which partitions are ours, since when, and how far each is processed: what was read before a
//! partition was taken away and given back must not be retried or committed, and what was processed is
//! committed until Kafka has it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::Share;

/// Number of an assignment of a partition.
pub(super) type Epoch = u64;

/// The consumer's context: it follows the group's assignments. All of it happens on the poller's own
/// thread, within its calls of `poll`.
#[derive(Debug)]
pub(super) struct Assignment {
    ours: Mutex<Ours>,
    share: Share,
}

#[derive(Debug, Default)]
struct Ours {
    changes: Epoch,
    partitions: HashMap<String, HashMap<i32, Held>>,
}

/// A partition of ours; offsets are those of the next record.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    since: Epoch,
    /// Processed up to here.
    done: Option<i64>,
    /// Kafka was asked to keep this.
    asked: Option<i64>,
    /// Kafka said that it has this.
    kept: Option<i64>,
}

impl Assignment {
    /// Nothing is ours yet; `share` is told what is.
    pub(super) fn new(share: Share) -> Self {
        Self { ours: Mutex::default(), share }
    }

    /// Since which assignment a partition is ours, if it is.
    pub(super) fn epoch(&self, topic: &str, partition: i32) -> Option<Epoch> {
        Some(self.ours().partitions.get(topic)?.get(&partition)?.since)
    }

    /// Grows whenever partitions come or go.
    pub(super) fn changes(&self) -> u64 {
        self.ours().changes
    }

    /// Everything before `next` is processed, if the partition is still the one of `since`.
    pub(super) fn done(&self, topic: &str, partition: i32, since: Epoch, next: i64) {
        let mut ours = self.ours();
        let held = ours.partitions.get_mut(topic).and_then(|all| all.get_mut(&partition));
        if let Some(held) = held.filter(|held| held.since == since) {
            held.done = Some(next);
        }
    }

    /// Commits what is processed and was not asked for yet, or asked for in vain.
    pub(super) fn commit(&self, consumer: &BaseConsumer<Self>, mode: CommitMode) {
        let mut offsets = TopicPartitionList::new();
        let last = matches!(mode, CommitMode::Sync);
        for (topic, all) in &mut self.ours().partitions {
            for (partition, held) in all {
                let known = if last { held.kept } else { held.asked };
                if held.done != known {
                    held.asked = held.done;
                    add(&mut offsets, topic, *partition, held.done);
                }
            }
        }
        self.ask(consumer, &offsets, mode);
    }

    /// The successor of a partition shall go on where we ended: the last chance to say so.
    fn hand_over(&self, consumer: &BaseConsumer<Self>, revoked: &TopicPartitionList) {
        let mut offsets = TopicPartitionList::new();
        {
            let mut ours = self.ours();
            ours.changes += 1;
            for element in revoked.elements() {
                let all = ours.partitions.get_mut(element.topic());
                let held = all.and_then(|all| all.remove(&element.partition()));
                if let Some(held) = held.filter(|held| held.done != held.kept) {
                    add(&mut offsets, element.topic(), element.partition(), held.done);
                }
            }
        }
        // Taken from us without asking (the session had ended): Kafka would refuse.
        if !consumer.assignment_lost() {
            self.ask(consumer, &offsets, CommitMode::Sync);
        }
    }

    fn ask(&self, consumer: &BaseConsumer<Self>, offsets: &TopicPartitionList, mode: CommitMode) {
        if offsets.count() == 0 {
            return;
        }
        let asked = consumer.commit(offsets, mode);
        // An asynchronous commit ends in `commit_callback`, if it could be asked for at all.
        if matches!(mode, CommitMode::Sync) || asked.is_err() {
            self.committed(asked, offsets);
        }
    }

    /// How a commit ended.
    fn committed(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let mut ours = self.ours();
        for element in offsets.elements() {
            let all = ours.partitions.get_mut(element.topic());
            let Some(held) = all.and_then(|all| all.get_mut(&element.partition())) else {
                continue;
            };
            let Offset::Offset(offset) = element.offset() else { continue };
            match result.clone().and_then(|()| element.error()) {
                Ok(()) => held.kept = Some(offset),
                Err(error) => {
                    tracing::debug!(event = "commit_failed", %error);
                    if held.asked == Some(offset) {
                        held.asked = held.kept;
                    }
                }
            }
        }
    }

    fn assigned(&self, list: &TopicPartitionList) {
        let mut ours = self.ours();
        ours.changes += 1;
        let held = Held { since: ours.changes, ..Held::default() };
        for element in list.elements() {
            let topic = ours.partitions.entry(element.topic().to_owned()).or_default();
            topic.insert(element.partition(), held);
        }
    }

    fn tell(&self) {
        let count = self.ours().partitions.values().map(HashMap::len).sum();
        self.share.tell(count);
    }

    fn ours(&self) -> MutexGuard<'_, Ours> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(offsets: &mut TopicPartitionList, topic: &str, partition: i32, next: Option<i64>) {
    let Some(next) = next else { return };
    if let Err(error) = offsets.add_partition_offset(topic, partition, Offset::Offset(next)) {
        tracing::warn!(event = "offset_refused", %error);
    }
}

impl ClientContext for Assignment {
    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        tracing::debug!(event = "kafka_trouble", %error, reason);
    }
}

impl ConsumerContext for Assignment {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.assigned(list),
            Rebalance::Revoke(list) => self.hand_over(consumer, list),
            Rebalance::Error(error) => tracing::warn!(event = "rebalance_failed", %error),
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.tell();
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        self.committed(result, offsets);
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::KafkaError;
    use rdkafka::types::RDKafkaErrorCode;

    use super::*;

    fn list(partition: i32, offset: i64) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("t", partition, Offset::Offset(offset)).unwrap();
        list
    }

    fn assigned(partition: i32) -> Assignment {
        let assignment =
            Assignment::new(Share { poller: 0, shares: tokio::sync::watch::Sender::default() });
        assignment.assigned(&list(partition, 0));
        assignment
    }

    fn held(assignment: &Assignment) -> Held {
        assignment.ours().partitions["t"][&3]
    }

    #[test]
    fn what_was_read_before_a_partition_came_back_is_not_done_now() {
        let assignment = assigned(3);
        let before = assignment.epoch("t", 3).unwrap();
        assignment.assigned(&list(3, 0));
        assignment.done("t", 3, before, 9);
        assert_eq!(held(&assignment).done, None);
        assignment.done("t", 3, assignment.epoch("t", 3).unwrap(), 7);
        assert_eq!(held(&assignment).done, Some(7));
    }

    #[test]
    fn a_commit_that_failed_is_asked_for_again_unless_a_later_one_is_under_way() {
        let assignment = assigned(3);
        let failed = || Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::StaleMemberEpoch));
        assignment.done("t", 3, 1, 7);
        let ask = |offset| {
            let mut ours = assignment.ours();
            ours.partitions.get_mut("t").unwrap().get_mut(&3).unwrap().asked = Some(offset);
        };
        ask(7);
        assignment.committed(failed(), &list(3, 7));
        assert_eq!(held(&assignment).asked, None);
        ask(8);
        assignment.committed(failed(), &list(3, 7));
        assert_eq!(held(&assignment).asked, Some(8));
        assignment.committed(Ok(()), &list(3, 8));
        assert_eq!(held(&assignment).kept, Some(8));
    }
}
