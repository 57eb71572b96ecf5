//! Judges a run: nothing acknowledged is lost, what came twice is on record as doubt, and messages
//! flowed again in time. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use simulator::check::{self, Doubt, Key, Outcome, Sent};

use super::back::verdict::Back;

/// Messages flow again within this time after a fault is over.
pub const FLOWING_WITHIN: Duration = Duration::from_secs(15);
/// Numbers that a problem names at most.
const SHOWN: usize = 5;

/// How long things took.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From the first blow to the end of the last.
    pub fault: Duration,
    /// The slowest way of a part, from written by the customer to read by the provider.
    pub slowest: Duration,
    /// How long the load was to last.
    pub load_planned: Duration,
    /// From the first submit to the last acknowledgement.
    pub load_took: Duration,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The checker's.
    pub report: check::Report,
    /// Doubts on record.
    pub doubts: usize,
    /// How long things took.
    pub times: Times,
    /// What came back, where that was asked for.
    pub back: Option<Back>,
    /// What is against the promise; empty: it was kept.
    pub problems: Vec<String>,
}

/// Compares.
#[must_use]
pub fn judge(
    sent: &[Sent],
    arrivals: &BTreeMap<Key, u32>,
    doubts: &[Doubt],
    times: Times,
) -> Verdict {
    let report = check::check(&accountable(sent), arrivals, doubts);
    let mut problems = Vec::new();
    let mut found = |what: &str, keys: Vec<Key>| {
        if !keys.is_empty() {
            let shown = &keys[..keys.len().min(SHOWN)];
            problems.push(format!("{} parts {what}, as (number, part) {shown:?}", keys.len()));
        }
    };
    let keys = |parts: &[(Key, u32)]| parts.iter().map(|(key, _)| *key).collect();
    found("lost", report.lost.clone());
    found("came twice without a doubt on record", keys(&report.doubled_without_doubt));
    found("came though refused or never sent", keys(&report.unexpected));
    if report.acknowledged == 0 {
        problems.push("nothing was acknowledged".to_owned());
    }
    problems.extend(times.problems());
    Verdict { report, doubts: doubts.len(), times, back: None, problems }
}

/// The parts that everything acknowledged must arrive of: a message is whole or not at all. What was
/// acknowledged of a message that was not acknowledged completely counts as unanswered (it may arrive
/// once, and waits for its other parts until then).
#[must_use]
pub fn accountable(sent: &[Sent]) -> Vec<Sent> {
    let mut acknowledged: BTreeMap<u64, BTreeSet<u8>> = BTreeMap::new();
    for one in sent {
        if let Outcome::Acknowledged(_) = one.outcome {
            acknowledged.entry(one.number).or_default().insert(one.part);
        }
    }
    let is_whole = |one: &Sent| {
        acknowledged.get(&one.number).is_some_and(|parts| parts.len() == usize::from(one.parts))
    };
    let counted = sent.iter().map(|one| match one.outcome {
        Outcome::Acknowledged(_) if !is_whole(one) => {
            Sent { outcome: Outcome::Unanswered, ..one.clone() }
        }
        _ => one.clone(),
    });
    counted.collect()
}

impl Times {
    fn problems(&self) -> Vec<String> {
        let allowed = self.fault + FLOWING_WITHIN;
        let held_up = self.load_took.saturating_sub(self.load_planned);
        let mut problems = Vec::new();
        if self.slowest > allowed {
            problems.push(format!("a part took {:.1?}, more than {allowed:.1?}", self.slowest));
        }
        if held_up > allowed {
            problems.push(format!("customers were held up {held_up:.1?}, more than {allowed:.1?}"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANNED: Duration = Duration::from_secs(8);

    fn quick() -> Times {
        let fault = Duration::from_secs(1);
        let slowest = Duration::from_millis(50);
        Times { fault, slowest, load_planned: PLANNED, load_took: PLANNED }
    }

    fn acknowledged(number: u64, part: u8, parts: u8) -> Sent {
        let outcome = Outcome::Acknowledged(format!("id-{number}-{part}"));
        Sent { number, part, parts, outcome }
    }

    fn unanswered(number: u64, part: u8, parts: u8) -> Sent {
        Sent { number, part, parts, outcome: Outcome::Unanswered }
    }

    fn problems(sent: &[Sent], arrivals: &[(Key, u32)], doubts: &[Doubt]) -> Vec<String> {
        judge(sent, &arrivals.iter().copied().collect(), doubts, quick()).problems
    }

    #[test]
    fn a_run_in_which_all_arrives_once_has_no_problem() {
        let sent = [acknowledged(0, 1, 1), acknowledged(1, 1, 2), acknowledged(1, 2, 2)];
        assert!(problems(&sent, &[((0, 1), 1), ((1, 1), 1), ((1, 2), 1)], &[]).is_empty());
    }

    #[test]
    fn planted_losses_doublings_and_unrecorded_doubts_are_problems() {
        let sent = [acknowledged(0, 1, 1), acknowledged(1, 1, 1)];
        assert_eq!(problems(&sent, &[((0, 1), 1)], &[]).len(), 1);
        let doubled = [((0, 1), 2), ((1, 1), 1)];
        assert_eq!(problems(&sent, &doubled, &[]).len(), 1);
        assert_eq!(problems(&sent, &doubled, &[Doubt::Part("id-1-1".into())]).len(), 1);
        assert!(problems(&sent, &doubled, &[Doubt::Part("id-0-1".into())]).is_empty());
    }

    #[test]
    fn a_message_that_was_not_acknowledged_whole_may_stay_away_but_not_come_twice() {
        let sent = [acknowledged(7, 1, 2), unanswered(7, 2, 2), acknowledged(8, 1, 1)];
        assert!(problems(&sent, &[((8, 1), 1)], &[]).is_empty());
        let twice = [((7, 1), 2), ((7, 2), 1), ((8, 1), 1)];
        assert_eq!(problems(&sent, &twice, &[]).len(), 1);
    }

    #[test]
    fn a_part_of_which_only_a_resend_was_acknowledged_counts_as_acknowledged() {
        let refused = Sent { outcome: Outcome::Refused(0x58), ..acknowledged(7, 1, 1) };
        assert_eq!(problems(&[refused, acknowledged(7, 1, 1)], &[], &[]).len(), 1);
    }

    #[test]
    fn a_run_without_any_acknowledgement_proves_nothing() {
        assert_eq!(problems(&[unanswered(0, 1, 1)], &[], &[]).len(), 1);
    }

    #[test]
    fn a_part_or_a_customer_that_waits_too_long_after_the_fault_is_a_problem() {
        let late = FLOWING_WITHIN + Duration::from_secs(2);
        assert!(quick().problems().is_empty());
        assert_eq!(Times { slowest: late, ..quick() }.problems().len(), 1);
        assert_eq!(Times { load_took: PLANNED + late, ..quick() }.problems().len(), 1);
        // While the fault lasts nothing need flow.
        let long = Times { slowest: late, fault: Duration::from_secs(10), ..quick() };
        assert!(long.problems().is_empty());
    }
}
