//! The ports over DynamoDB and SQS.

use std::time::Duration;

use platform::correlations::{CorrelationsTable, Item, Place};
use platform::queue::DelayQueue;
use wire::retries::Retry;

use crate::ports::{Retries, Store};

impl Store for CorrelationsTable {
    async fn get(&self, places: &[Place]) -> anyhow::Result<Vec<Item>> {
        Self::get(self, places).await
    }

    async fn query(&self, keys: &[String]) -> anyhow::Result<Vec<Item>> {
        Self::query(self, keys).await
    }

    async fn put(&self, items: &[Item]) -> anyhow::Result<()> {
        Self::put(self, items).await
    }
}

impl Retries for DelayQueue {
    async fn send(&self, retries: &[Retry]) -> anyhow::Result<()> {
        let body = |retry| anyhow::Ok((String::from_utf8(wire::encode(retry))?, Duration::ZERO));
        let bodies = retries.iter().map(body).collect::<anyhow::Result<Vec<_>>>()?;
        Self::send(self, &bodies).await
    }
}
