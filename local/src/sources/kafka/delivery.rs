//! How a batch gets delivered: whole, again, in halves, what failed only. A pure state machine: it says
//! what to invoke next, is told how that went, and ends when the poller may commit.
//! <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>

use std::collections::VecDeque;
use std::time::Duration;

use super::batch::{Batch, Selection};

/// First pause after a failure.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What the mapping says about failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Retries; none: for ever.
    pub retries_max: Option<u32>,
    /// Failed halves are retried apart.
    pub bisect: bool,
    /// The function names what failed.
    pub partial: bool,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All processed.
    Done,
    /// These are to be retried.
    Failed(Selection),
}

/// A batch on its way.
#[derive(Debug)]
pub struct Delivery {
    policy: Policy,
    work: VecDeque<Work>,
}

#[derive(Debug)]
struct Work {
    records: Selection,
    failures: u32,
}

/// What to do after a failure.
#[derive(Debug, PartialEq, Eq)]
pub enum After {
    /// Try again after this pause.
    Pause(Duration),
    /// These records have failed too often; the template gives them up.
    GivenUp(Selection),
}

impl Delivery {
    /// `pieces` are invoked one after the other.
    #[must_use]
    pub fn new(policy: Policy, pieces: Vec<Selection>) -> Self {
        let work = |records| Work { records, failures: 0 };
        Self { policy, work: pieces.into_iter().map(work).collect() }
    }

    /// What to invoke next; none: all is delivered.
    pub fn due(&mut self) -> Option<&Selection> {
        while self.work.front().is_some_and(|work| work.records.is_empty()) {
            self.work.pop_front();
        }
        self.work.front().map(|work| &work.records)
    }

    /// Keeps only what `keep` leaves: records too old, or of partitions that were taken from us.
    pub fn retain(&mut self, keep: impl Fn(&Selection) -> Selection) {
        for work in &mut self.work {
            work.records = keep(&work.records);
        }
    }

    /// Tells how the invocation of [`Delivery::next`] ended.
    pub fn answered(&mut self, answer: Answer) -> Option<After> {
        let work = self.work.pop_front()?;
        let Answer::Failed(failed) = answer else { return None };
        let failures = work.failures + 1;
        let whole = failed.len() == work.records.len();
        if self.policy.bisect && whole && failed.len() > 1 {
            // Halving does not count as a retry.
            let (first, second) = failed.split_at(failed.len() / 2);
            self.work.push_front(Work { records: second, failures: work.failures });
            self.work.push_front(Work { records: first, failures: work.failures });
            return Some(After::Pause(pause(failures)));
        }
        if self.policy.retries_max.is_some_and(|most| failures > most) {
            return Some(After::GivenUp(failed));
        }
        self.work.push_front(Work { records: failed, failures });
        Some(After::Pause(pause(failures)))
    }
}

fn pause(failures: u32) -> Duration {
    PAUSE_FIRST.saturating_mul(1 << (failures - 1).min(10)).min(PAUSE_MAX)
}

/// What a function's response means for the records it was given.
#[must_use]
pub fn read_response(policy: Policy, response: &[u8], batch: &Batch, given: &Selection) -> Answer {
    if !policy.partial {
        return Answer::Done;
    }
    // Nothing, null or an empty object is success; what cannot be understood fails all.
    let failed = match named_failures(response) {
        Some(named) if named.is_empty() => return Answer::Done,
        Some(named) => batch.find(&named, given),
        None => None,
    };
    Answer::Failed(failed.unwrap_or_else(|| given.clone()))
}

#[derive(serde::Deserialize)]
struct Response {
    #[serde(rename = "batchItemFailures")]
    failures: Option<Vec<Failure>>,
}

#[derive(serde::Deserialize)]
struct Failure {
    #[serde(rename = "itemIdentifier")]
    item: Item,
}

#[derive(serde::Deserialize)]
struct Item {
    partition: String,
    offset: i64,
}

fn named_failures(response: &[u8]) -> Option<Vec<(String, i64)>> {
    if response.is_empty() {
        return Some(Vec::new());
    }
    let response: Option<Response> = serde_json::from_slice(response).ok()?;
    let failures = response.and_then(|it| it.failures).unwrap_or_default();
    Some(failures.into_iter().map(|it| (it.item.partition, it.item.offset)).collect())
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
