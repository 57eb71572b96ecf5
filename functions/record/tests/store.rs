//! Table `messages` as an embedded store has it: what is appended is found again, by every way to it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../assemble/tests/support/mod.rs"]
mod support;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::SocketAddr;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use domain::address::Address;
use domain::id::{CustomerId, MessageId, PartId};
use platform::messages::{MessagesTable, NumberHash, Page};
use record::items::{Form, Item, items};
use record::ports::Store as _;
use record::store::DynamoStore;
use wire::message_events::{self, Happened, MessageEvent, PartIds};
use wire::message_status::Status;

const TABLE: &str = "messages";
const AT_MS: u64 = 1_795_248_000_000;
const DAY: &str = "2026-11-21";

fn form() -> Form {
    Form { numbers: numbers(), keep_ms: 86_400_000 }
}

fn numbers() -> NumberHash {
    NumberHash::new("a pepper of tests")
}

/// The table, as template.yaml declares it.
async fn create_table(client: &Client) {
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let text = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let index = |name: &str, hash: &str| {
        let keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(hash, KeyType::Hash))
            .key_schema(key("at", KeyType::Range))
            .projection(keys)
            .build()
            .unwrap()
    };
    let names = ["message", "item", "customer_day", "handset_day", "at"];
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(names.map(text).to_vec()))
        .key_schema(key("message", KeyType::Hash))
        .key_schema(key("item", KeyType::Range))
        .global_secondary_indexes(index("customer", "customer_day"))
        .global_secondary_indexes(index("handset", "handset_day"))
        .send()
        .await
        .unwrap();
}

async fn table() -> (SocketAddr, DynamoStore, MessagesTable) {
    let address = support::serve();
    let client = support::client(address);
    create_table(&client).await;
    let store = DynamoStore::new(client.clone(), TABLE.to_owned());
    (address, store, MessagesTable::new(client, TABLE.to_owned()))
}

fn message(n: u16) -> MessageId {
    MessageId::new(AT_MS, [1, 2, 3, 4, 5, 6, 7, 8, n.to_be_bytes()[0], n.to_be_bytes()[1]])
}

fn event(message: MessageId, happened: Happened, at_ms: u64) -> MessageEvent<'static> {
    let customer = Cow::Owned(CustomerId::from("acme"));
    MessageEvent::new(message.event(happened.as_str(), 0), message, customer, happened, "t", at_ms)
}

fn address(number: &str) -> Address {
    Address { ton: 1, npi: 1, number: number.to_owned() }
}

fn accepted(message: MessageId, to: &str, at_ms: u64) -> MessageEvent<'static> {
    let (source, destination) = (address("ACME"), address(to));
    event(message, Happened::Accepted, at_ms).between(&source, &destination).into_owned()
}

