//! Table `messages` in DynamoDB, to append.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use platform::messages::{AT, Attributes, CUSTOMER_DAY, EVENTS, HANDSET_DAY, ITEM, MESSAGE};

use crate::items::Item;
use crate::ports::Store;

/// Items of one BatchWriteItem (AWS: at most 25).
const ITEMS_MAX: usize = 25;
/// Requests of one batch at a time.
const WRITES_AT_ONCE: usize = 16;
/// Resends of what a request left unprocessed, until the batch fails and comes again: some 20 s, with
/// the function's time-out at 60 s.
const RESENDS_MAX: u32 = 20;

/// The table.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl DynamoStore {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// One request, with what was left unprocessed resent until nothing is. Puts without a condition:
    /// a repeat writes the same.
    async fn put(&self, items: Vec<Item>) -> anyhow::Result<()> {
        let puts: Vec<_> = items.into_iter().map(request).collect::<anyhow::Result<_>>()?;
        let mut wanted = Some(puts);
        let mut resends = 0;
        while let Some(puts) = wanted.take() {
            let request = self.client.batch_write_item().request_items(&self.table, puts);
            let answer = request.send().await.context("table messages does not take events")?;
            let left = answer.unprocessed_items.and_then(|mut left| left.remove(&self.table));
            wanted = left.filter(|left| !left.is_empty());
            if let Some(left) = &wanted {
                resends += 1;
                tracing::debug!(event = "items_left", count = left.len(), resends);
                ensure!(resends <= RESENDS_MAX, "table messages is overloaded");
                tokio::time::sleep(back_off(resends)).await;
            }
        }
        Ok(())
    }
}

impl Store for DynamoStore {
    async fn append(&self, items: Vec<Item>) -> anyhow::Result<()> {
        let mut requests = Vec::with_capacity(items.len().div_ceil(ITEMS_MAX));
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            requests.push(items.by_ref().take(ITEMS_MAX).collect::<Vec<_>>());
        }
        stream::iter(requests)
            .map(|items| self.put(items))
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect::<()>()
            .await
    }
}

fn request(item: Item) -> anyhow::Result<WriteRequest> {
    let put = PutRequest::builder().set_item(Some(attributes(item))).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn attributes(item: Item) -> Attributes {
    let mut attributes = HashMap::with_capacity(7);
    let mut set = |name: &str, value| attributes.insert(name.to_owned(), value);
    set(MESSAGE, AttributeValue::S(item.message.to_string()));
    set(ITEM, AttributeValue::S(item.name));
    set("ttl", AttributeValue::N(item.ttl_s.to_string()));
    if let Some(events) = item.events {
        set(EVENTS, AttributeValue::S(events));
    }
    if let Some(found_by) = item.found_by {
        set(CUSTOMER_DAY, AttributeValue::S(found_by.customer_day));
        set(AT, AttributeValue::S(found_by.at));
        if let Some(handset_day) = found_by.handset_day {
            set(HANDSET_DAY, AttributeValue::S(handset_day));
        }
    }
    attributes
}

fn back_off(resends: u32) -> Duration {
    Duration::from_millis(20 << resends.min(6))
}
