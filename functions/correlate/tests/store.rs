//! The contract of the store, over each of its adapters, and what only DynamoDB can do wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../assemble/tests/support/mod.rs"]
mod support;
mod world;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection, ProjectionType, ScalarAttributeType,
};
use correlate::ports::Store;
use platform::correlations::{CorrelationsTable, Item, Place};
use wire::correlations::{DUE_INDEX, due_hour};
use world::{AT_MS, MemoryStore};

const TABLE: &str = "correlations";

/// As template.yaml declares it.
async fn create_table(client: &Client) {
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(DUE_INDEX)
        .key_schema(key("due_hour", KeyType::Hash))
        .key_schema(key("due_at", KeyType::Range))
        .projection(keys_only)
        .build()
        .unwrap();
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("key", ScalarAttributeType::S))
        .attribute_definitions(attribute("item", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_hour", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_at", ScalarAttributeType::N))
        .key_schema(key("key", KeyType::Hash))
        .key_schema(key("item", KeyType::Range))
        .global_secondary_indexes(index)
        .send()
        .await
        .unwrap();
}

async fn dynamo() -> (CorrelationsTable, Client) {
    let client = support::client(support::serve());
    create_table(&client).await;
    (CorrelationsTable::new(client.clone(), TABLE.into()), client)
}

fn place(key: &str, item: &str) -> Place {
    Place { key: key.into(), item: item.into() }
}

fn item(key: &str, name: &str, data: &str) -> Item {
    let place = place(key, name);
    Item { place, data: data.into(), due_ms: None, kept_until_ms: AT_MS }
}

fn due(key: &str, due_ms: u64) -> Item {
    Item { due_ms: Some(due_ms), ..item(key, "receipt#", "r") }
}

fn sorted(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by(|a, b| a.place.cmp(&b.place));
    items
}

/// What every adapter does.
async fn contract(store: &impl Store) {
    assert_eq!(store.get(&[place("k", "result")]).await.unwrap(), []);
    assert_eq!(store.query(&["k".into()]).await.unwrap(), []);
    let all = [item("k", "more", ""), item("k", "result", "{}"), item("k", "result#1", "x")];
    store.put(&all).await.unwrap();
    store.put(&[item("l", "result", "l")]).await.unwrap();
    let asked = [place("k", "result"), place("k", "waiting"), place("l", "result")];
    let found = sorted(store.get(&asked).await.unwrap());
    assert_eq!(found, [all[1].clone(), item("l", "result", "l")]);
    assert_eq!(sorted(store.query(&["k".into()]).await.unwrap()), all);

    // The same again changes nothing; another one replaces it whole.
    store.put(&all).await.unwrap();
    assert_eq!(sorted(store.query(&["k".into()]).await.unwrap()), all);
    store.put(&[due("m", AT_MS)]).await.unwrap();
    store.put(&[item("m", "receipt#", "s")]).await.unwrap();
    let keys = ["l".to_owned(), "m".to_owned(), "absent".to_owned()];
    let found = sorted(store.query(&keys).await.unwrap());
    assert_eq!(found, [item("l", "result", "l"), item("m", "receipt#", "s")]);

    // More than one request takes.
    let many: Vec<_> = (0..260).map(|n| item(&format!("many {n:03}"), "result", "m")).collect();
    store.put(&many).await.unwrap();
    let places: Vec<_> = many.iter().map(|item| item.place.clone()).collect();
    assert_eq!(sorted(store.get(&places).await.unwrap()), many);
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    contract(&MemoryStore::default()).await;
}

#[tokio::test]
async fn the_store_in_dynamodb_keeps_the_contract() {
    contract(&dynamo().await.0).await;
}

#[tokio::test]
async fn a_query_reads_all_pages() {
    let (store, _) = dynamo().await;
    // 1 MB a page.
    let data = "d".repeat(100_000);
    let all: Vec<_> = (0..25).map(|n| item("k", &format!("result#{n:02}"), &data)).collect();
    store.put(&all).await.unwrap();
    assert_eq!(store.query(&["k".into()]).await.unwrap().len(), 25);
}

