//! Finds assemblies whose deadline has passed and sends their deadlines again (design, section 8:
//! an SQS delay for punctuality, a sparse index by due hour for certainty).

use std::future::Future;
use std::time::Duration;

use wire::V;
use wire::assembly_deadlines::{AssemblyDeadline, due_hour};

use crate::hours::hours;

/// A deadline is given this long before it counts as lost: most are only a little late.
const GRACE_MS: u64 = 2 * 60 * 1000;
/// Deadlines that one run sends at most; the next run goes on.
const SENT_MAX: usize = 10_000;

/// An assembly that waits: its key and its earliest deadline, Unix milliseconds.
#[derive(Clone, PartialEq, Eq)]
pub struct Overdue {
    /// Part key.
    pub key: String,
    /// Its earliest deadline.
    pub due_ms: u64,
}

impl std::fmt::Debug for Overdue {
    /// Without the key, which holds phone numbers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Overdue({})", self.due_ms)
    }
}

/// The index of deadlines.
pub trait Deadlines {
    /// Assemblies due in the hour named `due_hour` and not after `until_ms`, the earliest first;
    /// at most `limit`.
    fn overdue(
        &self,
        due_hour: &str,
        until_ms: u64,
        limit: usize,
    ) -> impl Future<Output = anyhow::Result<Vec<Overdue>>>;
}

/// Queue `assembly-deadlines`.
pub trait Queue {
    /// Sends each at once.
    fn send(&self, deadlines: &[AssemblyDeadline]) -> impl Future<Output = anyhow::Result<()>>;
}

/// One run at `now_ms`; tells how many deadlines were sent again.
///
/// # Errors
/// DynamoDB or SQS refused; the next run does it.
pub async fn sweep(
    index: &impl Deadlines,
    queue: &impl Queue,
    now_ms: u64,
) -> anyhow::Result<usize> {
    let until_ms = now_ms.saturating_sub(GRACE_MS);
    let mut sent = 0;
    for hour in hours(now_ms) {
        let name = due_hour(hour * 3_600_000);
        let found = index.overdue(&name, until_ms, SENT_MAX - sent).await?;
        let deadlines: Vec<_> = found.into_iter().map(deadline).collect();
        queue.send(&deadlines).await?;
        sent += deadlines.len();
        if sent >= SENT_MAX {
            tracing::warn!(event = "sweep_unfinished", sent);
            break;
        }
    }
    tracing::info!(event = "swept", sent);
    Ok(sent)
}

fn deadline(found: Overdue) -> AssemblyDeadline {
    AssemblyDeadline { v: V, key: found.key, due_ms: found.due_ms, partition: None, swept: true }
}

/// SQS takes a delay; these have none.
pub const AT_ONCE: Duration = Duration::ZERO;

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    const NOW_MS: u64 = 1_760_000_000_000;

    struct Table(Vec<Overdue>);
    impl Deadlines for Table {
        async fn overdue(
            &self,
            hour: &str,
            until_ms: u64,
            limit: usize,
        ) -> anyhow::Result<Vec<Overdue>> {
            let due = |found: &&Overdue| due_hour(found.due_ms) == hour && found.due_ms <= until_ms;
            Ok(self.0.iter().filter(due).take(limit).cloned().collect())
        }
    }

    #[derive(Default)]
    struct Sent(RefCell<Vec<AssemblyDeadline>>);
    impl Queue for Sent {
        async fn send(&self, deadlines: &[AssemblyDeadline]) -> anyhow::Result<()> {
            self.0.borrow_mut().extend_from_slice(deadlines);
            Ok(())
        }
    }

    fn open(key: &str, due_ms: u64) -> Overdue {
        Overdue { key: key.into(), due_ms }
    }

    #[tokio::test]
    async fn only_what_is_overdue_by_more_than_the_grace_is_sent_again() {
        let table = Table(vec![
            open("lost", NOW_MS - GRACE_MS),
            open("late", NOW_MS - GRACE_MS + 1),
            open("waiting", NOW_MS + 1),
            open("of the last hour", NOW_MS - 3_600_000),
        ]);
        let queue = Sent::default();
        assert_eq!(sweep(&table, &queue, NOW_MS).await.unwrap(), 2);
        let sent = queue.0.take();
        let keys: Vec<_> = sent.iter().map(|deadline| deadline.key.as_str()).collect();
        assert_eq!(keys, ["of the last hour", "lost"]);
        assert!(sent.iter().all(|deadline| deadline.swept));
    }

    #[tokio::test]
    async fn a_run_sends_a_bounded_number() {
        let due_ms = NOW_MS - 3_600_000;
        let table = Table((0..SENT_MAX + 5).map(|n| open(&n.to_string(), due_ms)).collect());
        let queue = Sent::default();
        assert_eq!(sweep(&table, &queue, NOW_MS).await.unwrap(), SENT_MAX);
    }
}
