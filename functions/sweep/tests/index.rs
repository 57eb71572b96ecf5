//! The index of deadlines, as an embedded store has it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../assemble/tests/support/mod.rs"]
mod support;

use aws_sdk_dynamodb::types::AttributeValue;
use sweep::adapters::AssembliesTable;
use sweep::handler::Deadlines as _;
use wire::assembly_deadlines::due_hour;

const HOUR_MS: u64 = 3_600_000;
const NOW_MS: u64 = 1_760_000_000_000;

#[tokio::test]
async fn what_is_overdue_in_an_hour_is_found_earliest_first_over_all_pages() {
    let client = support::client(support::serve());
    support::create_table(&client).await;
    let hour_ms = NOW_MS / HOUR_MS * HOUR_MS;
    // More than a page of an index query (1 MB) holds, with keys as long as they get.
    let count = 1_500;
    for n in (0..count).rev() {
        put(&client, &format!("{n:04}{}", "k".repeat(1_000)), Some(hour_ms + n)).await;
    }
    put(&client, "of another hour", Some(hour_ms - 1)).await;
    put(&client, "finished", None).await;

    let index = AssembliesTable::new(client, support::TABLE.into());
    let hour = due_hour(hour_ms);
    let found = index.overdue(&hour, hour_ms + 1_400, 10_000).await.unwrap();
    assert_eq!(found.len(), 1_401);
    assert!(found.iter().map(|overdue| overdue.due_ms).eq(hour_ms..=hour_ms + 1_400));
    assert!(found[7].key.starts_with("0007"));
    assert_eq!(index.overdue(&hour, u64::MAX >> 8, 10).await.unwrap().len(), 10);
}

async fn put(client: &aws_sdk_dynamodb::Client, key: &str, due_ms: Option<u64>) {
    let mut put = client
        .put_item()
        .table_name(support::TABLE)
        .item("key", AttributeValue::S(key.into()))
        .item("version", AttributeValue::N("1".into()));
    if let Some(due_ms) = due_ms {
        put = put
            .item("due_hour", AttributeValue::S(due_hour(due_ms)))
            .item("due_at", AttributeValue::N(due_ms.to_string()));
    }
    put.send().await.unwrap();
}
