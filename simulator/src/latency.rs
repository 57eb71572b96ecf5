//! Durations in microseconds, counted exactly to three digits up to an hour.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// An hour: what takes longer counts as an hour.
const HIGHEST_US: u64 = 3_600_000_000;

#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

/// What a report says; all times in milliseconds, 0 where nothing was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub count: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, HIGHEST_US, 3);
        Self(histogram.expect("constant bounds, of which the highest is twice the lowest"))
    }
}

impl Latencies {
    pub fn record(&mut self, us: u64) {
        self.0.saturating_record(us);
    }

    pub fn add(&mut self, other: &Self) {
        // Fails only for other bounds, and all have the same.
        let _same_bounds = self.0.add(&other.0);
    }

    pub fn percentiles(&self) -> Percentiles {
        if self.0.is_empty() {
            return Percentiles::default();
        }
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e3;
        Percentiles {
            count: self.0.len(),
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: self.0.max() as f64 / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_two_that_were_joined_are_those_of_all() {
        let (mut low, mut high) = (Latencies::default(), Latencies::default());
        (1..=50).for_each(|ms| low.record(ms * 1_000));
        (51..=100).for_each(|ms| high.record(ms * 1_000));
        low.add(&high);
        let Percentiles { count, p50_ms, p99_ms, max_ms, .. } = low.percentiles();
        assert_eq!(count, 100);
        for (value, expected) in [(p50_ms, 50.0), (p99_ms, 99.0), (max_ms, 100.0)] {
            assert!((value - expected).abs() < 0.1, "{value} instead of {expected}");
        }
    }

    #[test]
    fn what_takes_longer_than_an_hour_counts_as_an_hour() {
        let mut latencies = Latencies::default();
        latencies.record(u64::MAX);
        assert!((latencies.percentiles().max_ms - 3.6e6).abs() < 1e4);
    }
}
