//! The handler over ports in memory: what becomes of good records, poison and outages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use domain::config::LongMessages;
use domain::id::PartId;
use domain::message::ReferenceKind;
use domain::octets::Octets;
use platform::time_limit::{EXCEEDED, TimeLimit};
use serde_json::{Value, json};
use support::*;
use wire::customer_deliveries::{CustomerDelivery, Delivered, Failure, Receipt};
use wire::dead_letters::DeadLetter;
use wire::provider_outgoing::OutgoingMessage;

#[tokio::test]
async fn a_message_goes_to_its_bind_with_its_origin_and_an_event_that_says_why() {
    let message = message("4917012345678");
    let published = published(&[encoded(&message)]).await;
    assert_eq!(published.len(), 2);
    let sent = &published[0];
    assert_eq!(sent.topic, "provider-outgoing-alpha-normal");
    assert_eq!(sent.partition, Some(i32::try_from((message.id.spread() >> 32) % 4).unwrap()));
    assert_eq!(sent.key, message.id.to_string());
    let outgoing: OutgoingMessage = wire::decode(&sent.value).unwrap();
    assert_eq!((outgoing.origin.partition, outgoing.origin.offset), (2, 0));
    assert_eq!((outgoing.provider.as_str(), outgoing.route.as_str()), ("alpha", "de"));
    assert_eq!(outgoing.message, message);
    assert_eq!(published[1].topic, "message-events");
    let events = &published[1].json()["events"];
    let accepted = &events[0];
    assert_eq!((&accepted["happened"], &accepted["by"]), (&json!("accepted"), &json!("smpp-edge")));
    assert_eq!((&accepted["at_ms"], &accepted["parts"]), (&json!(ACCEPTED_MS), &Value::Null));
    assert_eq!(accepted["destination"]["addr"], "4917012345678");
    let event = &events[1];
    assert_eq!(event["happened"], "routed");
    assert_eq!(event["provider"], "alpha");
    assert!(
        event["detail"].as_str().unwrap().contains("route de (a prefix of 2 digits)"),
        "{event}"
    );
}

#[tokio::test]
async fn a_route_may_choose_the_queue_and_a_tried_provider_is_passed_over() {
    let published_bulk = published(&[encoded(&message("447700900123"))]).await;
    assert_eq!(published_bulk[0].topic, "provider-outgoing-gamma-bulk");
    let mut again = message("4917012345678");
    again.attempt = 1;
    again.tried = vec!["alpha".into()];
    let published = published(&[encoded(&again)]).await;
    assert_eq!(published[0].topic, "provider-outgoing-gamma-normal");
    let events = published[1].json();
    let happened: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|event| &event["happened"]).collect();
    assert_eq!(happened, ["routed"], "what its first attempt told is not told again");
}

#[tokio::test]
async fn poison_becomes_a_dead_letter_and_holds_up_nobody() {
    let good = message("4917012345678");
    let mut empty = good.clone();
    empty.parts.clear();
    let mut unknown_version = good.clone();
    unknown_version.envelope.config = 99;
    let mut newer: Value = serde_json::from_slice(&encoded(&good)).unwrap();
    newer["v"] = json!(2);
    let mut broken: Value = serde_json::from_slice(&encoded(&good)).unwrap();
    broken["message"]["parts"][0]["octets"] = json!("no base64!");
    let values = [
        b"not json: secret text".to_vec(),
        Vec::new(),
        newer.to_string().into_bytes(),
        broken.to_string().into_bytes(),
        encoded(&empty),
        encoded(&unknown_version),
        encoded(&good),
    ];
    let published = published(&values).await;
    let letters = on(&published, "dead-letters");
    assert_eq!(letters.len(), 6);
    for (letter, (offset, value)) in letters.iter().zip(values.iter().enumerate()) {
        let letter: DeadLetter = wire::decode(&letter.value).unwrap();
        assert_eq!((letter.partition, letter.offset), (2, i64::try_from(offset).unwrap()));
        assert_eq!((&letter.value.0, letter.key.0.as_slice()), (value, &b"key"[..]));
        assert!(
            !letter.reason.is_empty() && !letter.reason.contains("secret"),
            "{}",
            letter.reason
        );
    }
    assert_eq!(on(&published, "provider-outgoing-alpha-normal").len(), 1);
}

