//! Test options: what AWS may do to a batch and rarely does. Reproducible from one seed.

use super::batch::Selection;

/// Probabilities per batch, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Odds {
    /// A batch that succeeded is delivered again, at once or after the next one.
    pub redeliver: f64,
    /// Two runs of one batch at the same time.
    pub overlap: f64,
    /// A batch is cut into two to four.
    pub split: f64,
}

/// The dice of one poller.
#[derive(Debug)]
pub struct Chaos {
    odds: Odds,
    dice: fastrand::Rng,
}

/// When a batch that succeeded comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redelivery {
    /// Never.
    No,
    /// At once.
    Now,
    /// After the next batch.
    Later,
}

impl Chaos {
    /// Dice from a seed.
    #[must_use]
    pub fn new(odds: Odds, seed: u64) -> Self {
        Self { odds, dice: fastrand::Rng::with_seed(seed) }
    }

    /// The batch, perhaps in pieces.
    pub fn pieces(&mut self, whole: Selection) -> Vec<Selection> {
        if whole.len() < 2 || !self.throw(self.odds.split) {
            return vec![whole];
        }
        let (mut pieces, mut rest) = (Vec::new(), whole);
        for _ in 0..self.dice.usize(1..=3) {
            if rest.len() < 2 {
                break;
            }
            let (first, second) = rest.split_at(self.dice.usize(1..rest.len()));
            pieces.push(first);
            rest = second;
        }
        pieces.push(rest);
        pieces
    }

    /// Whether the invocation runs twice at the same time.
    pub fn overlap(&mut self) -> bool {
        self.throw(self.odds.overlap)
    }

    /// Whether and when the batch comes again.
    pub fn redelivery(&mut self) -> Redelivery {
        match (self.throw(self.odds.redeliver), self.dice.bool()) {
            (false, _) => Redelivery::No,
            (true, true) => Redelivery::Now,
            (true, false) => Redelivery::Later,
        }
    }

    fn throw(&mut self, odds: f64) -> bool {
        odds > 0.0 && self.dice.f64() < odds
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{Batch, Record};
    use super::*;

    fn batch(records: i64) -> Batch {
        let mut batch = Batch::default();
        for offset in 0..records {
            let (topic, partition, timestamp_ms) = ("t", 0, 0);
            let record = Record {
                topic,
                partition,
                offset,
                timestamp_ms,
                append_time: false,
                key: None,
                value: None,
            };
            batch.push(&record, std::iter::empty());
        }
        batch
    }

    #[test]
    fn pieces_are_never_empty_and_cover_the_batch() {
        let mut chaos = Chaos::new(Odds { split: 1.0, ..Odds::default() }, 7);
        for records in 2..40 {
            let pieces = chaos.pieces(batch(records).all());
            assert!((2..=4).contains(&pieces.len()));
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
            assert_eq!(pieces.iter().map(Selection::len).sum::<usize>(), batch(records).len());
        }
    }

    #[test]
    fn without_odds_nothing_happens_and_with_a_seed_everything_repeats() {
        let mut calm = Chaos::new(Odds::default(), 1);
        assert_eq!(calm.pieces(batch(5).all()).len(), 1);
        assert!(!calm.overlap());
        assert_eq!(calm.redelivery(), Redelivery::No);
        let odds = Odds { redeliver: 0.5, overlap: 0.5, split: 0.5 };
        let run = || {
            let mut chaos = Chaos::new(odds, 42);
            (0..50).map(|_| (chaos.overlap(), chaos.redelivery())).collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
    }
}
