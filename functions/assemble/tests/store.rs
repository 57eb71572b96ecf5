//! The contract of the store, over each of its adapters, and what only DynamoDB can do wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;

use assemble::held::Held;
use assemble::item::{Finished, Generation, Item};
use assemble::ports::Store;
use assemble::run::{Put, Stored};
use assemble::store::{DynamoStore, MemoryStore};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::address::Address;
use domain::id::PartId;
use domain::message::{Concatenation, Envelope, Part, Priority, ReferenceKind};
use domain::octets::Octets;
use wire::V;
use wire::assembly_deadlines::due_hour;
use wire::customer_incoming::IncomingPart;
use wire::provider_incoming::{HandsetEnvelope, ProviderPart};

const KEEP_MS: u64 = 86_400_000;
const DUE_MS: u64 = 1_760_000_300_000;

fn part(index: u8, octets: usize) -> Held {
    Held::Customer(customers_part(index, octets))
}

/// The same content from a handset.
fn handsets_part(index: u8) -> Held {
    let IncomingPart { v, concatenation, part, envelope } = customers_part(index, 140);
    let envelope = HandsetEnvelope {
        provider: "alpha".into(),
        source: envelope.source,
        destination: envelope.destination,
        service: envelope.service,
        pid: envelope.pid,
        esm: envelope.esm,
        coding: envelope.coding,
        arrived_ms: envelope.accepted_ms,
        config: envelope.config,
    };
    Held::Handset(ProviderPart { v, envelope, concatenation, part })
}

fn customers_part(index: u8, octets: usize) -> IncomingPart {
    let address = |number: &str| Address { ton: 1, npi: 1, number: number.into() };
    IncomingPart {
        v: V,
        envelope: Envelope {
            customer: "acme".into(),
            source: address("4670"),
            destination: address("4671"),
            service: "CMT".into(),
            pid: 1,
            esm: 3,
            coding: 8,
            priority: Priority::High,
            accepted_ms: 1_760_000_000_000,
            valid_until_ms: 1_760_086_400_000,
            schedule_ms: None,
            config: 12,
        },
        concatenation: Concatenation { kind: ReferenceKind::Udh16, reference: 7, total: 3, index },
        part: Part {
            id: PartId::new(DUE_MS, [index; 10]),
            aliases: vec![PartId::new(DUE_MS, [index + 100; 10])],
            octets: Octets(vec![index; octets]),
            udh: Octets(vec![1, 2, 3]),
            receipt: 1,
        },
    }
}

/// An item with something in every place.
fn full() -> Item {
    let open =
        Generation { deadline_ms: DUE_MS, partition: 3, parts: vec![part(1, 140), part(3, 9)] };
    let closed = Generation { deadline_ms: DUE_MS - 5, partition: 3, parts: vec![part(2, 1)] };
    Item { open: vec![open], closed: vec![closed], finished: finished() }
}

fn finished() -> Vec<Finished> {
    let ids = |count: u8| (0..count).map(|n| PartId::new(1, [n; 10])).collect();
    vec![Finished { at_ms: DUE_MS - 9, ids: ids(3) }, Finished { at_ms: DUE_MS, ids: ids(255) }]
}

fn put(key: &str, read_version: u64, item: Item) -> Put {
    Put { key: key.into(), read_version, item }
}

async fn read(store: &impl Store, key: &str) -> Option<Stored> {
    store.read(&[key.to_owned()]).await.unwrap().remove(key)
}

async fn write(store: &impl Store, put: Put, writer: &str) -> bool {
    store.write(vec![put], writer).await.unwrap()[0]
}

/// What every adapter does.
async fn contract(store: &impl Store) {
    // What was written is read.
    assert_eq!(read(store, "k").await, None);
    assert!(write(store, put("k", 0, full()), "one").await);
    assert_eq!(read(store, "k").await, Some(Stored { version: 1, item: full() }));

    // Handsets' parts too, as what they are.
    let parts = vec![handsets_part(2), handsets_part(1)];
    let open = vec![Generation { deadline_ms: DUE_MS, partition: 0, parts }];
    let handsets = Item { open, ..Item::default() };
    assert!(write(store, put("h", 0, handsets.clone()), "one").await);
    assert_eq!(read(store, "h").await, Some(Stored { version: 1, item: handsets }));

    // Only one of two that read the same version writes.
    let later = Item { finished: finished(), ..Item::default() };
    assert!(!write(store, put("k", 0, later.clone()), "two").await);
    assert!(write(store, put("k", 1, later.clone()), "two").await);
    assert!(!write(store, put("k", 1, full()), "one").await);
    assert!(!write(store, put("k", 3, full()), "one").await);
    assert_eq!(read(store, "k").await, Some(Stored { version: 2, item: later.clone() }));

    // A repeat by the same writer is the same write; after another's it is not.
    assert!(write(store, put("k", 1, later.clone()), "two").await);
    assert!(write(store, put("k", 2, full()), "three").await);
    assert!(!write(store, put("k", 1, later), "two").await);

    many(store).await;
}

