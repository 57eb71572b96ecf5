//! Table `scheduled` as DynamoDB answers, and the machines over it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use domain::address::Address;
use domain::id::{CustomerId, MessageId};
use domain::message::Message;
use platform::scheduled::{Hints, Schedule, ScheduledTable, Store as _};
use scheduling::change::{Change, Changed, Changing};
use scheduling::park::{Parked, Parking};
use scheduling::release::Releasing;
use scheduling::{Answer, Machine as _, Step};
use serde_json::json;
use wire::assembly_deadlines::due_hour;
use wire::scheduled::{Hint, Item, Put};

const NOW_MS: u64 = 1_760_000_000_000;
const TIME_MS: u64 = NOW_MS + 600_000;
const MAX: usize = 10;

fn acme() -> CustomerId {
    "acme".into()
}

fn id() -> MessageId {
    MessageId::new(NOW_MS, [1; 10])
}

fn message() -> Message {
    let message = json!({
        "id": id(),
        "envelope": {
            "customer": "acme", "source": {"ton": 5, "addr": "ACME"},
            "destination": {"ton": 1, "npi": 1, "addr": "491701"}, "accepted_ms": NOW_MS,
            "valid_until_ms": TIME_MS + 3_600_000, "schedule_ms": TIME_MS, "config": 3,
        },
        "parts": [{"id": id(), "octets": "aGk=", "receipt": 1}],
        "attempt_ms": NOW_MS,
    });
    serde_json::from_value(message).unwrap()
}

fn serve() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()).await;
        });
    });
    told.recv_timeout(Duration::from_secs(30)).unwrap()
}

#[derive(Default)]
struct Queue(Mutex<Vec<(Hint, Duration)>>);

impl Hints for Queue {
    async fn send(&self, hints: &[(Hint, Duration)]) -> anyhow::Result<()> {
        self.0.lock().unwrap().extend_from_slice(hints);
        Ok(())
    }
}

#[tokio::test]
async fn a_write_is_made_on_its_condition_and_a_repeat_by_its_writer_counts() {
    let table = table().await;
    let put = |read_version, at_ms| {
        let item = Item::Cancelled { at_ms };
        Put { message: id(), read_version, item }
    };
    assert_eq!(table.get(&acme(), id()).await.unwrap(), None);
    assert!(table.put(&acme(), &put(0, 1), "one").await.unwrap());
    assert!(table.put(&acme(), &put(0, 1), "one").await.unwrap(), "its own");
    assert!(!table.put(&acme(), &put(0, 2), "two").await.unwrap());
    assert!(table.put(&acme(), &put(1, 3), "two").await.unwrap());
    assert!(!table.put(&acme(), &put(1, 1), "one").await.unwrap());
    let found = table.get(&acme(), id()).await.unwrap().unwrap();
    assert_eq!((found.version, found.item), (2, Item::Cancelled { at_ms: 3 }));
    assert_eq!(table.get(&"beta".into(), id()).await.unwrap(), None, "another's");
}

#[tokio::test]
async fn a_message_is_found_by_its_hour_until_what_follows_is_told() {
    let table = table().await;
    let schedule =
        Schedule { table: table.clone(), queue: Queue::default(), new_writer: || "w".into() };
    let mut parking = Parking::new(message(), TIME_MS, NOW_MS);
    let Ok(Step::Done(Parked::Kept)) = schedule.go_on(&mut parking).await else { panic!() };
    let (hint, delay) = schedule.queue.0.lock().unwrap().remove(0);
    assert_eq!((hint.due_ms, delay), (TIME_MS, Duration::from_mins(10)));

    let due = async |until_ms| table.due(&due_hour(TIME_MS), until_ms, MAX).await.unwrap();
    assert_eq!(due(TIME_MS - 1).await, []);
    assert_eq!(due(TIME_MS).await, [Hint { swept: true, ..hint.clone() }]);

    let mut releasing = Releasing::new(hint, TIME_MS);
    assert!(matches!(schedule.go_on(&mut releasing).await.unwrap(), Step::Configure));
    releasing.answer(Answer::Version(4));
    assert!(matches!(schedule.go_on(&mut releasing).await.unwrap(), Step::Publish(_)));
    assert_eq!(due(TIME_MS).await.len(), 1, "it is not told yet");
    releasing.answer(Answer::Done);
    assert_eq!(schedule.go_on(&mut releasing).await.unwrap(), Step::Done(()));
    assert_eq!(due(u64::MAX >> 8).await, []);

    // A batch that comes again after that finds it, and so does a customer.
    let mut again = Parking::new(message(), TIME_MS, TIME_MS + 1);
    assert_eq!(schedule.go_on(&mut again).await.unwrap(), Step::Done(Parked::Kept));
    assert_eq!(due(u64::MAX >> 8).await, []);
    let from = Address { ton: 0, npi: 0, number: "ACME".into() };
    let mut late = Changing::new(acme(), (id(), from), Change::Cancel(None), TIME_MS + 2);
    assert_eq!(schedule.go_on(&mut late).await.unwrap(), Step::Done(Changed::TooLate));
}

/// The table as template.yaml declares it.
async fn table() -> ScheduledTable {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", serve()))
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"));
    let client = Client::from_conf(config.build());
    let name = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let only_keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let due = GlobalSecondaryIndex::builder()
        .index_name("due")
        .key_schema(key("due_hour", KeyType::Hash))
        .key_schema(key("due_at", KeyType::Range))
        .projection(only_keys)
        .build()
        .unwrap();
    client
        .create_table()
        .table_name("scheduled")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(name("customer", ScalarAttributeType::S))
        .attribute_definitions(name("message", ScalarAttributeType::S))
        .attribute_definitions(name("due_hour", ScalarAttributeType::S))
        .attribute_definitions(name("due_at", ScalarAttributeType::N))
        .key_schema(key("customer", KeyType::Hash))
        .key_schema(key("message", KeyType::Range))
        .global_secondary_indexes(due)
        .send()
        .await
        .unwrap();
    ScheduledTable::new(client, "scheduled".into())
}
