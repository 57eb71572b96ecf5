//! What the SMSC counts over all its binds, and the summary of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smpp::CommandStatus;

use super::{
    delivered::{Both, DeliverySummary},
    session::{Arrival, Taken},
};
use crate::{
    arrivals::{Order, Run, RunArrivals, RunSummary},
    rate::WorstSecond,
};

/// Binds that are listed one by one; those beyond are counted in the totals only.
const BINDS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub struct Tally {
    accepted: WorstSecond,
    unnumbered: u64,
    refused: BTreeMap<u32, u64>,
    lost_responses: u64,
    drops: u64,
    binds: BTreeMap<u64, BindTally>,
    binds_unlisted: u64,
    runs: Vec<(u32, Run)>,
    delivered: Both,
}

#[derive(Debug, Default)]
struct BindTally {
    system_id: String,
    is_bound: bool,
    accepted: WorstSecond,
    refused: u64,
    order: Order,
}

/// What `GET /summary` answers. Rates count accepted submits, each part for itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub accepted: u64,
    /// Accepted, without a load's number.
    pub unnumbered: u64,
    /// By `command_status`.
    pub refused: BTreeMap<u32, u64>,
    pub lost_responses: u64,
    /// Connections that a setting dropped at a submit.
    pub drops: u64,
    /// Binds at this moment.
    pub binds_up: usize,
    /// Microseconds since 1970; 0 before the first.
    pub first_us: u64,
    pub last_us: u64,
    pub mean_per_s: f64,
    /// The most that a sliding window of one second held.
    pub worst_second: usize,
    pub order_violations: u64,
    pub binds: Vec<BindSummary>,
    /// Further binds, not listed.
    pub binds_unlisted: u64,
    pub runs: Vec<RunSummary>,
    #[serde(default)]
    pub receipts: DeliverySummary,
    /// Messages from handsets, each part for itself.
    #[serde(default)]
    pub messages: DeliverySummary,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BindSummary {
    pub bind: u64,
    pub system_id: String,
    pub is_bound: bool,
    pub accepted: u64,
    pub refused: u64,
    pub first_us: u64,
    pub last_us: u64,
    pub mean_per_s: f64,
    pub worst_second: usize,
    /// Numbers that came after a larger one of the same connection and priority of the load.
    pub order_violations: u64,
}

impl Tally {
    pub fn bound(&mut self, bind: u64, system_id: String) {
        if self.binds.len() >= BINDS_MAX {
            self.binds_unlisted += 1;
            return;
        }
        let tally = BindTally { system_id, is_bound: true, ..BindTally::default() };
        self.binds.insert(bind, tally);
    }

    pub fn unbound(&mut self, bind: u64) {
        if let Some(tally) = self.binds.get_mut(&bind) {
            tally.is_bound = false;
            tally.accepted.forget_recent();
        }
    }

    /// Counts what one bind took since the last time.
    pub fn count(&mut self, bind: u64, taken: &Taken, at_us: u64) {
        self.lost_responses += taken.lost;
        self.drops += taken.drops;
        for noted in &taken.noted {
            self.delivered.note(noted, at_us);
        }
        let mut bind = self.binds.get_mut(&bind);
        for Arrival { status, numbered } in &taken.arrivals {
            if *status != CommandStatus::EsmeRok {
                *self.refused.entry(u32::from(*status)).or_default() += 1;
                bind.iter_mut().for_each(|bind| bind.refused += 1);
                continue;
            }
            self.accepted.arrived(at_us);
            if let Some(bind) = &mut bind {
                bind.accepted.arrived(at_us);
            }
            let Some(numbered) = numbered else {
                self.unnumbered += 1;
                continue;
            };
            run(&mut self.runs, numbered.run).arrived(numbered, at_us);
            if let Some(bind) = &mut bind {
                bind.order.arrived(numbered);
            }
        }
    }

    /// Forgets all but who is bound.
    pub fn reset(&mut self) {
        let still_bound = std::mem::take(self).binds.into_iter().filter(|(_, bind)| bind.is_bound);
        for (bind, BindTally { system_id, .. }) in still_bound {
            self.bound(bind, system_id);
        }
    }

    pub fn summary(&self) -> Summary {
        Summary {
            accepted: self.accepted.count(),
            unnumbered: self.unnumbered,
            refused: self.refused.clone(),
            lost_responses: self.lost_responses,
            drops: self.drops,
            binds_up: self.binds.values().filter(|bind| bind.is_bound).count(),
            first_us: self.accepted.first_us().unwrap_or(0),
            last_us: self.accepted.last_us().unwrap_or(0),
            mean_per_s: self.accepted.mean_per_s(),
            worst_second: self.accepted.worst(),
            order_violations: self.binds.values().map(|bind| bind.order.violations).sum(),
            binds: self.binds.iter().map(|(bind, tally)| tally.summary(*bind)).collect(),
            binds_unlisted: self.binds_unlisted,
            runs: self.runs.iter().map(|(run, arrivals)| arrivals.summary(*run)).collect(),
            receipts: self.delivered.receipts.summary(),
            messages: self.delivered.messages.summary(),
        }
    }

    /// What was delivered.
    pub const fn delivered(&self) -> &Both {
        &self.delivered
    }

    /// The arrivals of one run, or of all.
    pub fn arrivals(&self, run: Option<u32>) -> Vec<RunArrivals> {
        let wanted = self.runs.iter().filter(|(number, _)| run.is_none_or(|run| run == *number));
        wanted.map(|(number, arrivals)| arrivals.ranges(*number)).collect()
    }
}

impl BindTally {
    fn summary(&self, bind: u64) -> BindSummary {
        BindSummary {
            bind,
            system_id: self.system_id.clone(),
            is_bound: self.is_bound,
            accepted: self.accepted.count(),
            refused: self.refused,
            first_us: self.accepted.first_us().unwrap_or(0),
            last_us: self.accepted.last_us().unwrap_or(0),
            mean_per_s: self.accepted.mean_per_s(),
            worst_second: self.accepted.worst(),
            order_violations: self.order.violations,
        }
    }
}

/// Runs are few: looked for from the latest.
fn run(runs: &mut Vec<(u32, Run)>, number: u32) -> &mut Run {
    let index = runs.iter().rposition(|(known, _)| *known == number).unwrap_or_else(|| {
        runs.push((number, Run::default()));
        runs.len() - 1
    });
    &mut runs[index].1
}
