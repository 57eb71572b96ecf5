//! Scheduled messages whose hint was lost.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Mutex;
use std::time::Duration;

use domain::id::MessageId;
use platform::scheduled::Hints;
use sweep::scheduled::{Times, sweep};
use wire::V;
use wire::assembly_deadlines::due_hour;
use wire::scheduled::Hint;

const NOW_MS: u64 = 1_760_000_000_000;
const MINUTE_MS: u64 = 60_000;

struct Table(Vec<Hint>);

impl Times for Table {
    async fn due(&self, hour: &str, until_ms: u64, limit: usize) -> anyhow::Result<Vec<Hint>> {
        let due = |hint: &&Hint| due_hour(hint.due_ms) == hour && hint.due_ms <= until_ms;
        Ok(self.0.iter().filter(due).take(limit).cloned().collect())
    }
}

#[derive(Default)]
struct Sent(Mutex<Vec<(Hint, Duration)>>);

impl Hints for Sent {
    async fn send(&self, hints: &[(Hint, Duration)]) -> anyhow::Result<()> {
        self.0.lock().unwrap().extend_from_slice(hints);
        Ok(())
    }
}

fn due(due_ms: u64) -> Hint {
    let message = MessageId::new(due_ms, [1; 10]);
    Hint { v: V, customer: "acme".into(), message, due_ms, news: false, swept: true }
}

#[tokio::test]
async fn what_is_overdue_by_more_than_a_minute_is_hinted_at_again() {
    let overdue = [due(NOW_MS - 60 * MINUTE_MS), due(NOW_MS - MINUTE_MS)];
    let later = [due(NOW_MS - MINUTE_MS + 1), due(NOW_MS + 1)];
    let (table, queue) = (Table([overdue.clone(), later].concat()), Sent::default());
    assert_eq!(sweep(&table, &queue, NOW_MS).await.unwrap(), 2);
    let at_once = overdue.map(|hint| (hint, Duration::ZERO));
    assert_eq!(*queue.0.lock().unwrap(), at_once);
}
