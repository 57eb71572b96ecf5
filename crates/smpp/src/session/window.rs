//! Requests of ours that wait for an answer, and the sequence numbers that they go by.

use std::{collections::VecDeque, time::Instant};

/// The largest sequence number (SMPP 3.4 §3.2.1.4).
pub const SEQUENCE_MAX: u32 = 0x7fff_ffff;

/// Hands out sequence numbers: 1 to 0x7FFFFFFF, then 1 again.
#[derive(Debug)]
pub(super) struct Sequence(u32);

impl Sequence {
    pub(super) const fn new() -> Self {
        Self(1)
    }

    #[cfg(test)]
    pub(super) const fn starting_at(first: u32) -> Self {
        Self(first)
    }

    pub(super) const fn take(&mut self) -> u32 {
        let sequence = self.0;
        self.0 = if sequence >= SEQUENCE_MAX { 1 } else { sequence + 1 };
        sequence
    }
}

/// At most `capacity` open requests, in the order they were sent, each with the caller's token.
/// Answers come in any order; memory is bounded by the capacity, not by the traffic.
#[derive(Debug)]
pub(super) struct Window {
    /// In the order of sequence numbers, modulo wrap; answered ones leave gaps until they are at
    /// the front or too many.
    entries: VecDeque<Entry>,
    open: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Entry {
    sequence: u32,
    deadline: Instant,
    /// `None`: answered.
    token: Option<u64>,
}

impl Window {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), open: 0, capacity }
    }

    pub(super) const fn room(&self) -> usize {
        self.capacity.saturating_sub(self.open)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Sequence numbers and deadlines come in rising order.
    pub(super) fn insert(&mut self, sequence: u32, deadline: Instant, token: u64) {
        self.entries.push_back(Entry { sequence, deadline, token: Some(token) });
        self.open += 1;
    }

    /// The token of the request that this answers; `None` if there is none.
    pub(super) fn take(&mut self, sequence: u32) -> Option<u64> {
        let first = self.entries.front()?.sequence;
        let place = distance(first, sequence);
        let index = self.entries.binary_search_by_key(&place, |e| distance(first, e.sequence));
        let entry = self.entries.get_mut(index.ok()?)?;
        // A number outside 1 to 0x7FFFFFFF may have the same distance; it answers nothing.
        let token = if entry.sequence == sequence { entry.token.take()? } else { return None };
        self.open -= 1;
        self.tidy();
        Some(token)
    }

    /// The token of the oldest request if its deadline has passed.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<u64> {
        let oldest = self.entries.front().filter(|entry| entry.deadline <= now)?;
        self.take(oldest.sequence)
    }

    /// The oldest request's deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.deadline)
    }

    /// Every open request's token, oldest first; the window is empty then.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = u64> {
        self.open = 0;
        std::mem::take(&mut self.entries).into_iter().filter_map(|entry| entry.token)
    }

    /// Keeps an open request at the front, and gaps fewer than open requests (amortised constant).
    fn tidy(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.token.is_none()) {
            self.entries.pop_front();
        }
        if self.entries.len() > 2 * self.open + 32 {
            self.entries.retain(|entry| entry.token.is_some());
        }
    }
}

const fn distance(from: u32, to: u32) -> u32 {
    let to = if to < from { to as u64 + SEQUENCE_MAX as u64 } else { to as u64 };
    (to - from as u64) as u32
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sequence_numbers_wrap_from_the_largest_to_one() {
        let mut sequence = Sequence::starting_at(SEQUENCE_MAX - 1);
        let taken = [sequence.take(), sequence.take(), sequence.take()];
        assert_eq!(taken, [SEQUENCE_MAX - 1, SEQUENCE_MAX, 1]);
    }

    #[test]
    fn an_answer_numbered_0_or_above_the_largest_answers_nothing() {
        let now = Instant::now();
        let mut window = Window::new(3);
        for sequence in [SEQUENCE_MAX - 1, SEQUENCE_MAX, 1] {
            window.insert(sequence, now, u64::from(sequence));
        }
        for sequence in [0, 1 << 31, u32::MAX] {
            assert_eq!(window.take(sequence), None);
        }
        assert_eq!(window.room(), 0);
    }

    #[test]
    fn one_request_that_is_never_answered_does_not_make_memory_grow() {
        let now = Instant::now();
        let mut window = Window::new(10);
        window.insert(1, now, 1);
        for sequence in 2..10_000 {
            window.insert(sequence, now, 2);
            assert_eq!(window.take(sequence), Some(2));
            assert!(window.entries.len() < 64);
        }
        assert_eq!(window.take(1), Some(1));
        assert!(window.is_empty() && window.entries.is_empty());
    }

    proptest! {
        #[test]
        fn a_window_does_what_a_map_does(
            first in prop_oneof![Just(1u32), SEQUENCE_MAX - 20..=SEQUENCE_MAX],
            steps in prop::collection::vec((0u8..4, any::<u32>()), 1..200),
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut sequence = Sequence::starting_at(first);
            let mut window = Window::new(8);
            // Reference: send order -> (sequence, deadline).
            let mut model = BTreeMap::new();
            let mut count = 0;
            for (step, choice) in steps {
                prop_assert_eq!(window.room(), 8 - model.len());
                match step {
                    0 | 1 if window.room() > 0 => {
                        count += 1;
                        let next = sequence.take();
                        window.insert(next, now + Duration::from_secs(5), count);
                        model.insert(count, (next, now + Duration::from_secs(5)));
                    }
                    2 => {
                        let near = u64::from(choice % 12) + count.saturating_sub(10);
                        let expected = model.remove(&near);
                        let asked = expected.map_or(choice & SEQUENCE_MAX, |(sequence, _)| sequence);
                        let other = model.iter().find(|(_, v)| v.0 == asked).map(|(k, _)| *k);
                        if let Some(other) = other { model.remove(&other); }
                        let wanted = expected.map(|_| near).or(other);
                        prop_assert_eq!(window.take(asked), wanted);
                    }
                    _ => {
                        now += Duration::from_millis(u64::from(choice % 3000));
                        let overdue = model.iter().next().filter(|(_, v)| v.1 <= now).map(|(k, _)| *k);
                        prop_assert_eq!(window.take_overdue(now), overdue);
                        if let Some(key) = overdue { model.remove(&key); }
                    }
                }
                prop_assert_eq!(window.deadline(), model.values().next().map(|v| v.1));
            }
            let left: Vec<u64> = window.take_all().collect();
            prop_assert_eq!(left, model.into_keys().collect::<Vec<_>>());
        }
    }
}
