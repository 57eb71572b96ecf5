//! What a load measures, per connection and then together.

use std::{collections::BTreeMap, time::Instant};

use crate::latency::Latencies;

#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Written, resends included.
    pub submitted: u64,
    pub acknowledged: u64,
    /// Refused for good.
    pub refused: u64,
    /// Sent again after having been refused as too fast.
    pub retried: u64,
    pub unanswered: u64,
    /// Answers, by `command_status`.
    pub statuses: BTreeMap<u32, u64>,
    /// Responses to nothing that was open.
    pub unexpected: u64,
    /// Receipts and messages that came the other way.
    pub deliveries: u64,
    pub connections_lost: u64,
    pub connects_failed: u64,
    /// From written to answered, of what was acknowledged.
    pub latencies: Latencies,
    pub first_written: Option<Instant>,
    pub last_acknowledged: Option<Instant>,
}

impl Stats {
    pub fn submitted(&mut self, now: Instant) {
        self.submitted += 1;
        self.first_written.get_or_insert(now);
    }

    pub fn acknowledged(&mut self, written: Instant, now: Instant) {
        self.acknowledged += 1;
        self.last_acknowledged = Some(now);
        self.latencies.record(now.saturating_duration_since(written).as_micros() as u64);
    }

    /// Adds another connection's.
    pub fn add(&mut self, other: &Self) {
        self.submitted += other.submitted;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.retried += other.retried;
        self.unanswered += other.unanswered;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.unexpected += other.unexpected;
        self.deliveries += other.deliveries;
        self.connections_lost += other.connections_lost;
        self.connects_failed += other.connects_failed;
        self.latencies.add(&other.latencies);
        self.first_written = [self.first_written, other.first_written].into_iter().flatten().min();
        self.last_acknowledged = self.last_acknowledged.max(other.last_acknowledged);
    }

    /// Seconds from the first submit to the last acknowledgement.
    pub fn seconds(&self) -> f64 {
        match (self.first_written, self.last_acknowledged) {
            (Some(first), Some(last)) => last.saturating_duration_since(first).as_secs_f64(),
            _ => 0.0,
        }
    }
}
