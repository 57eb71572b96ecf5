//! Batch requests to DynamoDB. **What a request leaves unprocessed is sent again until nothing is
//! left** (design, section 3): after pauses that grow and differ, so that batches which were refused
//! together do not come back together, and with an end, at which the caller fails and is tried again.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::attributes::Attributes;

/// Keys of one BatchGetItem (AWS: at most 100).
const GETS_MAX: usize = 100;
/// Requests of one BatchWriteItem (AWS: at most 25).
const WRITES_MAX: usize = 25;
/// Batches of one call on their way at a time.
const AT_ONCE: usize = 16;
/// Resends until the call fails: some 15 s, a quarter of a function's time-out.
const RESENDS_MAX: u32 = 20;

/// Reads the items with these keys (each once) consistently; those that are not there are left out.
///
/// # Errors
/// DynamoDB does not answer, or leaves some unprocessed for too long.
pub async fn get_all(
    client: &Client,
    table: &str,
    keys: Vec<Attributes>,
) -> anyhow::Result<Vec<Attributes>> {
    let found: Vec<_> = stream::iter(keys)
        .chunks(GETS_MAX)
        .map(|keys| get_some(client, table, keys))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Makes these writes (no key twice), whatever was there, in any order.
///
/// # Errors
/// DynamoDB does not answer, or leaves some unprocessed for too long; some may be made.
pub async fn write_all(
    client: &Client,
    table: &str,
    requests: Vec<WriteRequest>,
) -> anyhow::Result<()> {
    stream::iter(requests)
        .chunks(WRITES_MAX)
        .map(|requests| write_some(client, table, requests))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// The write of a whole item.
///
/// # Errors
/// Never: the SDK's builder wants to be asked.
pub fn put(item: Attributes) -> anyhow::Result<WriteRequest> {
    let put = PutRequest::builder().set_item(Some(item)).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

async fn get_some(
    client: &Client,
    table: &str,
    keys: Vec<Attributes>,
) -> anyhow::Result<Vec<Attributes>> {
    let mut found = Vec::with_capacity(keys.len());
    let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
    let mut wanted = Some(request.build()?);
    let mut resends = 0;
    while let Some(keys) = wanted.take() {
        let request = client.batch_get_item().request_items(table, keys);
        let answer = request.send().await.with_context(|| no_answer(table))?;
        let items = answer.responses.and_then(|mut tables| tables.remove(table));
        found.extend(items.unwrap_or_default());
        wanted = answer.unprocessed_keys.and_then(|mut tables| tables.remove(table));
        if wanted.is_some() {
            back_off(table, &mut resends).await?;
        }
    }
    Ok(found)
}

async fn write_some(
    client: &Client,
    table: &str,
    mut requests: Vec<WriteRequest>,
) -> anyhow::Result<()> {
    let mut resends = 0;
    loop {
        let request = client.batch_write_item().request_items(table, requests);
        let answer = request.send().await.with_context(|| no_answer(table))?;
        let left = answer.unprocessed_items.and_then(|mut tables| tables.remove(table));
        requests = left.unwrap_or_default();
        if requests.is_empty() {
            return Ok(());
        }
        back_off(table, &mut resends).await?;
    }
}

fn no_answer(table: &str) -> String {
    format!("table {table} does not answer")
}

async fn back_off(table: &str, resends: &mut u32) -> anyhow::Result<()> {
    *resends += 1;
    tracing::debug!(event = "items_left_unprocessed", table, resends);
    ensure!(*resends <= RESENDS_MAX, "table {table} is overloaded");
    tokio::time::sleep(pause(*resends, fastrand::f64())).await;
    Ok(())
}

/// 20 ms doubled with each resend up to 1.28 s, and of that between a half and the whole.
fn pause(resends: u32, chance: f64) -> Duration {
    Duration::from_millis(20 << resends.min(6)).mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let milliseconds = |resends, chance| pause(resends, chance).as_millis();
        assert_eq!([1, 2, 6, 20].map(|resends| milliseconds(resends, 1.0)), [40, 80, 1280, 1280]);
        assert_eq!(milliseconds(1, 0.0), 20);
    }
}
