//! Records that nobody can understand, on every topic that a program reads: each becomes a dead
//! letter with its reason, and holds up nobody.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gateway_tests::log::{self, Planted};
use gateway_tests::stack::{Stack, programs, signal};
use serde_json::Value;
use wire::dead_letters::DeadLetter;
use wire::topics::{CUSTOMER_INCOMING_MESSAGE_PARTS, CUSTOMER_INCOMING_MESSAGES, DEAD_LETTERS};

const TOPICS: [&str; 3] =
    [CUSTOMER_INCOMING_MESSAGES, CUSTOMER_INCOMING_MESSAGE_PARTS, "provider-outgoing-alpha-normal"];
/// Not JSON, of another version, and without its fields.
const POISON: [&str; 3] = ["\u{0}not a record", r#"{"v":99}"#, r#"{"v":1}"#];
const MESSAGES: u64 = 200;
const PATIENCE: Duration = Duration::from_secs(30);
/// Of a topic.
const PARTITIONS: i32 = 2;
/// Into each topic.
const PLANTED: usize = POISON.len() * PARTITIONS.cast_unsigned() as usize;

fn plant(bootstrap: &str, topics: &[&str]) {
    let everywhere =
        topics.iter().flat_map(|topic| (0..PARTITIONS).map(move |partition| (topic, partition)));
    let planted = everywhere.flat_map(|(topic, partition)| {
        POISON.map(|value| Planted { topic, partition, key: b"poison", value: value.as_bytes() })
    });
    log::append(bootstrap, &planted.collect::<Vec<_>>()).unwrap();
}

fn await_count(what: &str, wanted: u64, count: impl Fn() -> u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = count();
        if found >= wanted {
            assert_eq!(found, wanted, "{what}");
            return;
        }
        assert!(Instant::now() < deadline, "{found} of {wanted} {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Where each dead letter was read; each once, however often it was told.
fn dead(bootstrap: &str) -> BTreeSet<(String, i32, i64)> {
    let letters = log::read_all(bootstrap, DEAD_LETTERS).unwrap();
    let letters = letters.iter().map(|entry| wire::decode::<DeadLetter>(&entry.value).unwrap());
    letters.map(|letter| (letter.topic, letter.partition, letter.offset)).collect()
}

#[test]
fn poison_that_the_sender_read_is_not_lost_when_it_is_killed() {
    let stack = Stack::start(&programs(), &["--store-in-memory"]).unwrap();
    let bootstrap = stack.fact("/kafka/bootstrap").to_owned();
    let sender = stack.facts().pointer("/sender/0/pid").and_then(Value::as_u64).unwrap();
    plant(&bootstrap, &TOPICS[2..]);
    await_count("dead letters", 1, || u64::from(!dead(&bootstrap).is_empty()));
    signal(u32::try_from(sender).unwrap(), "KILL").unwrap();
    plant(&bootstrap, &TOPICS[2..]);
    let planted = u64::try_from(2 * PLANTED).unwrap();
    await_count("dead letters", planted, || u64::try_from(dead(&bootstrap).len()).unwrap());
    stack.stop().unwrap();
}

#[test]
fn poison_on_every_topic_becomes_dead_letters_and_good_messages_get_through() {
    let stack = Stack::start(&programs(), &["--store-in-memory"]).unwrap();
    let bootstrap = stack.fact("/kafka/bootstrap").to_owned();
    plant(&bootstrap, &TOPICS);
    let shape = ["--connections=2", "--parts=2", "--spread", "--long-share=0.5", "--deadline=60"];
    let count = format!("--count={MESSAGES}");
    let report = stack.load([&shape[..], &["--destinations=4930", &count]].concat()).unwrap();
    assert!(report.acknowledged > MESSAGES, "{report}");
    stack.await_arrivals(report.acknowledged).unwrap();
    let planted = u64::try_from(TOPICS.len() * PLANTED).unwrap();
    await_count("dead letters", planted, || {
        u64::try_from(log::read_all(&bootstrap, DEAD_LETTERS).unwrap().len()).unwrap()
    });
    for entry in log::read_all(&bootstrap, DEAD_LETTERS).unwrap() {
        let letter: DeadLetter = wire::decode(&entry.value).unwrap();
        assert_eq!(letter.key.0, b"poison");
        assert!(!letter.reason.is_empty() && TOPICS.contains(&letter.topic.as_str()));
    }
    stack.stop().unwrap();
}
