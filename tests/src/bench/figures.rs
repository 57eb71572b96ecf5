//! The figures: name, unit, which way is better, and the goal.

use serde::{Deserialize, Serialize};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// Its name, in results and tables for ever.
    pub name: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
    /// What is to be reached; none: it is watched only.
    pub goal: Option<f64>,
}

/// All of them, in the order in which they are told.
pub const FIGURES: &[Figure] = &[
    at_least("accepted_per_s_1x10", "1/s", 15_000.0),
    at_least("accepted_per_s_4x50", "1/s", 60_000.0),
    at_least("accepted_per_s_16x100", "1/s", 150_000.0),
    at_most("submit_resp_p50_ms_10k", "ms", 1.0),
    at_most("submit_resp_p99_ms_10k", "ms", 10.0),
    at_most("slow_sockets_p99_rise_pct", "%", 10.0),
    at_least("arrived_per_s", "1/s", 50_000.0),
    at_least("arrived_multipart_per_s", "parts/s", 20_000.0),
    at_most("end_to_end_p50_ms_1k", "ms", 15.0),
    at_most("end_to_end_p99_ms_1k", "ms", 60.0),
    at_most("cpu_us_per_message", "us", 25.0),
    watched("edge_cpu_us_per_message", "us"),
    watched("assemble_cpu_us_per_message", "us"),
    watched("route_cpu_us_per_message", "us"),
    watched("sender_cpu_us_per_message", "us"),
    watched("local_cpu_us_per_message", "us"),
    watched("kafka_cpu_us_per_message", "us"),
    watched("store_cpu_us_per_message", "us"),
    watched("simulator_cpu_us_per_message", "us"),
    at_most("pacing_over_pct", "%", 1.0),
    at_most("pacing_under_pct", "%", 3.0),
    at_least("receipts_per_s", "1/s", 4_000.0),
    at_least("receipts_per_s_without_store", "1/s", 8_000.0),
    at_most("receipt_latency_p50_ms_1k", "ms", 30.0),
    at_most("receipt_latency_p99_ms_1k", "ms", 150.0),
    at_least("mo_per_s", "1/s", 10_000.0),
    at_most("cpu_us_per_message_with_receipt", "us", 90.0),
    at_most("table_writes_per_message", "", 4.0),
    at_least("mailbox_drain_per_s", "1/s", 3_000.0),
    at_most("route_lookup_ns_100k", "ns", 500.0),
    at_most("tls_bind_kib", "KiB", 32.0),
    at_most("start_to_first_arrival_s", "s", 6.0),
    at_most("idle_rss_mb", "MB", 450.0),
    at_most("idle_cpu_pct", "%", 5.0),
];

/// The figure of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.name == name)
}

impl Figure {
    /// Whether a value reaches the goal; none without one.
    #[must_use]
    pub fn is_met_by(&self, value: f64) -> Option<bool> {
        self.goal.map(|goal| match self.better {
            Better::Higher => value >= goal,
            Better::Lower => value <= goal,
        })
    }
}

const fn at_least(name: &'static str, unit: &'static str, goal: f64) -> Figure {
    Figure { name, unit, better: Better::Higher, goal: Some(goal) }
}

const fn at_most(name: &'static str, unit: &'static str, goal: f64) -> Figure {
    Figure { name, unit, better: Better::Lower, goal: Some(goal) }
}

const fn watched(name: &'static str, unit: &'static str) -> Figure {
    Figure { name, unit, better: Better::Lower, goal: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_from_its_own_side() {
        let (rate, latency) = (at_least("r", "1/s", 100.0), at_most("l", "ms", 10.0));
        assert_eq!((rate.is_met_by(100.0), rate.is_met_by(99.9)), (Some(true), Some(false)));
        assert_eq!((latency.is_met_by(10.0), latency.is_met_by(10.1)), (Some(true), Some(false)));
        assert_eq!(watched("w", "us").is_met_by(1.0), None);
    }

    #[test]
    fn no_name_is_given_twice() {
        let names: std::collections::BTreeSet<_> = FIGURES.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), FIGURES.len());
    }
}
