//! The measurements. Each starts the gateway that it needs, gives readings of its figures and stops
//! everything; one that fails fails its own figures only.

mod back;
mod crowd;
mod edge;
mod resting;
mod through;

use super::running::Setting;

/// Values by the names of their figures, from one run.
pub type Reading = Vec<(&'static str, f64)>;

/// A measurement.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// What it tells.
    pub figures: &'static [&'static str],
    /// Makes it, once for each run.
    pub measure: fn(&Setting) -> anyhow::Result<Vec<Reading>>,
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        figures: &["accepted_per_s_1x10"],
        measure: |setting| edge::accepted(setting, "accepted_per_s_1x10", 1, 10),
    },
    Scenario {
        figures: &["accepted_per_s_4x50"],
        measure: |setting| edge::accepted(setting, "accepted_per_s_4x50", 4, 50),
    },
    Scenario {
        figures: &["accepted_per_s_16x100"],
        measure: |setting| edge::accepted(setting, "accepted_per_s_16x100", 16, 100),
    },
    Scenario {
        figures: &["submit_resp_p50_ms_10k", "submit_resp_p99_ms_10k"],
        measure: edge::answered,
    },
    Scenario { figures: &["slow_sockets_p99_rise_pct"], measure: edge::among_slow_sockets },
    Scenario {
        figures: &[
            "arrived_per_s",
            "cpu_us_per_message",
            "edge_cpu_us_per_message",
            "assemble_cpu_us_per_message",
            "route_cpu_us_per_message",
            "sender_cpu_us_per_message",
            "local_cpu_us_per_message",
            "kafka_cpu_us_per_message",
            "store_cpu_us_per_message",
            "simulator_cpu_us_per_message",
        ],
        measure: through::arrived,
    },
    Scenario { figures: &["arrived_multipart_per_s"], measure: through::arrived_multipart },
    Scenario {
        figures: &["end_to_end_p50_ms_1k", "end_to_end_p99_ms_1k"],
        measure: through::end_to_end,
    },
    Scenario { figures: &["pacing_over_pct", "pacing_under_pct"], measure: through::paced },
    Scenario {
        figures: &[
            "receipts_per_s",
            "receipts_per_s_without_store",
            "cpu_us_per_message_with_receipt",
            "table_writes_per_message",
        ],
        measure: back::receipts,
    },
    Scenario {
        figures: &["receipt_latency_p50_ms_1k", "receipt_latency_p99_ms_1k"],
        measure: back::receipt_latency,
    },
    Scenario { figures: &["mo_per_s"], measure: back::from_handsets },
    Scenario { figures: &["mailbox_drain_per_s"], measure: back::mailbox },
    Scenario { figures: &["route_lookup_ns_100k"], measure: resting::route_lookup },
    Scenario { figures: &["tls_bind_kib"], measure: resting::tls_bind },
    Scenario { figures: &["start_to_first_arrival_s"], measure: resting::start },
    Scenario { figures: &["idle_rss_mb", "idle_cpu_pct"], measure: resting::idle },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::figures::FIGURES;
    use super::*;

    #[test]
    fn every_figure_is_measured_by_exactly_one_scenario() {
        let measured: Vec<_> = SCENARIOS.iter().flat_map(|it| it.figures).copied().collect();
        let once: BTreeSet<_> = measured.iter().copied().collect();
        assert_eq!(once.len(), measured.len());
        let all: BTreeSet<_> = FIGURES.iter().map(|figure| figure.name).collect();
        assert_eq!(once, all);
    }
}