#[tokio::test]
async fn a_record_that_was_stuck_becomes_a_dead_letter_once_and_holds_up_nobody() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("stuck");
    std::fs::write(&file, "customer-incoming-messages 2 1\n").unwrap();
    let (store, kafka) = (store(), Kafka::default());
    let mut handler = handler(&store, &kafka);
    handler.shell.limit = TimeLimit::kept_in(file.clone());
    let values = [(); 3].map(|()| encoded(&message("4917012345678")));
    // Until its letter is confirmed it stays suspected.
    kafka.flush_fails.store(true, Ordering::Relaxed);
    assert!(handler.handle(&read(&event(&values))).await.is_err());
    assert!(file.exists());
    kafka.flush_fails.store(false, Ordering::Relaxed);
    handler.handle(&read(&event(&values))).await.unwrap();
    assert!(!file.exists());
    let stored = std::mem::take(&mut *kafka.stored.lock().unwrap());
    let [letter] = on(&stored, "dead-letters")[..] else { panic!("{stored:?}") };
    let letter: DeadLetter = wire::decode(&letter.value).unwrap();
    assert_eq!((letter.partition, letter.offset, letter.reason.as_str()), (2, 1, EXCEEDED));
    assert_eq!(letter.value.0, values[1], "the record itself, to be redriven");
    assert_eq!(on(&stored, "provider-outgoing-alpha-normal").len(), 2);
}