/// More keys than one request takes; each write stands for itself.
async fn many(store: &impl Store) {
    let keys: Vec<String> = (0..250).map(|n| format!("many {n}")).collect();
    assert!(write(store, put("many 7", 0, full()), "before").await);
    let puts: Vec<_> = keys.iter().map(|key| put(key, 0, full())).collect();
    let made = store.write(puts, "many").await.unwrap();
    let refused: Vec<_> = (0..250).filter(|n| !made[*n]).collect();
    assert_eq!(refused, [7]);
    let asked: Vec<_> = keys.iter().cloned().chain(["absent".to_owned()]).collect();
    let found = store.read(&asked).await.unwrap();
    assert_eq!(found.len(), 250);
    assert!(found.values().all(|stored| *stored == Stored { version: 1, item: full() }));

    // The same again by the same writer, as after a lost answer; and new ones among known ones.
    let puts: Vec<_> = keys.iter().map(|key| put(key, 0, full())).collect();
    assert_eq!(store.write(puts, "many").await.unwrap(), made);
    let next = (0..30).map(|n| put(&format!("many {}", 240 + n), u64::from(n < 10), full()));
    assert_eq!(store.write(next.collect(), "later").await.unwrap(), [true; 30]);
}

async fn dynamo() -> (DynamoStore, aws_sdk_dynamodb::Client) {
    let client = support::client(support::serve());
    support::create_table(&client).await;
    (DynamoStore::new(client.clone(), support::TABLE.into(), KEEP_MS), client)
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
async fn a_batch_read_that_leaves_keys_unprocessed_is_gone_on_with() {
    // 80 items of 270 KB: an answer holds 16 MB at most.
    let (store, _) = dynamo().await;
    let big = Item {
        open: vec![Generation { deadline_ms: DUE_MS, partition: 0, parts: vec![part(1, 200_000)] }],
        ..Item::default()
    };
    let keys: Vec<String> = (0..80).map(|n| format!("big {n}")).collect();
    let puts = keys.iter().map(|key| put(key, 0, big.clone())).collect();
    assert!(store.write(puts, "one").await.unwrap().iter().all(|made| *made));
    let found = store.read(&keys).await.unwrap();
    assert_eq!(found.len(), 80);
    assert!(found.values().all(|stored| stored.item == big));
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_counts_as_made() {
    let address = support::serve();
    support::create_table(&support::client(address)).await;
    let lossy = support::Lossy::before(address).await;
    let client = support::client(lossy.address);
    let store = DynamoStore::new(client, support::TABLE.into(), KEEP_MS);
    for version in 0..3 {
        lossy.lose_next();
        assert!(write(&store, put("k", version, full()), &format!("writer {version}")).await);
        assert!(!lossy.is_losing(), "no answer was lost");
        assert_eq!(read(&store, "k").await.map(|stored| stored.version), Some(version + 1));
    }
}

#[tokio::test]
async fn inserts_whose_answer_was_lost_or_that_were_throttled_count_as_made() {
    let address = support::serve();
    support::create_table(&support::client(address)).await;
    let two = |n: u8| [put(&format!("a {n}"), 0, full()), put(&format!("b {n}"), 0, full())];

    let lossy = support::Lossy::before(address).await;
    let store = DynamoStore::new(support::client(lossy.address), support::TABLE.into(), KEEP_MS);
    lossy.lose_next();
    assert_eq!(store.write(two(0).to_vec(), "one").await.unwrap(), [true, true]);
    assert!(!lossy.is_losing(), "no answer was lost");
    assert_eq!(store.write(two(0).to_vec(), "two").await.unwrap(), [false, false]);

    // HTTP 200, and one of the statements is refused: the SDK does not repeat it.
    let refused = r#"{"Responses":[{"Error":{"Code":"ThrottlingError","Message":"slow"}},{}]}"#;
    let throttled = support::answers_first(refused, address).await;
    let store = DynamoStore::new(support::client(throttled), support::TABLE.into(), KEEP_MS);
    assert_eq!(store.write(two(1).to_vec(), "one").await.unwrap(), [true, true]);
    assert_eq!(read(&store, "a 1").await.map(|stored| stored.version), Some(1));
}

#[tokio::test]
async fn only_an_item_with_something_to_be_done_is_in_the_index_of_deadlines() {
    let (store, client) = dynamo().await;
    let attributes = async |item: Item, version: u64| -> HashMap<String, AttributeValue> {
        assert!(write(&store, put("k", version, item), "one").await);
        let key = AttributeValue::S("k".into());
        let found = client.get_item().table_name(support::TABLE).key("key", key);
        found.consistent_read(true).send().await.unwrap().item.unwrap()
    };
    let open = attributes(full(), 0).await;
    let earliest = DUE_MS - 5;
    assert_eq!(open["due_at"], AttributeValue::N(earliest.to_string()));
    assert_eq!(open["due_hour"], AttributeValue::S(due_hour(earliest)));
    assert!(!open.contains_key("ttl"), "what is open must not go by itself");

    let done = attributes(Item { finished: finished(), ..Item::default() }, 1).await;
    assert!(!done.contains_key("due_at") && !done.contains_key("due_hour"));
    let ttl_s = (DUE_MS + KEEP_MS) / 1000;
    assert_eq!(done["ttl"], AttributeValue::N(ttl_s.to_string()));
}