#[tokio::test]
async fn items_left_unprocessed_are_sent_again() {
    let address = support::serve();
    create_table(&support::client(address)).await;
    // HTTP 200, and nothing of it was written: the SDK does not repeat that.
    let attributes = |key: &str| {
        format!(
            r#"{{"key":{{"S":"{key}"}},"item":{{"S":"result"}},"ttl":{{"N":"1760000000"}},"data":{{"S":"x"}}}}"#
        )
    };
    let put = |key: &str| format!(r#"{{"PutRequest":{{"Item":{}}}}}"#, attributes(key));
    let unprocessed =
        format!(r#"{{"UnprocessedItems":{{"{TABLE}":[{},{}]}}}}"#, put("a"), put("b"));
    let slow = support::answers_first(unprocessed.leak(), address).await;
    let store = CorrelationsTable::new(support::client(slow), TABLE.into());
    let all = [item("a", "result", "x"), item("b", "result", "x")];
    store.put(&all).await.unwrap();
    let places = [place("a", "result"), place("b", "result")];
    assert_eq!(sorted(store.get(&places).await.unwrap()), all);

    // A read likewise.
    let key = |key: &str| format!(r#"{{"key":{{"S":"{key}"}},"item":{{"S":"result"}}}}"#);
    let unread = format!(
        r#"{{"Responses":{{"{TABLE}":[{}]}},"UnprocessedKeys":{{"{TABLE}":{{"Keys":[{}],"ConsistentRead":true}}}}}}"#,
        attributes("a"),
        key("b")
    );
    let slow = support::answers_first(unread.leak(), address).await;
    let store = CorrelationsTable::new(support::client(slow), TABLE.into());
    assert_eq!(sorted(store.get(&places).await.unwrap()), all);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_made() {
    let address = support::serve();
    create_table(&support::client(address)).await;
    let lossy = support::Lossy::before(address).await;
    let store = CorrelationsTable::new(support::client(lossy.address), TABLE.into());
    lossy.lose_next();
    store.put(&[item("k", "result", "x")]).await.unwrap();
    assert!(!lossy.is_losing(), "no answer was lost");
    assert_eq!(store.query(&["k".into()]).await.unwrap(), [item("k", "result", "x")]);
    // What is there stays, also if it is our own of which the answer was lost.
    lossy.lose_next();
    let ours = item("k", "attempt#0", "one");
    assert_eq!(store.put_if_absent(ours.clone()).await.unwrap(), ours);
    let theirs = item("k", "attempt#0", "two");
    assert_eq!(store.put_if_absent(theirs).await.unwrap(), ours);
}

#[tokio::test]
async fn only_receipts_that_wait_are_in_the_index_until_they_are_settled() {
    let (store, client) = dynamo().await;
    let hour_ms = AT_MS / 3_600_000 * 3_600_000;
    let all = [due("b", hour_ms + 2), due("a", hour_ms + 1), due("c", hour_ms + 3)];
    store.put(&all).await.unwrap();
    store.put(&[item("d", "result", "x"), due("e", hour_ms - 1)]).await.unwrap();
    let hour = due_hour(hour_ms);
    let found = async |until_ms, limit| -> Vec<String> {
        let places = store.due(&hour, until_ms, limit).await.unwrap();
        places.into_iter().map(|place| place.key).collect()
    };
    assert_eq!(found(hour_ms + 2, 10).await, ["a", "b"]);
    assert_eq!(found(hour_ms + 9, 1).await, ["a"]);
    store.settle(&all[1].place).await.unwrap();
    store.settle(&place("gone", "receipt#")).await.unwrap();
    assert_eq!(found(hour_ms + 9, 10).await, ["b", "c"]);
    assert_eq!(store.query(&["gone".into()]).await.unwrap(), []);
    let kept = store.get(&[all[1].place.clone()]).await.unwrap();
    assert_eq!(kept, [Item { due_ms: None, ..all[1].clone() }]);
    let key = [("key", "a"), ("item", "receipt#")];
    let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
    let raw = client.get_item().table_name(TABLE).set_key(Some(key.into_iter().collect()));
    let raw = raw.send().await.unwrap().item.unwrap();
    assert_eq!(raw["ttl"], AttributeValue::N((AT_MS / 1000).to_string()));
}
