//! Table `opt_outs` over a real store, as template.yaml declares it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use domain::id::{CustomerId, MessageId};
use domain::mo::Subject;
use domain::mo::opt_out::{Change, History};
use platform::opt_outs::{Key, OptOutsTable, Put};

async fn table() -> OptOutsTable {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()).await;
        });
    });
    let address = told.recv_timeout(Duration::from_secs(30)).unwrap();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    let client = Client::from_conf(config);
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let attribute = |name: &str| {
        let kind = ScalarAttributeType::S;
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    client
        .create_table()
        .table_name("opt_outs")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("who"))
        .attribute_definitions(attribute("subject"))
        .key_schema(key("who", KeyType::Hash))
        .key_schema(key("subject", KeyType::Range))
        .send()
        .await
        .unwrap();
    OptOutsTable::new(client, "opt_outs".to_owned())
}

fn key(customer: &str, sender: Option<&str>, handset: &str) -> Key {
    Key::new(&Subject { customer: &CustomerId::from(customer), sender }, handset)
}

fn history(stop: bool, at_ms: u64) -> History {
    let mut history = History::default();
    let by = MessageId::new(at_ms, [1; 10]);
    assert!(history.add(Change { by, stop, wrote_ms: at_ms, in_force_ms: at_ms }, 0));
    history
}

#[tokio::test]
async fn what_was_written_is_read_and_each_subject_and_customer_is_apart() {
    let table = table().await;
    let keys = [
        key("acme", None, "4670"),
        key("acme", Some("any"), "4670"),
        key("acme", Some("72000"), "4670"),
        key("beta", None, "4670"),
        key("acme", None, "4671"),
    ];
    for (n, key) in (1..).zip(&keys) {
        let put = Put { key: key.clone(), read_version: 0, history: history(true, n) };
        assert_eq!(table.write(&[put], "w").await.unwrap(), [true]);
    }
    // More than one request can hold, most of them not there.
    let mut asked = keys.to_vec();
    asked.extend((0..250).map(|n| key("acme", None, &n.to_string())));
    let found = table.read(&asked).await.unwrap();
    assert_eq!(found.len(), keys.len());
    for (n, key) in (1..).zip(&keys) {
        assert_eq!((found[key].version, &found[key].history), (1, &history(true, n)));
    }
}

#[tokio::test]
async fn a_write_is_made_on_the_version_that_was_read_and_repeated_by_its_own_writer_only() {
    let table = table().await;
    let key = key("acme", Some("72000"), "4670");
    let put =
        |read_version, at_ms| Put { key: key.clone(), read_version, history: history(true, at_ms) };
    let write = async |put, writer| table.write(&[put], writer).await.unwrap()[0];
    assert!(write(put(0, 1), "a").await);
    assert!(write(put(0, 1), "a").await, "its answer was lost");
    assert!(!write(put(0, 2), "b").await);
    assert!(write(put(1, 3), "b").await);
    assert!(write(put(1, 3), "b").await);
    assert!(!write(put(1, 4), "a").await);
    assert!(!write(put(7, 4), "a").await);
    let found = table.read(std::slice::from_ref(&key)).await.unwrap();
    assert_eq!((found[&key].version, &found[&key].history), (2, &history(true, 3)));
}

#[test]
fn a_key_shows_neither_handset_nor_sender() {
    let shown = format!("{:?}", key("acme", Some("72000"), "4670"));
    assert!(!shown.contains("72000") && !shown.contains("4670"), "{shown}");
}
