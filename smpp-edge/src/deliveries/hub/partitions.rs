//! How far each partition may be committed: up to the first record that is not done with.

use std::collections::BTreeMap;

/// Where a record stands, and in which of our times with its partition it was read: what ends after the
/// partition was away and came back says nothing of the new time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Partition.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
    time: u64,
}

#[derive(Debug, Clone, Default)]
struct Partition {
    time: u64,
    /// Read and not committable yet: done or not.
    read: BTreeMap<i64, bool>,
    /// The offset to commit; none: nothing yet.
    next: Option<i64>,
    /// Until when what is on its way is waited for; it is somebody else's then.
    leaves_ms: Option<u64>,
    /// Read and not done.
    open: usize,
}

/// All partitions of this node.
#[derive(Debug, Clone, Default)]
pub(super) struct Partitions {
    held: BTreeMap<i32, Partition>,
    times: u64,
}

impl Partitions {
    /// Ours from now on.
    pub(super) fn assign(&mut self, partition: i32) {
        self.times += 1;
        self.held.insert(partition, Partition { time: self.times, ..Partition::default() });
    }

    /// Those that are ours and stay so, in their order.
    #[must_use]
    pub(super) fn held(&self) -> Vec<i32> {
        let stays =
            |(number, held): (&i32, &Partition)| held.leaves_ms.is_none().then_some(*number);
        self.held.iter().filter_map(stays).collect()
    }

    /// True if none is ours.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.held.values().all(|partition| partition.leaves_ms.is_some())
    }

    /// A record was read; none: the partition is not ours, or leaves.
    pub(super) fn read(&mut self, partition: i32, offset: i64) -> Option<Place> {
        let held = self.held.get_mut(&partition).filter(|held| held.leaves_ms.is_none())?;
        if held.read.insert(offset, false).is_none() {
            held.open += 1;
        }
        Some(Place { partition, offset, time: held.time })
    }

    /// The record is done with; tells the offset to commit, if it moved.
    pub(super) fn settle(&mut self, place: Place) -> Option<i64> {
        let held = self.held.get_mut(&place.partition).filter(|held| held.time == place.time)?;
        let done = held.read.get_mut(&place.offset).filter(|done| !**done)?;
        *done = true;
        held.open -= 1;
        let before = held.next;
        while let Some(first) = held.read.first_entry().filter(|first| *first.get()) {
            held.next = Some(first.key() + 1);
            first.remove();
        }
        held.next.filter(|_| held.next != before)
    }

    /// The record will not be done with here.
    pub(super) fn drop_record(&mut self, place: Place) {
        if let Some(held) = self.held.get_mut(&place.partition)
            && held.time == place.time
            && held.read.get(&place.offset) == Some(&false)
        {
            held.open -= 1;
        }
    }

    /// It is taken away: from now on nothing new counts, and what is on its way has until `until_ms`.
    pub(super) fn leave(&mut self, partition: i32, until_ms: u64) {
        if let Some(held) = self.held.get_mut(&partition) {
            held.leaves_ms = Some(until_ms);
        }
    }

    /// Partitions that leave and for which nothing is waited for any more, each with the offset to
    /// commit.
    pub(super) fn surrender(&mut self, now_ms: u64) -> Vec<(i32, Option<i64>)> {
        let over = |held: &Partition| {
            held.leaves_ms.is_some_and(|until_ms| held.open == 0 || until_ms <= now_ms)
        };
        let gone: Vec<i32> =
            self.held.iter().filter(|(_, held)| over(held)).map(|(number, _)| *number).collect();
        let next = |number| (number, self.held.remove(&number).and_then(|held| held.next));
        gone.into_iter().map(next).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_done_without_a_gap_is_committed() {
        let mut partitions = Partitions::default();
        partitions.assign(3);
        let places: Vec<_> = (5..9).map(|offset| partitions.read(3, offset).unwrap()).collect();
        assert_eq!(partitions.settle(places[1]), None);
        assert_eq!(partitions.settle(places[0]), Some(7));
        assert_eq!(partitions.settle(places[0]), None, "twice is once");
        assert_eq!(partitions.settle(places[3]), None);
        assert_eq!(partitions.settle(places[2]), Some(9));
        assert_eq!(partitions.read(4, 0), None, "not ours");
    }

    #[test]
    fn what_ends_after_a_partition_came_back_says_nothing_of_its_new_time() {
        let mut partitions = Partitions::default();
        partitions.assign(0);
        let place = partitions.read(0, 1).unwrap();
        partitions.leave(0, 10);
        assert_eq!(partitions.read(0, 2), None, "nothing new while it leaves");
        assert_eq!(partitions.surrender(9), []);
        assert_eq!(partitions.surrender(10), [(0, None)]);
        partitions.assign(0);
        partitions.read(0, 1).unwrap();
        assert_eq!(partitions.settle(place), None);
    }

    #[test]
    fn a_partition_leaves_as_soon_as_what_is_on_its_way_is_answered() {
        let mut partitions = Partitions::default();
        partitions.assign(0);
        let [sent, waiting] = [1, 2].map(|offset| partitions.read(0, offset).unwrap());
        partitions.leave(0, 1_000);
        partitions.drop_record(waiting);
        assert_eq!(partitions.surrender(0), []);
        assert_eq!(partitions.settle(sent), Some(2));
        assert_eq!(partitions.surrender(0), [(0, Some(2))]);
    }
}