#[tokio::test]
async fn an_outage_of_the_store_fails_the_batch_and_makes_no_dead_letters() {
    let (store, kafka) = (store(), Kafka::default());
    store.down.store(true, Ordering::Relaxed);
    let values = [b"poison".to_vec(), encoded(&message("49170"))];
    let handler = handler(&store, &kafka);
    assert!(handler.handle(&read(&event(&values))).await.is_err());
    assert!(kafka.queued.lock().unwrap().is_empty());
    assert!(kafka.stored.lock().unwrap().is_empty());
    store.down.store(false, Ordering::Relaxed);
    handler.handle(&read(&event(&values))).await.unwrap();
    assert_eq!(kafka.stored.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn when_kafka_refuses_the_batch_fails_and_nothing_stays_queued() {
    let store = store();
    for (refuses_after, flush_fails) in [(Some(0), false), (Some(1), false), (None, true)] {
        let flush_fails = AtomicBool::new(flush_fails);
        let kafka = Kafka { refuses_after, flush_fails, ..Kafka::default() };
        let values = [encoded(&message("49170"))];
        assert!(handler(&store, &kafka).handle(&read(&event(&values))).await.is_err());
        assert!(kafka.queued.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_second_run_writes_what_the_first_wrote() {
    let (store, kafka) = (store(), Kafka::default());
    let mut expired = message("49170");
    expired.envelope.valid_until_ms = ACCEPTED_MS;
    let values = [encoded(&message("49170")), encoded(&expired), encoded(&message("331"))];
    let mut handler = handler(&store, &kafka);
    handler.handle(&read(&event(&values))).await.unwrap();
    let first = std::mem::take(&mut *kafka.stored.lock().unwrap());
    handler.shell.now_ms = later_ms;
    handler.handle(&read(&event(&values))).await.unwrap();
    let second = kafka.stored.lock().unwrap().clone();
    let identity = |all: &[Published]| {
        all.iter()
            .map(|record| {
                let mut value = record.json();
                let events = value["events"].as_array_mut().into_iter().flatten();
                events.for_each(|event| drop(event.as_object_mut().unwrap().remove("at_ms")));
                value.as_object_mut().unwrap().remove("at_ms");
                if let Some(receipt) = value.pointer_mut("/what/receipt") {
                    receipt.as_object_mut().unwrap().remove("done_ms");
                }
                (record.topic.clone(), record.partition, record.key.clone(), value)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(identity(&first), identity(&second));
}

#[tokio::test]
async fn expired_means_before_the_attempt_began_whatever_the_clock_says() {
    let mut waited = message("49170");
    waited.envelope.valid_until_ms = NOW_MS - 1;
    let sent = published(&[encoded(&waited)]).await;
    assert_eq!(on(&sent, "provider-outgoing-alpha-normal").len(), 1);
    let mut retried = waited;
    retried.attempt = 1;
    retried.attempt_ms = retried.envelope.valid_until_ms;
    let failed = published(&[encoded(&retried)]).await;
    let delivery: CustomerDelivery = wire::decode(&failed[0].value).unwrap();
    assert_eq!(receipt(&delivery).error, Failure::Expired.error());
    assert_eq!(failed[1].json()["events"][0]["happened"], "failed");
}

fn receipt(delivery: &CustomerDelivery) -> &Receipt {
    let Delivered::Receipt(receipt) = &delivery.what else { panic!("{delivery:?}") };
    receipt
}

#[tokio::test]
async fn each_part_and_resend_that_asked_gets_one_failure_receipt() {
    let mut unroutable = message("331");
    let part = |n: u8, receipt: u8, aliases: &[u8]| domain::message::Part {
        id: PartId::new(ACCEPTED_MS, [n; 10]),
        aliases: aliases.iter().map(|n| PartId::new(ACCEPTED_MS, [*n; 10])).collect(),
        octets: Octets(vec![n]),
        udh: Octets::default(),
        receipt,
    };
    unroutable.parts =
        vec![part(1, 1, &[11, 12]), part(2, 0, &[]), part(3, 2, &[]), part(4, 3, &[])];
    unroutable.split = Some(ReferenceKind::Udh8);
    let published = published(&[encoded(&unroutable)]).await;
    let deliveries: Vec<CustomerDelivery> = on(&published, "customer-deliveries")
        .iter()
        .map(|record| wire::decode(&record.value).unwrap())
        .collect();
    let parts: Vec<PartId> = deliveries.iter().map(|delivery| receipt(delivery).part).collect();
    let asked = [1, 11, 12, 3].map(|n| PartId::new(ACCEPTED_MS, [n; 10]));
    assert_eq!(parts, asked);
    let unroutable = |d: &&CustomerDelivery| receipt(d).error == Failure::Unroutable.error();
    assert!(deliveries.iter().filter(unroutable).all(|delivery| delivery.at_ms == NOW_MS));
    assert_eq!(deliveries.iter().filter(unroutable).count(), 4);
    let events = on(&published, "message-events")[0].json();
    let [accepted, assembled, failed] = [0, 1, 2].map(|n| &events["events"][n]);
    assert_eq!(
        (&accepted["happened"], &assembled["happened"]),
        (&json!("accepted"), &json!("assembled"))
    );
    assert_eq!(accepted["parts"][0]["aliases"].as_array().unwrap().len(), 2);
    assert_eq!(accepted["parts"].as_array().unwrap().len(), 4);
    assert_eq!(failed["detail"], "unroutable: no route matches");
    assert_eq!((&failed["state"], &failed["error"]), (&json!("undeliverable"), &json!("902")));
}

#[tokio::test]
async fn what_the_customer_may_not_send_is_refused() {
    let mut foreign = message("49170");
    foreign.envelope.customer = "beta".into();
    let published = published(&[encoded(&foreign)]).await;
    let delivery: CustomerDelivery = wire::decode(&published[0].value).unwrap();
    assert_eq!(receipt(&delivery).error, Failure::Refused.error());
    assert_eq!(published.len(), 2);
}

#[tokio::test]
async fn a_long_text_is_cut_for_a_provider_that_wants_parts_only() {
    let mut long = message("49170");
    long.parts[0].octets = Octets(vec![b'a'; 400]);
    let cut = published(&[encoded(&long)]).await;
    let outgoing: OutgoingMessage = wire::decode(&cut[0].value).unwrap();
    assert_eq!(outgoing.message.parts.len(), 3);
    assert_eq!(outgoing.message.split, Some(ReferenceKind::Udh8));
    assert_eq!(outgoing.message.parts[0].id, long.parts[0].id);
    let events = on(&cut, "message-events")[0].json();
    assert_eq!(events["events"][0]["parts"], Value::Null, "the customer knows one id");
    assert_eq!(events["events"][1]["parts"].as_array().unwrap().len(), 3);
    long.envelope.destination.number = "447".into();
    let whole = published(&[encoded(&long)]).await;
    let outgoing: OutgoingMessage = wire::decode(&whole[0].value).unwrap();
    assert_eq!(store().document.providers[1].long_messages, LongMessages::Payload);
    assert_eq!(outgoing.message, long);
}

#[tokio::test]
async fn a_text_for_more_than_255_parts_is_refused() {
    let mut long = message("49170");
    long.parts[0].octets = Octets(vec![b'a'; 40_000]);
    let published = published(&[encoded(&long)]).await;
    let delivery: CustomerDelivery = wire::decode(&published[0].value).unwrap();
    assert_eq!(receipt(&delivery).error, Failure::Refused.error());
}

#[tokio::test]
async fn a_version_is_loaded_once_and_only_the_last_used_are_kept() {
    let (store, kafka) = (store(), Kafka::default());
    let handler = handler(&store, &kafka);
    let of = |version: u64| {
        let mut message = message("49170");
        message.envelope.config = version;
        encoded(&message)
    };
    handler.handle(&read(&event(&[of(1), of(1), of(2), of(3), of(4), of(1)]))).await.unwrap();
    assert_eq!(store.loads.load(Ordering::Relaxed), 4);
    // A fifth pushes out 2, the one not used longest.
    handler.handle(&read(&event(&[of(5), of(1), of(3), of(4)]))).await.unwrap();
    assert_eq!(store.loads.load(Ordering::Relaxed), 5);
    handler.handle(&read(&event(&[of(2)]))).await.unwrap();
    assert_eq!(store.loads.load(Ordering::Relaxed), 6);
}
