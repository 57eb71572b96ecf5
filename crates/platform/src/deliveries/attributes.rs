//! Attributes of items, read and written.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, WriteRequest};

/// Requests in one BatchWriteItem or BatchExecuteStatement (AWS: at most 25).
pub(super) const BATCH_MAX: usize = 25;
/// Batches of one call on their way at a time.
pub(super) const AT_ONCE: usize = 8;
/// Resends of what was left unprocessed, until the call fails.
const RESENDS_MAX: u32 = 10;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn item<const N: usize>(pairs: [(&str, AttributeValue); N]) -> Item {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> anyhow::Result<&'a str> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).with_context(|| format!("an item without {name}"))
}

pub(super) fn number_of(item: &Item, name: &str) -> anyhow::Result<u64> {
    let value = item.get(name).and_then(|value| value.as_n().ok());
    Ok(value.with_context(|| format!("an item without {name}"))?.parse()?)
}

/// Unconditional puts and deletes, 25 at a time, resent until none is left unprocessed. No key may
/// come twice.
pub(super) async fn write_all(
    client: &Client,
    table: &str,
    requests: Vec<WriteRequest>,
) -> anyhow::Result<()> {
    let mut left = requests;
    let mut resends = 0;
    while !left.is_empty() {
        let rest = left.split_off(left.len().min(BATCH_MAX));
        let answer = client
            .batch_write_item()
            .request_items(table, left)
            .send()
            .await
            .with_context(|| format!("table {table} does not take items"))?;
        left = rest;
        let unprocessed = answer.unprocessed_items.and_then(|mut all| all.remove(table));
        if let Some(unprocessed) = unprocessed.filter(|requests| !requests.is_empty()) {
            resends += 1;
            anyhow::ensure!(resends <= RESENDS_MAX, "table {table} leaves items unprocessed");
            tokio::time::sleep(Duration::from_millis(20 << resends.min(6))).await;
            left.extend(unprocessed);
        }
    }
    Ok(())
}
