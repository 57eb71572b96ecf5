//! Messages with a time: parked whatever the clock says, routed when `release` says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::Ordering;

use domain::message::Message;
use scheduling::park::Parked;
use serde_json::json;
use support::*;
use wire::V;
use wire::customer_deliveries::{CustomerDelivery, Delivered};
use wire::customer_incoming::ReleasedRef;

fn scheduled(time_ms: u64) -> Message {
    let mut message = message("4917012345678");
    message.envelope.schedule_ms = Some(time_ms);
    message
}

fn released(message: &Message) -> Vec<u8> {
    wire::encode(&ReleasedRef { v: V, message, released: true })
}

fn happened(published: &[Published]) -> Vec<String> {
    let events = on(published, "message-events");
    let events =
        events.iter().flat_map(|record| record.json()["events"].as_array().unwrap().clone());
    events.map(|event| event["happened"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_message_with_a_time_is_parked_whatever_the_clock_says() {
    for time_ms in [NOW_MS + 60_000, NOW_MS - 1, 0] {
        let (store, kafka) = (store(), Kafka::default());
        let values = [encoded(&scheduled(time_ms)), encoded(&message("4917012345678"))];
        handler(&store, &kafka).handle(&read(&event(&values))).await.unwrap();
        let published = kafka.stored.into_inner().unwrap();
        assert_eq!(on(&published, "provider-outgoing-alpha-normal").len(), 1, "the other one");
        assert_eq!(*store.parked.lock().unwrap(), [scheduled(time_ms)]);
        let happened = happened(&published);
        assert!(happened.contains(&"scheduled".to_owned()), "{happened:?}");
        assert_eq!(happened.iter().filter(|it| *it == "accepted").count(), 2);
    }
}

#[tokio::test]
async fn what_was_released_is_routed_and_not_called_accepted_again() {
    let mut again = scheduled(NOW_MS + 60_000);
    again.attempt = 1;
    for value in [released(&scheduled(NOW_MS + 60_000)), encoded(&again)] {
        let published = published(&[value]).await;
        assert_eq!(published[0].topic, "provider-outgoing-alpha-normal");
        assert_eq!(happened(&published), ["routed"]);
    }
}

#[tokio::test]
async fn what_was_cancelled_before_is_told_as_deleted() {
    let mut store = store();
    store.parks_as = Parked::Cancelled(NOW_MS - 5);
    let kafka = Kafka::default();
    let values = [encoded(&scheduled(NOW_MS - 1))];
    handler(&store, &kafka).handle(&read(&event(&values))).await.unwrap();
    let published = kafka.stored.into_inner().unwrap();
    let told: CustomerDelivery =
        wire::decode(&on(&published, "customer-deliveries")[0].value).unwrap();
    let Delivered::Receipt(receipt) = told.what else { panic!() };
    assert_eq!((receipt.error.as_str(), receipt.done_ms), ("908", NOW_MS - 5));
    assert_eq!(json!(receipt.state), "deleted");
    assert!(happened(&published).contains(&"cancelled".to_owned()));
    assert!(!published.iter().any(|it| it.topic.starts_with("provider-outgoing")));
}

#[tokio::test]
async fn a_batch_that_cannot_be_parked_comes_again_and_publishes_nothing() {
    let (store, kafka) = (store(), Kafka::default());
    store.down.store(true, Ordering::Relaxed);
    let values = [encoded(&scheduled(NOW_MS + 1))];
    assert!(handler(&store, &kafka).handle(&read(&event(&values))).await.is_err());
    assert!(kafka.stored.into_inner().unwrap().is_empty());
}
