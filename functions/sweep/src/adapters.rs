//! The indexes in DynamoDB and the queue in SQS.

use platform::attributes::{self, Attributes, number_of, text_of};
use platform::correlations::{CorrelationsTable, Item, Place};
use platform::queue::DelayQueue;
use wire::assembly_deadlines::AssemblyDeadline;

use crate::handler::{AT_ONCE, Deadlines, Overdue, Queue};
use crate::receipts::Correlations;

/// Table `assemblies`.
#[derive(Debug, Clone)]
pub struct AssembliesTable {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl AssembliesTable {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { client, table }
    }
}

impl Deadlines for AssembliesTable {
    async fn overdue(
        &self,
        due_hour: &str,
        until_ms: u64,
        limit: usize,
    ) -> anyhow::Result<Vec<Overdue>> {
        let due = attributes::due(&self.client, &self.table, due_hour, until_ms, limit).await?;
        let overdue = |item: &Attributes| {
            let (key, due_ms) = (text_of(item, "key")?.to_owned(), number_of(item, "due_at")?);
            Ok(Overdue { key, due_ms })
        };
        due.iter().map(overdue).collect()
    }
}

impl Queue for DelayQueue {
    async fn send(&self, deadlines: &[AssemblyDeadline]) -> anyhow::Result<()> {
        let body = |deadline| anyhow::Ok((String::from_utf8(wire::encode(deadline))?, AT_ONCE));
        let bodies = deadlines.iter().map(body).collect::<anyhow::Result<Vec<_>>>()?;
        DelayQueue::send(self, &bodies).await
    }
}

impl Correlations for CorrelationsTable {
    async fn due(&self, due_hour: &str, until_ms: u64, limit: usize) -> anyhow::Result<Vec<Place>> {
        Self::due(self, due_hour, until_ms, limit).await
    }

    async fn query(&self, keys: &[String]) -> anyhow::Result<Vec<Item>> {
        Self::query(self, keys).await
    }

    async fn settle(&self, place: &Place) -> anyhow::Result<()> {
        Self::settle(self, place).await
    }
}
