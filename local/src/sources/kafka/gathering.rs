//! A batch while it is gathered: what still fits, and since when the partition of each of its lanes is
//! ours. Pure.

use rdkafka::Timestamp;
use rdkafka::message::Headers as _;

use super::assignment::Epoch;
use super::batch::{Batch, Record, octets_max};
use crate::runtime::PAYLOAD_MAX;

/// Octets of an event around its records.
const ENVELOPE_MAX: usize = 1024;

/// What one invocation is to get. All of it was read under one assignment.
#[derive(Debug)]
pub(super) struct Gathering {
    size: usize,
    batch: Batch,
    since: Vec<Option<Epoch>>,
}

impl Gathering {
    /// For so many records.
    pub(super) fn new(size: usize) -> Self {
        Self { size, batch: Batch::default(), since: Vec::new() }
    }

    /// No further record fits.
    pub(super) fn is_full(&self) -> bool {
        self.batch.len() >= self.size
    }

    /// What is in it.
    pub(super) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// What was in it.
    pub(super) fn into_batch(self) -> Batch {
        self.batch
    }

    /// Since when the partition of a lane is ours.
    pub(super) fn since(&self, lane: usize) -> Option<Epoch> {
        self.since.get(lane).copied().flatten()
    }

    /// Adds a record unless it is full or the event would be too large with it. One that is too large
    /// alone goes alone. `since` is asked for the first record of a partition.
    pub(super) fn add(
        &mut self,
        message: &impl rdkafka::Message,
        since: impl FnOnce() -> Option<Epoch>,
    ) -> bool {
        let record = record(message);
        let headers = || {
            let headers = message.headers().into_iter().flat_map(|it| it.iter());
            headers.map(|it| (it.key, it.value.unwrap_or_default()))
        };
        let room = PAYLOAD_MAX.saturating_sub(self.batch.octets() + ENVELOPE_MAX);
        let fits = self.batch.is_empty() || octets_max(&record, headers()) <= room;
        if self.is_full() || !fits {
            return false;
        }
        self.batch.push(&record, headers());
        if self.batch.lanes().len() > self.since.len() {
            self.since.push(since());
        }
        true
    }
}

fn record(message: &impl rdkafka::Message) -> Record<'_> {
    let (timestamp_ms, append_time) = match message.timestamp() {
        Timestamp::NotAvailable => (0, false),
        Timestamp::CreateTime(time) => (time, false),
        Timestamp::LogAppendTime(time) => (time, true),
    };
    Record {
        topic: message.topic(),
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms,
        append_time,
        key: message.key(),
        value: message.payload(),
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::message::OwnedMessage;

    use super::*;

    fn message(partition: i32, offset: i64, octets: usize) -> OwnedMessage {
        let value = Some(vec![b'x'; octets]);
        OwnedMessage::new(value, None, "t".into(), Timestamp::NotAvailable, partition, offset, None)
    }

    #[test]
    fn a_batch_ends_at_its_size_and_before_the_payload_limit() {
        let mut by_size = Gathering::new(2);
        assert!(by_size.add(&message(0, 0, 1), || Some(1)));
        assert!(by_size.add(&message(0, 1, 1), || Some(1)));
        assert!(!by_size.add(&message(0, 2, 1), || Some(1)));
        let mut by_octets = Gathering::new(100);
        let added = (0..100).take_while(|it| by_octets.add(&message(0, *it, 1 << 20), || Some(1)));
        // Base64 makes 1.4 MB of each MB.
        assert_eq!(added.count(), 4);
        assert!(!by_octets.is_full());
    }

    #[test]
    fn a_record_that_is_too_large_alone_goes_alone() {
        let mut gathering = Gathering::new(100);
        assert!(gathering.add(&message(0, 0, PAYLOAD_MAX), || Some(1)));
        assert!(!gathering.add(&message(0, 1, 1), || Some(1)));
    }

    #[test]
    fn each_lane_knows_since_when_it_is_ours() {
        let mut gathering = Gathering::new(100);
        for (partition, since) in [(4, Some(7)), (2, None), (4, Some(9))] {
            assert!(gathering.add(&message(partition, 0, 1), || since));
        }
        assert_eq!([0, 1, 2].map(|lane| gathering.since(lane)), [Some(7), None, None]);
    }
}
