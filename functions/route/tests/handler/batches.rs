//! A batch: poison and outages in it, a second run of it, and what is kept from one to the next.

use std::sync::atomic::{AtomicBool, Ordering};

use platform::time_limit::{EXCEEDED, TimeLimit};
use serde_json::{Value, json};
use wire::dead_letters::DeadLetter;

use crate::{
    ACCEPTED_MS, Kafka, NOW_MS, Published, encoded, event, handler, message, on, published, read,
    store,
};

fn later_ms() -> u64 {
    NOW_MS + 5_000
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
    handler.limit = TimeLimit::kept_in(file.clone());
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
    handler.now_ms = later_ms;
    handler.handle(&read(&event(&values))).await.unwrap();
    let second = kafka.stored.lock().unwrap().clone();
    let identity = |all: &[Published]| {
        all.iter()
            .map(|record| {
                let mut value = record.json();
                let events = value["events"].as_array_mut().into_iter().flatten();
                events.for_each(|event| drop(event.as_object_mut().unwrap().remove("at_ms")));
                value.as_object_mut().unwrap().remove("at_ms");
                (record.topic.clone(), record.partition, record.key.clone(), value)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(identity(&first), identity(&second));
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
