//! What the SMSC counts of its deliveries: how many, how they were answered, and of the load's
//! numbered messages when each was sent first and how often it was taken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::deliveries::{Happened, Kind, Noted};
use crate::arrivals::{Range, ranges};

/// Numbers from here on are not listed: the memory for them would be a mistake's, not a load's.
const NUMBERS_MAX: u64 = 1 << 26;

#[derive(Debug, Default)]
pub struct Delivered {
    counts: DeliverySummary,
    runs: Vec<(u32, Run)>,
}

/// Deliveries of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliverySummary {
    /// Without repeats.
    pub sent: u64,
    pub repeated: u64,
    /// Answered OK.
    pub ok: u64,
    /// For good, by `command_status`.
    pub refused: BTreeMap<u32, u64>,
    /// To be repeated, by `command_status`.
    pub later: BTreeMap<u32, u64>,
    /// Not answered in time, or the bind was gone; repeated.
    pub unanswered: u64,
    /// Microseconds since 1970; 0 before the first.
    pub first_us: u64,
    /// Of the last answer.
    pub last_us: u64,
}

#[derive(Debug, Default)]
struct Run {
    /// For each part from 1 on.
    parts: Vec<Part>,
}

#[derive(Debug, Default)]
struct Part {
    sent_us: Vec<u64>,
    ok: Vec<u8>,
}

/// Deliveries of one run of a load or flood, as the control port gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDelivered {
    pub run: u32,
    /// For each part from 1 on.
    pub parts: Vec<PartDelivered>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartDelivered {
    /// By number: microseconds since 1970 when it was sent first; 0: not.
    pub sent_us: Vec<u64>,
    /// What was answered OK, and how often (copies are counted too).
    pub ok: Vec<Range>,
}

impl Delivered {
    pub fn note(&mut self, noted: &Noted, at_us: u64) {
        let counts = &mut self.counts;
        match noted.what {
            Happened::Sent { is_first } => {
                counts.sent += u64::from(is_first);
                counts.repeated += u64::from(!is_first);
                if counts.first_us == 0 {
                    counts.first_us = at_us;
                }
            }
            Happened::Taken => {
                counts.ok += 1;
                counts.last_us = at_us;
            }
            Happened::Refused(status) => *counts.refused.entry(status).or_default() += 1,
            Happened::Later(status) => *counts.later.entry(status).or_default() += 1,
            Happened::Unanswered => counts.unanswered += 1,
        }
        let Some(numbered) = noted.numbered.filter(|numbered| numbered.number < NUMBERS_MAX) else {
            return;
        };
        let run = run(&mut self.runs, numbered.run);
        let (part, number) = (usize::from(numbered.part.max(1)) - 1, numbered.number as usize);
        if run.parts.len() <= part {
            run.parts.resize_with(part + 1, Part::default);
        }
        let Part { sent_us, ok } = &mut run.parts[part];
        if sent_us.len() <= number {
            sent_us.resize(number + 1, 0);
            ok.resize(number + 1, 0);
        }
        match noted.what {
            Happened::Sent { .. } if sent_us[number] == 0 => sent_us[number] = at_us,
            Happened::Taken => ok[number] = ok[number].saturating_add(1),
            _ => {}
        }
    }

    pub fn summary(&self) -> DeliverySummary {
        self.counts.clone()
    }

    /// One run, or all.
    pub fn runs(&self, run: Option<u32>) -> Vec<RunDelivered> {
        let wanted = self.runs.iter().filter(|(number, _)| run.is_none_or(|run| run == *number));
        let part =
            |part: &Part| PartDelivered { sent_us: part.sent_us.clone(), ok: ranges(&part.ok) };
        wanted
            .map(|(run, delivered)| RunDelivered {
                run: *run,
                parts: delivered.parts.iter().map(part).collect(),
            })
            .collect()
    }
}

/// Both kinds.
#[derive(Debug, Default)]
pub struct Both {
    pub receipts: Delivered,
    pub messages: Delivered,
}

impl Both {
    pub fn note(&mut self, noted: &Noted, at_us: u64) {
        match noted.kind {
            Kind::Receipt => self.receipts.note(noted, at_us),
            Kind::Message => self.messages.note(noted, at_us),
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
