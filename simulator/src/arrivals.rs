//! What arrived at the SMSC: how often each part of each message, in what order, how late, how
//! many within a second. Pure; its owner says what time it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    check::Key,
    latency::{Latencies, Percentiles},
    number::Numbered,
};

/// Numbers from here on are not counted: the memory for them would be a mistake's, not a load's.
const NUMBERS_MAX: u64 = 1 << 28;
/// The load's connections that are told apart for the check of order.
const CONNECTIONS_MAX: usize = 1 << 12;
const PRIORITIES: usize = 4;

/// Arrivals of one run of the load.
#[derive(Debug, Default)]
pub struct Run {
    /// For each part from 1 on, how often each number arrived (255: that often or more).
    counts: Vec<Vec<u8>>,
    total: u64,
    beyond_counting: u64,
    first_us: Option<u64>,
    last_us: u64,
    latencies: Latencies,
}

/// For the check of order: the last number per connection and priority of the load, on one bind.
#[derive(Debug, Default)]
pub struct Order {
    last: Vec<Option<u64>>,
    pub violations: u64,
}

/// Parts that arrived equally often, `from` and `to` included; what is not named did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub from: u64,
    pub to: u64,
    pub times: u8,
}

/// The arrivals of one run, as the control port gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunArrivals {
    pub run: u32,
    /// For each part from 1 on.
    pub parts: Vec<Vec<Range>>,
}

/// A run in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    pub run: u32,
    /// Arrivals, copies included.
    pub arrivals: u64,
    /// Parts that arrived at least once.
    pub distinct: u64,
    /// Parts that arrived more than once.
    pub doubled: u64,
    /// With numbers too large to be counted.
    pub beyond_counting: u64,
    /// Microseconds since 1970; 0 before the first.
    pub first_us: u64,
    pub last_us: u64,
    /// Arrivals per second from first to last.
    pub mean_per_s: f64,
    /// From written by the load to read here.
    pub latency: Percentiles,
}

impl Run {
    /// Whether it came for the first time, as far as it is counted.
    pub fn arrived(&mut self, numbered: &Numbered, at_us: u64) -> bool {
        self.total += 1;
        self.first_us.get_or_insert(at_us);
        self.last_us = self.last_us.max(at_us);
        self.latencies.record(at_us.saturating_sub(numbered.sent_us));
        if numbered.number >= NUMBERS_MAX {
            self.beyond_counting += 1;
            return true;
        }
        let part = usize::from(numbered.part.max(1)) - 1;
        if self.counts.len() <= part {
            self.counts.resize(part + 1, Vec::new());
        }
        let (counts, number) = (&mut self.counts[part], numbered.number as usize);
        if counts.len() <= number {
            counts.resize(number + 1, 0);
        }
        counts[number] = counts[number].saturating_add(1);
        counts[number] == 1
    }

    pub fn ranges(&self, run: u32) -> RunArrivals {
        RunArrivals { run, parts: self.counts.iter().map(|counts| ranges(counts)).collect() }
    }

    pub fn summary(&self, run: u32) -> RunSummary {
        let first_us = self.first_us.unwrap_or(0);
        let span_us = self.last_us.saturating_sub(first_us);
        let counted = |least| self.counts.iter().flatten().filter(|n| **n >= least).count() as u64;
        let between = self.total.saturating_sub(1) as f64;
        RunSummary {
            run,
            arrivals: self.total,
            distinct: counted(1),
            doubled: counted(2),
            beyond_counting: self.beyond_counting,
            first_us,
            last_us: self.last_us,
            mean_per_s: if span_us == 0 { 0.0 } else { between * 1e6 / span_us as f64 },
            latency: self.latencies.percentiles(),
        }
    }
}

impl Order {
    /// Notes the arrival of a message's first part; a smaller number than before is a violation.
    pub fn arrived(&mut self, numbered: &Numbered) {
        let (connection, priority) = (usize::from(numbered.connection), numbered.priority);
        if numbered.part != 1 || connection >= CONNECTIONS_MAX {
            return;
        }
        let place = connection * PRIORITIES + usize::from(priority) % PRIORITIES;
        if self.last.len() <= place {
            self.last.resize(place + 1, None);
        }
        let last = self.last[place].replace(numbered.number);
        self.violations += u64::from(last.is_some_and(|last| numbered.number < last));
    }
}

impl RunArrivals {
    /// How often each part arrived, for [`crate::check`].
    pub fn counts(&self) -> BTreeMap<Key, u32> {
        let mut counts = BTreeMap::new();
        for (ranges, part) in self.parts.iter().zip(1..) {
            for range in ranges {
                counts.extend(
                    (range.from..=range.to).map(|number| ((number, part), range.times.into())),
                );
            }
        }
        counts
    }

