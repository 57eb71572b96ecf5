//! Messages whose time has come, and of which nobody was told: their hints are sent again.

use std::future::Future;

use platform::scheduled::{Hints, ScheduledTable};
use wire::assembly_deadlines::due_hour;
use wire::scheduled::Hint;

use crate::handler::AT_ONCE;
use crate::hours::hours;

/// A hint is given this long before it counts as lost: most are only a little late.
const GRACE_MS: u64 = 60 * 1_000;
/// Hints that one run sends at most; the next run goes on.
const SENT_MAX: usize = 10_000;

/// The index of due hours of table `scheduled`.
pub trait Times {
    /// Hints for what is due in the hour named `due_hour` and not after `until_ms`, the earliest first; at
    /// most `limit`.
    fn due(
        &self,
        due_hour: &str,
        until_ms: u64,
        limit: usize,
    ) -> impl Future<Output = anyhow::Result<Vec<Hint>>>;
}

/// One run at `now_ms`; tells how many hints were sent again.
///
/// # Errors
/// DynamoDB or SQS refused; the next run does it.
pub async fn sweep(index: &impl Times, queue: &impl Hints, now_ms: u64) -> anyhow::Result<usize> {
    let until_ms = now_ms.saturating_sub(GRACE_MS);
    let mut sent = 0;
    for hour in hours(now_ms) {
        let found = index.due(&due_hour(hour * 3_600_000), until_ms, SENT_MAX - sent).await?;
        let hints: Vec<_> = found.into_iter().map(|hint| (hint, AT_ONCE)).collect();
        queue.send(&hints).await?;
        sent += hints.len();
        if sent >= SENT_MAX {
            tracing::warn!(event = "scheduled_unfinished", sent);
            break;
        }
    }
    tracing::info!(event = "scheduled_swept", sent);
    Ok(sent)
}

impl Times for ScheduledTable {
    async fn due(&self, due_hour: &str, until_ms: u64, limit: usize) -> anyhow::Result<Vec<Hint>> {
        Self::due(self, due_hour, until_ms, limit).await
    }
}
