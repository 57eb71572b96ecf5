//! Deliveries whose customer did not come for them within 72 h: told as not fetched, then marked as done
//! (design, section 8). Those of customers that are bound, their drainer ends.

use std::future::Future;

use domain::id::{CustomerId, DeliveryId};
use platform::function::{Decided, Outputs, Shell};
use wire::assembly_deadlines::due_hour;
use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::event;
use wire::message_events::Happened;

use crate::hours::hours;
use crate::receipts::BY;

/// A drainer that has one in its hands is given this long to end it.
const GRACE_MS: u64 = 10 * 60 * 1_000;
/// Deliveries that one run ends, at most; the next run goes on.
const RUN_MAX: usize = 5_000;
/// Deliveries that are ended together.
const TOGETHER: usize = 200;

/// Table `mailboxes`.
pub trait Waiting {
    /// What waits, due in the hour named `due_hour` and not after `until_ms`; at most `limit`.
    fn due(
        &self,
        due_hour: &str,
        until_ms: u64,
        limit: usize,
    ) -> impl Future<Output = anyhow::Result<Vec<(CustomerId, DeliveryId)>>>;
    /// Those of them that still wait.
    fn get(
        &self,
        keys: &[(CustomerId, DeliveryId)],
    ) -> impl Future<Output = anyhow::Result<Vec<CustomerDelivery>>>;
    /// Marks as done.
    fn done(
        &self,
        keys: &[(CustomerId, DeliveryId)],
        now_ms: u64,
    ) -> impl Future<Output = anyhow::Result<()>>;
}

/// One run at `now_ms`; tells how many were ended.
///
/// # Errors
/// DynamoDB or Kafka refused; the next run does it.
pub async fn sweep<O: Outputs>(
    table: &impl Waiting,
    shell: &Shell<O>,
    now_ms: u64,
) -> anyhow::Result<usize> {
    let mut ended = 0;
    let until_ms = now_ms.saturating_sub(GRACE_MS);
    let work = async {
        for hour in hours(now_ms) {
            let name = due_hour(hour * 3_600_000);
            let due = table.due(&name, until_ms, RUN_MAX - ended).await?;
            for keys in due.chunks(TOGETHER) {
                end(table, shell, keys, now_ms).await?;
            }
            ended += due.len();
            if ended >= RUN_MAX {
                tracing::warn!(event = "mailboxes_unfinished", ended);
                break;
            }
        }
        Ok(Decided::default())
    };
    shell.invoke(work).await?;
    tracing::info!(event = "mailboxes_swept", ended);
    Ok(ended)
}

/// First told, confirmed; then they are done with.
async fn end<O: Outputs>(
    table: &impl Waiting,
    shell: &Shell<O>,
    keys: &[(CustomerId, DeliveryId)],
    now_ms: u64,
) -> anyhow::Result<()> {
    let deliveries = table.get(keys).await?;
    let told = |delivery: &CustomerDelivery| {
        event(delivery, Happened::NotFetched, BY, now_ms, String::new()).into_owned()
    };
    let events = deliveries.iter().map(told).collect();
    let mut decided = Decided { events, ..Decided::default() };
    shell.publish_now(&mut decided).await?;
    let keys: Vec<_> = deliveries.into_iter().map(|it| (it.customer, it.id)).collect();
    table.done(&keys, now_ms).await
}

impl Waiting for platform::deliveries::Mailboxes {
    async fn due(
        &self,
        due_hour: &str,
        until_ms: u64,
        limit: usize,
    ) -> anyhow::Result<Vec<(CustomerId, DeliveryId)>> {
        Self::due(self, due_hour, until_ms, limit).await
    }

    async fn get(
        &self,
        keys: &[(CustomerId, DeliveryId)],
    ) -> anyhow::Result<Vec<CustomerDelivery>> {
        Self::get(self, keys).await
    }

    async fn done(&self, keys: &[(CustomerId, DeliveryId)], now_ms: u64) -> anyhow::Result<()> {
        Self::done(self, keys, now_ms).await
    }
}