    /// Of messages 0 to `expected` - 1 with as many parts as any had: the parts that did not come.
    pub fn missing(&self, expected: u64) -> Vec<(u8, u64, u64)> {
        let mut missing = Vec::new();
        for (ranges, part) in self.parts.iter().zip(1..) {
            let mut next = 0;
            for range in ranges.iter().filter(|range| range.from < expected) {
                if range.from > next {
                    missing.push((part, next, range.from - 1));
                }
                next = range.to + 1;
            }
            if next < expected {
                missing.push((part, next, expected - 1));
            }
        }
        missing
    }

    /// Numbers and parts that arrived more than once.
    pub fn doubled(&self) -> BTreeSet<Key> {
        let counts = self.counts();
        counts.into_iter().filter(|(_, times)| *times > 1).map(|(key, _)| key).collect()
    }
}

pub(crate) fn ranges(counts: &[u8]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for (number, times) in (0u64..).zip(counts).filter(|(_, times)| **times > 0) {
        match ranges.last_mut() {
            Some(last) if last.times == *times && last.to + 1 == number => last.to = number,
            _ => ranges.push(Range { from: number, to: number, times: *times }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: u64, part: u8) -> Numbered {
        let (run, parts, sent_us) = (1, part.max(2), 1_000);
        Numbered { run, number, part, parts, sent_us, connection: 0, priority: 1 }
    }

    fn run_of(keys: &[Key]) -> Run {
        let mut run = Run::default();
        for (at_us, (number, part)) in (2_000..).step_by(1_000).zip(keys) {
            run.arrived(&numbered(*number, *part), at_us);
        }
        run
    }

    #[test]
    fn arrivals_are_told_as_ranges_and_read_back() {
        let keys = [(0, 1), (1, 1), (2, 1), (2, 1), (5, 1), (1, 2)];
        let arrivals = run_of(&keys).ranges(1);
        let range = |from, to, times| Range { from, to, times };
        assert_eq!(
            arrivals.parts,
            [vec![range(0, 1, 1), range(2, 2, 2), range(5, 5, 1)], vec![range(1, 1, 1)]]
        );
        let text = serde_json::to_string(&arrivals).unwrap();
        let read: RunArrivals = serde_json::from_str(&text).unwrap();
        let expected =
            BTreeMap::from([((0, 1), 1), ((1, 1), 1), ((2, 1), 2), ((5, 1), 1), ((1, 2), 1)]);
        assert_eq!(read.counts(), expected);
    }

    #[test]
    fn what_is_missing_or_doubled_of_an_expected_count_is_named() {
        let arrivals = run_of(&[(1, 1), (2, 1), (2, 1), (5, 1), (9, 1)]).ranges(1);
        assert_eq!(arrivals.missing(8), [(1, 0, 0), (1, 3, 4), (1, 6, 7)]);
        assert_eq!(arrivals.doubled(), BTreeSet::from([(2, 1)]));
        assert_eq!(run_of(&[(0, 1), (1, 1)]).ranges(1).missing(2), []);
    }

    #[test]
    fn a_summary_counts_copies_apart_and_measures_the_way() {
        let summary = run_of(&[(0, 1), (1, 1), (1, 1), (0, 2)]).summary(7);
        assert_eq!((summary.run, summary.arrivals), (7, 4));
        assert_eq!((summary.distinct, summary.doubled), (3, 1));
        assert_eq!((summary.first_us, summary.last_us), (2_000, 5_000));
        assert!((summary.mean_per_s - 1_000.0).abs() < 1e-9);
        assert!((summary.latency.max_ms - 4.0).abs() < 0.01);
    }

    #[test]
    fn a_number_that_is_too_large_takes_no_memory() {
        let run = run_of(&[(u64::MAX, 1), (NUMBERS_MAX, 1)]);
        assert_eq!(run.summary(1).beyond_counting, 2);
        assert!(run.counts.is_empty());
    }

    #[test]
    fn order_is_checked_per_connection_and_priority() {
        let mut order = Order::default();
        let arrive = |order: &mut Order, number, connection, priority| {
            order.arrived(&Numbered { connection, priority, ..numbered(number, 1) });
        };
        arrive(&mut order, 10, 0, 1);
        arrive(&mut order, 5, 1, 1);
        arrive(&mut order, 6, 0, 2);
        arrive(&mut order, 11, 0, 1);
        assert_eq!(order.violations, 0);
        arrive(&mut order, 9, 0, 1);
        assert_eq!(order.violations, 1);
        // Parts other than the first come in whatever order.
        order.arrived(&numbered(1, 2));
        assert_eq!(order.violations, 1);
    }
}