/// The items of a batch with these events.
fn written(events: &[MessageEvent<'_>]) -> Vec<Item> {
    let told = |(_, value): (String, Vec<u8>)| record::events::read(&value).unwrap().events;
    items(message_events::records(&mut events.to_vec()).flat_map(told).collect(), &form())
}

#[tokio::test]
async fn what_was_appended_in_whatever_batches_is_read_as_one_journey() {
    let (_, store, table) = table().await;
    let id = message(1);
    let (begun, routed) = (accepted(id, "4477", AT_MS), event(id, Happened::Routed, AT_MS + 5));
    let delivered = event(id, Happened::Delivered, AT_MS + 9);
    assert_eq!(table.journey(id.into()).await.unwrap(), None);
    store.append(written(&[begun.clone(), routed.clone()])).await.unwrap();
    store.append(written(&[begun.clone(), routed.clone()])).await.unwrap();
    store.append(written(&[routed.clone(), delivered.clone()])).await.unwrap();
    let journey = table.journey(id.into()).await.unwrap().unwrap();
    assert_eq!(journey.events, [begun, routed, delivered]);
    assert_eq!((journey.message, journey.standing().status), (id, Status::Delivered));
    assert_eq!(journey.customer(), Some(&"acme".into()));
}

#[tokio::test]
async fn a_message_is_found_by_the_ids_of_its_parts_and_of_their_resends() {
    let (_, store, table) = table().await;
    let (id, second, alias) = (message(1), PartId::from(message(2)), PartId::from(message(3)));
    let ids = |id, aliases| PartIds { id, aliases };
    let parts = vec![ids(id.into(), Vec::new()), ids(second, vec![alias])];
    store.append(written(&[MessageEvent { parts, ..accepted(id, "4477", AT_MS) }])).await.unwrap();
    for asked in [id.into(), second, alias] {
        let journey = table.journey(asked).await.unwrap().unwrap();
        assert_eq!((journey.message, journey.events.len()), (id, 1));
        assert_eq!(journey.standing().parts.len(), 2);
    }
    assert_eq!(table.journey(message(4).into()).await.unwrap(), None);
}

#[tokio::test]
async fn a_day_of_a_customer_is_listed_page_by_page_over_all_shards() {
    let (_, store, table) = table().await;
    let mut events: Vec<_> =
        (0..120).map(|n| accepted(message(n), "4477", AT_MS + u64::from(n % 40))).collect();
    // One of another day, one of another customer.
    events.push(accepted(message(500), "4477", AT_MS + 86_400_000));
    let other =
        MessageEvent { customer: Cow::Owned("beta".into()), ..accepted(message(501), "1", AT_MS) };
    events.push(other);
    store.append(written(&events)).await.unwrap();
    // Some are in two items: the indexes have them twice.
    let again: Vec<_> = events[..30]
        .iter()
        .flat_map(|begun| [begun.clone(), event(begun.message, Happened::Routed, AT_MS)])
        .collect();
    store.append(written(&again)).await.unwrap();

    let (customer, mut found, mut next) = (CustomerId::from("acme"), Vec::new(), None);
    loop {
        let page = Page { after: next.as_deref(), limit: 25 };
        let list = table.of_customer(&customer, DAY, page).await.unwrap();
        assert!(list.messages.len() <= 25);
        found.extend(list.messages);
        next = list.next;
        if next.is_none() {
            break;
        }
    }
    let mut expected: Vec<_> =
        events[..120].iter().map(|event| (event.at_ms, event.message)).collect();
    expected.sort_unstable_by_key(|(at_ms, message)| (*at_ms, message.to_string()));
    assert_eq!(found, expected);
    let ids: Vec<_> = found.iter().map(|(_, message)| *message).collect();
    assert_eq!(table.journeys(&ids).await.unwrap().len(), 120);
    let page = Page { after: None, limit: 25 };
    let nobody = table.of_customer(&"nobody".into(), DAY, page).await.unwrap();
    assert_eq!((nobody.messages.len(), nobody.next), (0, None));
}

#[tokio::test]
async fn a_day_of_a_handset_is_what_was_sent_to_it_and_what_it_wrote() {
    let (_, store, table) = table().await;
    let (handset, service) = (address("447700900123"), address("72000"));
    let received = event(message(2), Happened::Received, AT_MS + 1);
    let received = received.between(&handset, &service);
    let events = [
        accepted(message(1), "+447700900123", AT_MS),
        received,
        accepted(message(3), "447700900124", AT_MS),
    ];
    store.append(written(&events)).await.unwrap();
    let hash = numbers().of(&address("00447700900123"));
    let page = Page { after: None, limit: 10 };
    let found = table.of_handset(&hash, DAY, page).await.unwrap();
    assert_eq!(found.messages, [(AT_MS, message(1)), (AT_MS + 1, message(2))]);
    let other_day = table.of_handset(&hash, "2026-11-22", page).await.unwrap();
    assert!(other_day.messages.is_empty());
}

#[tokio::test]
async fn what_a_request_leaves_unprocessed_is_sent_again_until_nothing_is_left() {
    let (address, _, table) = table().await;
    let of = |n| written(&[accepted(message(n), "4477", AT_MS)]).remove(0);
    let left = of(1);
    let item = serde_json::json!({
        "message": {"S": left.message.to_string()}, "item": {"S": left.name},
        "events": {"S": left.events}, "ttl": {"N": left.ttl_s.to_string()},
    });
    let unprocessed = serde_json::json!({TABLE: [{"PutRequest": {"Item": item}}]});
    let answer = serde_json::json!({ "UnprocessedItems": unprocessed }).to_string();
    let slow = support::answers_first(Box::leak(answer.into_boxed_str()), address).await;
    let store = DynamoStore::new(support::client(slow), TABLE.to_owned());
    store.append(vec![of(1), of(2)]).await.unwrap();
    assert!(table.journey(message(1).into()).await.unwrap().is_some());
    // The store said that it had this one, and it was not sent again.
    assert!(table.journey(message(2).into()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_answer_that_was_lost_does_no_harm() {
    let (address, _, table) = table().await;
    let lossy = support::Lossy::before(address).await;
    let store = DynamoStore::new(support::client(lossy.address), TABLE.to_owned());
    lossy.lose_next();
    store.append(written(&[accepted(message(1), "4477", AT_MS)])).await.unwrap();
    assert!(!lossy.is_losing(), "no answer was lost");
    assert_eq!(table.journey(message(1).into()).await.unwrap().unwrap().events.len(), 1);
}

#[tokio::test]
async fn no_key_of_an_index_holds_a_number() {
    let (address, store, _) = table().await;
    store.append(written(&[accepted(message(1), "447700900123", AT_MS)])).await.unwrap();
    let scan = support::client(address).scan().table_name(TABLE).send().await.unwrap();
    let keys: BTreeSet<_> = scan.items()[0].keys().map(String::as_str).collect();
    let expected = ["at", "customer_day", "events", "handset_day", "item", "message", "ttl"];
    assert_eq!(keys, BTreeSet::from(expected));
    for (name, value) in &scan.items()[0] {
        assert!(name == "events" || !format!("{value:?}").contains("7700900123"), "{name}");
    }
}
