//! The indexes in DynamoDB and the queue in SQS.

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;
use platform::correlations::{CorrelationsTable, Item, Place};
use platform::queue::DelayQueue;
use wire::assembly_deadlines::{AssemblyDeadline, DUE_INDEX};

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
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("due_hour = :hour AND due_at <= :until")
            .expression_attribute_values(":hour", AttributeValue::S(due_hour.to_owned()))
            .expression_attribute_values(":until", AttributeValue::N(until_ms.to_string()))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(item) = pages.next().await
        {
            found.push(overdue(&item.context("table assemblies does not answer")?)?);
        }
        Ok(found)
    }
}

fn overdue(item: &std::collections::HashMap<String, AttributeValue>) -> anyhow::Result<Overdue> {
    let key = item.get("key").and_then(|value| value.as_s().ok());
    let due = item.get("due_at").and_then(|value| value.as_n().ok());
    Ok(Overdue {
        key: key.context("an assembly without a key")?.clone(),
        due_ms: due.context("an assembly without a deadline")?.parse()?,
    })
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
