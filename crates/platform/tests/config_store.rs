//! Table `config` over an embedded store: versions, who wins, and answers that were lost.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use domain::config::{Document, SlotLedger};
use platform::config_store::{ConfigStore, NoSuchVersion, Outdated};

/// A store on a free port, on threads of its own (its calls block).
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

async fn store() -> ConfigStore {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", serve()))
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    let client = Client::from_conf(config);
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let attribute = |name: &str| {
        let builder = AttributeDefinition::builder().attribute_name(name);
        builder.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    client
        .create_table()
        .table_name("config")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("version"))
        .attribute_definitions(attribute("entity"))
        .key_schema(key("version", KeyType::Hash))
        .key_schema(key("entity", KeyType::Range))
        .send()
        .await
        .unwrap();
    ConfigStore::new(client, "config".to_owned())
}

fn document(provider: &str, slots: &[u32]) -> Document {
    let json = format!(
        r#"{{"providers": [{{"id": "{provider}", "slots": {slots:?}, "link": {{"smpp":
           {{"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}}}}}}]}}"#
    );
    serde_json::from_str(&json).unwrap()
}

/// Prefixes that hardly compress: more than one chunk.
fn large() -> Document {
    let mut state = 1_u64;
    let prefixes: Vec<String> = (0..150_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 30).to_string()
        })
        .collect();
    let route = serde_json::json!({"id": "r", "to": [], "when": {"destinations": prefixes}});
    serde_json::from_value(serde_json::json!({"routes": [route]})).unwrap()
}

fn is_outdated(result: &anyhow::Result<u64>, current: Option<u64>) -> bool {
    let outdated = result.as_ref().err().and_then(|error| error.downcast_ref::<Outdated>());
    outdated == Some(&Outdated { current })
}

#[tokio::test]
async fn versions_follow_each_other_and_each_is_kept() {
    let store = store().await;
    assert_eq!(store.current().await.unwrap(), None);
    assert!(store.load(1).await.unwrap_err().is::<NoSuchVersion>());
    let (first, second) = (document("alpha", &[0, 1]), document("beta", &[2]));
    assert_eq!(store.apply(None, &first, "a").await.unwrap(), 1);
    assert_eq!(store.apply(Some(1), &second, "b").await.unwrap(), 2);
    assert_eq!(store.current().await.unwrap(), Some(2));
    assert_eq!(*store.load(1).await.unwrap(), first);
    assert_eq!(*store.load(2).await.unwrap(), second);
    let ledger = SlotLedger::default().with(&first);
    assert_eq!(store.slots(1).await.unwrap(), ledger);
    assert_eq!(store.slots(2).await.unwrap(), ledger.with(&second));
}

#[tokio::test]
async fn of_two_changes_to_one_version_the_second_is_outdated_and_leaves_the_first_whole() {
    let store = store().await;
    let (first, other) = (document("alpha", &[0]), document("beta", &[9]));
    store.apply(None, &first, "a").await.unwrap();
    assert!(is_outdated(&store.apply(None, &other, "b").await, Some(1)));
    assert_eq!(*store.load(1).await.unwrap(), first);
    assert_eq!(store.slots(1).await.unwrap(), SlotLedger::default().with(&first));
}

#[tokio::test]
async fn the_same_writers_repeat_succeeds_until_another_version_follows() {
    let store = store().await;
    let first = document("alpha", &[0]);
    assert_eq!(store.apply(None, &first, "a").await.unwrap(), 1);
    assert_eq!(store.apply(None, &first, "a").await.unwrap(), 1);
    store.apply(Some(1), &document("alpha", &[0, 1]), "b").await.unwrap();
    assert!(is_outdated(&store.apply(None, &first, "a").await, Some(2)));
    // A writer that comes back with another change cannot turn the version back either.
    assert!(is_outdated(&store.apply(None, &first, "b").await, Some(2)));
    assert_eq!(store.current().await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_large_document_is_kept_in_chunks() {
    let store = store().await;
    let large = large();
    store.apply(None, &large, "a").await.unwrap();
    assert_eq!(*store.load(1).await.unwrap(), large);
}
