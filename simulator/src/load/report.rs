//! What a load reports at its end: to a person, and as JSON.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use smpp::{CommandStatus, status};

use super::{
    ledger::{Ledger, Receipts},
    stats::Stats,
};
use crate::{
    arrivals::{RunArrivals, RunSummary},
    latency::Percentiles,
};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub run: u32,
    pub connections: u32,
    pub window: usize,
    /// Written, resends included.
    pub submitted: u64,
    pub acknowledged: u64,
    /// From the first submit to the last acknowledgement.
    pub seconds: f64,
    pub acknowledged_per_s: f64,
    /// Written → acknowledged.
    pub submit_resp: Percentiles,
    /// Answers by the name of their status.
    pub statuses: BTreeMap<String, u64>,
    /// Refused for good.
    pub refused: u64,
    pub retried: u64,
    pub unanswered: u64,
    pub unexpected_responses: u64,
    pub deliveries: u64,
    pub connections_lost: u64,
    pub connects_failed: u64,
    /// The deadline ended it: the rest of the plan was not sent, or did not come back.
    pub deadline_reached: bool,
    #[serde(default)]
    pub receipts: Receipts,
    /// Messages from handsets, by run; latencies are from written by the SMSC to read here.
    #[serde(default)]
    pub messages: Vec<RunSummary>,
    #[serde(default)]
    pub message_arrivals: Vec<RunArrivals>,
}

impl Report {
    pub fn of(run: u32, connections: u32, window: usize, stats: &Stats, ledger: &Ledger) -> Self {
        let (messages, message_arrivals) = ledger.messages();
        let seconds = stats.seconds();
        let named = |(code, count): (&u32, &u64)| {
            (status::name(CommandStatus::from(*code)).into_owned(), *count)
        };
        Self {
            run,
            connections,
            window,
            submitted: stats.submitted,
            acknowledged: stats.acknowledged,
            seconds,
            acknowledged_per_s: if seconds > 0.0 {
                stats.acknowledged as f64 / seconds
            } else {
                0.0
            },
            submit_resp: stats.latencies.percentiles(),
            statuses: stats.statuses.iter().map(named).collect(),
            refused: stats.refused,
            retried: stats.retried,
            unanswered: stats.unanswered,
            unexpected_responses: stats.unexpected,
            deliveries: stats.deliveries,
            connections_lost: stats.connections_lost,
            connects_failed: stats.connects_failed,
            deadline_reached: false,
            receipts: ledger.report(stats.first_written),
            messages,
            message_arrivals,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { p50_ms, p95_ms, p99_ms, max_ms, .. } = self.submit_resp;
        writeln!(f, "run {}: {} x {}", self.run, self.connections, self.window)?;
        writeln!(
            f,
            "  {} submitted, {} acknowledged in {:.2} s: {:.0} per s",
            self.submitted, self.acknowledged, self.seconds, self.acknowledged_per_s
        )?;
        writeln!(
            f,
            "  submit_sm_resp after {p50_ms:.3} ms (p50), {p95_ms:.3} (p95), {p99_ms:.3} (p99), \
             {max_ms:.3} (max)"
        )?;
        write!(
            f,
            "  {} refused, {} resent, {} unanswered, {} connections lost",
            self.refused, self.retried, self.unanswered, self.connections_lost
        )?;
        for (status, count) in &self.statuses {
            write!(f, "\n  {count} x {status}")?;
        }
        if self.receipts != Receipts::default() {
            write!(f, "\n  {}", self.receipts)?;
        }
        for run in &self.messages {
            write!(
                f,
                "\n  {} messages from handsets (run {}), {} more than once, {:.0} per s, \
                 p50 {:.3} ms, p99 {:.3} ms",
                run.distinct,
                run.run,
                run.doubled,
                run.mean_per_s,
                run.latency.p50_ms,
                run.latency.p99_ms
            )?;
        }
        if self.deadline_reached {
            write!(f, "\n  ended by the deadline")?;
        }
        Ok(())
    }
}

impl fmt::Display for Receipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { p50_ms, p99_ms, .. } = self.after_submit;
        write!(
            f,
            "{} receipts: {} matched in {:.2} s ({:.0} per s; {p50_ms:.3} ms after the submit (p50), \
             {p99_ms:.3} (p99)), {} missing, {} intermediate, {} more than once, {} contradicting, \
             {} foreign, {} with two ids, {} refused, {} not answered",
            self.received,
            self.matched,
            self.seconds,
            self.per_s,
            self.missing,
            self.intermediate,
            self.doubled,
            self.contradicting,
            self.foreign,
            self.ids_differ,
            self.counts.refused,
            self.counts.ignored
        )
    }
}
