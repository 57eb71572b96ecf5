//! The worst second: how many arrivals the busiest sliding window of one second held.

use std::collections::VecDeque;

const SECOND_US: u64 = 1_000_000;

/// Arrivals of the last second, and the most that any second held. Exact: every second that begins
/// with an arrival is looked at, and the busiest one begins with an arrival.
#[derive(Debug, Default, Clone)]
pub struct WorstSecond {
    recent: VecDeque<u64>,
    worst: usize,
    count: u64,
    first_us: Option<u64>,
    last_us: u64,
}

impl WorstSecond {
    /// Notes one arrival. A time before the last one (two sockets, one clock) counts as the last.
    pub fn arrived(&mut self, at_us: u64) {
        let at_us = at_us.max(self.last_us);
        self.first_us.get_or_insert(at_us);
        self.last_us = at_us;
        self.count += 1;
        while self.recent.front().is_some_and(|first| at_us - first >= SECOND_US) {
            self.recent.pop_front();
        }
        self.recent.push_back(at_us);
        self.worst = self.worst.max(self.recent.len());
    }

    /// No more will arrive: gives the memory of the last second back. Counts stay.
    pub fn forget_recent(&mut self) {
        self.recent = VecDeque::new();
    }

    pub const fn worst(&self) -> usize {
        self.worst
    }

    pub const fn count(&self) -> u64 {
        self.count
    }

    pub const fn first_us(&self) -> Option<u64> {
        self.first_us
    }

    pub const fn last_us(&self) -> Option<u64> {
        match self.first_us {
            Some(_) => Some(self.last_us),
            None => None,
        }
    }

    /// Arrivals per second from the first to the last; 0 for fewer than two.
    pub fn mean_per_s(&self) -> f64 {
        let span_us = self.first_us.map_or(0, |first| self.last_us - first);
        if span_us == 0 { 0.0 } else { (self.count - 1) as f64 * 1e6 / span_us as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl IntoIterator<Item = u64>) -> WorstSecond {
        let mut rate = WorstSecond::default();
        times.into_iter().for_each(|at| rate.arrived(at));
        rate
    }

    #[test]
    fn an_even_flow_has_its_rate_as_worst_second_and_mean() {
        let rate = of((0..10_000).map(|index| index * 1_000));
        assert_eq!(rate.worst(), 1_000);
        assert!((rate.mean_per_s() - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn a_burst_across_the_border_of_two_seconds_is_seen_whole() {
        let burst = (0..50).map(|index| 980_000 + index * 800);
        let rate = of((0..9).map(|index| index * 100_000).chain(burst));
        assert_eq!(rate.worst(), 50 + 9 - 1, "the arrival at 0 is a second older than the last");
    }

    #[test]
    fn memory_holds_one_second_only() {
        let rate = of((0..100_000).map(|index| index * 10_000));
        assert_eq!(rate.recent.len(), 100);
    }

    #[test]
    fn nothing_or_one_arrival_has_no_rate() {
        assert!(of([]).mean_per_s() == 0.0 && of([5]).mean_per_s() == 0.0);
        assert_eq!((of([]).last_us(), of([5]).last_us()), (None, Some(5)));
    }
}
