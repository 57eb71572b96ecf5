//! Submits that wait for an answer, found by sequence number without a search.

use std::time::{Duration, Instant};

use smpp::session::SEQUENCE_MAX;

use super::plan::Item;

/// One open submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    pub item: Item,
    /// How often it was refused before.
    pub refusals: u8,
    pub written: Instant,
}

/// A ring in which a submit stands at its sequence number modulo the length. The ring is far longer
/// than the window; a number whose place is still taken by one that got no answer is skipped.
#[derive(Debug)]
pub struct Inflight {
    places: Vec<Option<(u32, Open)>>,
    next: u32,
    open: usize,
    window: usize,
}

impl Inflight {
    /// `window`: at least 1. Sequence number 1 was the bind's.
    pub fn new(window: usize) -> Self {
        Self::starting_at(window, 2)
    }

    fn starting_at(window: usize, next: u32) -> Self {
        let length = (window * 4).next_power_of_two().max(64);
        Self { places: vec![None; length], next, open: 0, window }
    }

    pub const fn room(&self) -> usize {
        self.window.saturating_sub(self.open)
    }

    pub const fn open(&self) -> usize {
        self.open
    }

    /// A sequence number for a request of another kind.
    pub const fn sequence(&mut self) -> u32 {
        let sequence = self.next;
        self.next = if sequence >= SEQUENCE_MAX { 1 } else { sequence + 1 };
        sequence
    }

    /// Takes the next sequence number for `open`. The window has room.
    pub fn insert(&mut self, open: Open) -> u32 {
        loop {
            let sequence = self.sequence();
            let place = self.place(sequence);
            if self.places[place].is_none() {
                self.places[place] = Some((sequence, open));
                self.open += 1;
                return sequence;
            }
        }
    }

    /// The submit that this answers; `None` if there is none.
    pub fn take(&mut self, sequence: u32) -> Option<Open> {
        let place = self.place(sequence);
        let (_, open) = self.places[place].take_if(|(number, _)| *number == sequence)?;
        self.open -= 1;
        Some(open)
    }

    /// Takes all that were written `patience` ago or earlier.
    pub fn take_overdue(&mut self, patience: Duration, now: Instant) -> Vec<Open> {
        self.take_those(|open| now.saturating_duration_since(open.written) >= patience)
    }

    pub fn take_all(&mut self) -> Vec<Open> {
        self.take_those(|_| true)
    }

    fn take_those(&mut self, is_one: impl Fn(&Open) -> bool) -> Vec<Open> {
        let places = self.places.iter_mut();
        let taken: Vec<Open> = places
            .filter_map(|place| place.take_if(|(_, open)| is_one(open)))
            .map(|(_, open)| open)
            .collect();
        self.open -= taken.len();
        taken
    }

    const fn place(&self, sequence: u32) -> usize {
        sequence as usize & (self.places.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(number: u64, written: Instant) -> Open {
        Open { item: Item { number, part: 1, parts: 1 }, refusals: 0, written }
    }

    #[test]
    fn answers_in_any_order_find_their_submit_once() {
        let now = Instant::now();
        let mut inflight = Inflight::new(3);
        let sequences: Vec<u32> = (0..3).map(|n| inflight.insert(open(n, now))).collect();
        assert_eq!((sequences.as_slice(), inflight.room()), ([2, 3, 4].as_slice(), 0));
        assert_eq!(inflight.take(3), Some(open(1, now)));
        assert_eq!(inflight.take(3), None);
        assert_eq!(inflight.take(2 + 64), None, "the same place, another number");
        assert_eq!((inflight.open(), inflight.room()), (2, 1));
    }

    #[test]
    fn a_submit_without_an_answer_is_skipped_and_numbers_wrap() {
        let now = Instant::now();
        let mut inflight = Inflight::starting_at(2, SEQUENCE_MAX - 1);
        assert_eq!(inflight.insert(open(0, now)), SEQUENCE_MAX - 1);
        for number in 1..1_000 {
            let sequence = inflight.insert(open(number, now));
            assert!((1..=SEQUENCE_MAX).contains(&sequence));
            assert_eq!(inflight.take(sequence).unwrap().item.number, number);
        }
        assert_eq!(inflight.take(SEQUENCE_MAX - 1), Some(open(0, now)));
    }

    #[test]
    fn only_overdue_submits_are_given_up() {
        let start = Instant::now();
        let mut inflight = Inflight::new(2);
        inflight.insert(open(0, start));
        inflight.insert(open(1, start + Duration::from_secs(1)));
        let patience = Duration::from_secs(5);
        let overdue = inflight.take_overdue(patience, start + patience);
        assert_eq!(overdue, [open(0, start)]);
        assert_eq!((inflight.open(), inflight.room()), (1, 1));
    }
}
