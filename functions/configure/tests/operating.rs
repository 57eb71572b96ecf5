//! Doubts and dead letters through the admin API, over ports in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::octets::Octets;
use journal::JournalRecord;
use serde_json::{Value, json};
use uuid::Uuid;
use wire::V;
use wire::dead_letters::DeadLetter;
use wire::submit_journal::{At, Body, Doubt, Drain, OwnerId, Part, PartAt, Unknown, Writer};

mod world;

use world::{FIRST, World, apply, document, get, post, request, sent};

/// A provider with slots 0 and 1, and nothing in their journals.
async fn world() -> World {
    let world = World::default();
    assert_eq!(apply(&world, &document(), None, FIRST).await.0, 200);
    let founded = || vec![record(0, None, &Body::Position(Box::default()))];
    world.journals.lock().unwrap().extend([(0, founded()), (1, founded())]);
    let topics = [("dead-letters", 1), ("customer-incoming-messages", 4)];
    let topics = topics.map(|(name, partitions)| (name.to_owned(), partitions));
    world.topics.lock().unwrap().extend(topics);
    world
}

fn record(offset: u64, writer: Option<Writer>, body: &Body) -> JournalRecord {
    let key = writer.map(|writer| writer.encode()).unwrap_or_default();
    JournalRecord::read(offset, offset, key.as_bytes(), &body.encode().unwrap())
}

fn part(offset: u64) -> Part {
    let at = PartAt { at: At { priority: 1, offset }, part: 0 };
    Part { at, message: Uuid::from_u128(u128::from(offset) + 1), attempt: 0 }
}

/// Messages 0 … `count`-1 of a slot become doubtful under intent 2.
fn doubts(world: &World, slot: u32, count: u64, hold: bool) {
    let mut journals = world.journals.lock().unwrap();
    let journal = journals.get_mut(&slot).unwrap();
    let owner = OwnerId { task: 1, term: 1 };
    let parts: Vec<Part> = (0..count).map(part).collect();
    let doubts = parts.iter().map(|&part| Doubt { intent: 2, part }).collect();
    let bodies =
        [Body::Takeover, Body::Intent(parts), Body::Unknown(Unknown { hold, parts: doubts })];
    for (sequence, body) in (0..).zip(bodies) {
        let takeover = (sequence > 0).then_some(1);
        let writer = Writer { owner, takeover, sequence };
        journal.push(record(journal.len() as u64, Some(writer), &body));
    }
}

fn resolution(slot: u32, word: &str) -> Value {
    json!({"slot": slot, "intent": 2, "word": word})
}

async fn held(world: &World) -> Vec<Value> {
    let (status, list) = get(world, "/doubts", json!({"held": "true"})).await;
    assert_eq!(status, 200, "{list}");
    list["doubts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn doubts_are_told_with_slot_provider_and_state_and_can_be_chosen() {
    let world = world().await;
    doubts(&world, 0, 1, true);
    doubts(&world, 1, 1, false);
    let (status, list) = get(&world, "/doubts", json!({})).await;
    assert_eq!((status, &list["more"], &list["unread"]), (200, &json!(false), &json!([])));
    let first = json!({
        "slot": 0, "provider": "alpha", "intent": 2, "part": 0, "attempt": 0, "since_ms": 3,
        "message": "00000000-0000-0000-0000-000000000001", "state": "held",
    });
    assert_eq!(list["doubts"][0], first);
    assert_eq!(list["doubts"][1]["state"], "resent");
    assert_eq!(held(&world).await, [first]);
    let (_, list) = get(&world, "/doubts", json!({"slot": "1", "provider": "alpha"})).await;
    assert_eq!(list["doubts"].as_array().unwrap().len(), 1);
    assert_eq!(get(&world, "/doubts", json!({"slot": "7"})).await.0, 404);
    assert_eq!(get(&world, "/doubts", json!({"provider": "nobody"})).await.0, 404);
    assert_eq!(get(&world, "/doubts", json!({"slot": "one"})).await.0, 400);
}

#[tokio::test]
async fn a_journal_that_cannot_be_told_from_is_named_and_hides_no_other() {
    let world = world().await;
    doubts(&world, 1, 1, true);
    world.journals.lock().unwrap().get_mut(&0).unwrap().clear();
    world.journals.lock().unwrap().get_mut(&0).unwrap().push(record(0, None, &Body::Takeover));
    let (status, list) = get(&world, "/doubts", json!({})).await;
    assert_eq!((status, list["doubts"].as_array().unwrap().len()), (200, 1));
    assert_eq!(list["unread"][0]["slot"], 0);
    assert_eq!(post(&world, "/doubts/resolve", resolution(0, "drop")).await.0, 409);
    // One that cannot be read in time.
    world.journals.lock().unwrap().remove(&0);
    let (_, list) = get(&world, "/doubts", json!({})).await;
    assert_eq!(
        (&list["unread"][0]["slot"], list["doubts"][0]["slot"].as_u64()),
        (&json!(0), Some(1))
    );
    assert_eq!(post(&world, "/doubts/resolve", resolution(0, "drop")).await.0, 409);
}

#[tokio::test]
async fn a_provider_is_drained_by_a_word_in_each_of_its_journals() {
    let world = world().await;
    let drain = |provider: &'static str| {
        let (route, named) = ("POST /providers/{provider}/drain", json!({"provider": provider}));
        sent(&world, request(route, named, &json!(null)))
    };
    let (status, answer) = drain("alpha").await;
    assert_eq!((status, &answer["provider"]), (200, &json!("alpha")));
    // Its first bind has slot 1.
    let slots = json!([{"slot": 1, "before": [1, 2, 3]}, {"slot": 0, "before": [11, 12, 13]}]);
    assert_eq!(answer["slots"], slots);
    for (slot, before) in [(1, [1, 2, 3]), (0, [11, 12, 13])] {
        let word = Body::Drain(Drain { before });
        let last = world.journals.lock().unwrap()[&slot].last().unwrap().clone();
        assert_eq!(*last.body.unwrap(), word);
    }
    assert_eq!(drain("nobody").await.0, 404);
    *world.kafka_down.lock().unwrap() = true;
    let (status, answer) = drain("alpha").await;
    assert_eq!(status, 503);
    assert!(answer["cure"].as_str().unwrap().contains("a repeat does no harm"), "{answer}");
}

#[tokio::test]
async fn a_held_doubt_is_resolved_once_and_the_same_word_again_changes_nothing() {
    let world = world().await;
    doubts(&world, 0, 1, true);
    let (status, answer) = post(&world, "/doubts/resolve", resolution(0, "resend")).await;
    assert_eq!((status, &answer["resolved"]), (200, &json!(1)), "{answer}");
    assert!(held(&world).await.is_empty());
    let length = world.journals.lock().unwrap()[&0].len();
    let (status, answer) = post(&world, "/doubts/resolve", resolution(0, "resend")).await;
    assert_eq!((status, &answer["settled_before"]), (200, &json!(1)), "{answer}");
    let (status, problem) = post(&world, "/doubts/resolve", resolution(0, "drop")).await;
    assert_eq!(status, 409);
    assert!(problem["title"].as_str().unwrap().contains("is being sent again already"));
    assert_eq!(world.journals.lock().unwrap()[&0].len(), length);
}

#[tokio::test]
async fn one_word_about_several_messages_has_to_say_so() {
    let world = world().await;
    doubts(&world, 0, 3, true);
    let (status, problem) = post(&world, "/doubts/resolve", resolution(0, "drop")).await;
    assert_eq!(status, 409);
    assert!(problem["cure"].as_str().unwrap().contains("--all"), "{problem}");
    let mut one = resolution(0, "drop");
    one["message"] = json!("00000000-0000-0000-0000-000000000002");
    assert_eq!(post(&world, "/doubts/resolve", one).await.1["resolved"], 1);
    assert_eq!(held(&world).await.len(), 2);
    let mut all = resolution(0, "drop");
    all["all"] = json!(true);
    let (_, answer) = post(&world, "/doubts/resolve", all).await;
    assert_eq!((&answer["resolved"], &answer["settled_before"]), (&json!(2), &json!(1)));
    assert!(held(&world).await.is_empty());
}

#[tokio::test]
async fn what_is_not_in_doubt_cannot_be_resolved() {
    let world = world().await;
    for slot in [0, 7] {
        let (status, problem) = post(&world, "/doubts/resolve", resolution(slot, "drop")).await;
        assert_eq!(status, 404, "{problem}");
    }
    assert_eq!(post(&world, "/doubts/resolve", resolution(0, "forget")).await.0, 400);
    *world.kafka_down.lock().unwrap() = true;
    let (status, problem) = get(&world, "/doubts", json!({})).await;
    assert_eq!(status, 503);
    assert!(!problem.to_string().contains("10.1.2.3"), "{problem}");
}

/// Dead letters of these topics.
fn letters(world: &World, topics: &[&str]) {
    let letter = |topic: &&str| DeadLetter {
        v: V,
        topic: (*topic).to_owned(),
        partition: 3,
        offset: 9,
        by: "route".to_owned(),
        reason: "not a record of this topic".to_owned(),
        key: Octets(b"the key".to_vec()),
        value: Octets(b"the text of a customer".to_vec()),
        at_ms: 5,
    };
    let values = topics.iter().map(|topic| wire::encode(&letter(topic)));
    world.letters.lock().unwrap().extend(values);
}

async fn redrive(world: &World, ids: &[&str]) -> (i64, Value) {
    post(world, "/dead-letters/redrive", json!({ "ids": ids })).await
}

#[tokio::test]
async fn dead_letters_are_told_without_their_content() {
    let world = world().await;
    letters(&world, &["customer-incoming-messages", "provider-events"]);
    let (status, list) = get(&world, "/dead-letters", json!({})).await;
    assert_eq!((status, &list["more"]), (200, &json!(false)));
    let first = json!({
        "id": "0/0", "topic": "customer-incoming-messages", "partition": 3, "offset": 9,
        "by": "route", "reason": "not a record of this topic", "at_ms": 5,
        "key_octets": 7, "value_octets": 22, "redrivable": true,
    });
    assert_eq!(list["letters"][0], first);
    assert_eq!(list["letters"][1]["redrivable"], false);
    let (_, list) = get(&world, "/dead-letters", json!({"limit": "1"})).await;
    assert_eq!((list["letters"].as_array().unwrap().len(), &list["more"]), (1, &json!(true)));
    let (_, list) = get(&world, "/dead-letters", json!({"since_ms": "1000"})).await;
    assert_eq!(list["letters"][0]["id"], "0/1");
    let (_, list) = get(&world, "/dead-letters", json!({"topic": "provider-events"})).await;
    assert_eq!(list["letters"][0]["id"], "0/1");
    for limit in ["0", "1001", "many"] {
        assert_eq!(get(&world, "/dead-letters", json!({"limit": limit})).await.0, 400);
    }
}

#[tokio::test]
async fn what_is_redriven_goes_back_as_it_was_to_where_it_stood() {
    let world = world().await;
    letters(&world, &["customer-incoming-messages"; 3]);
    // An id that is named twice is meant once.
    let (status, answer) = redrive(&world, &["0/2", "0/0", "0/2"]).await;
    assert_eq!((status, answer), (200, json!({"redriven": 2})));
    let put_back = world.put_back.lock().unwrap();
    assert_eq!(put_back.len(), 2);
    let letter = &put_back[0];
    assert_eq!((letter.topic.as_str(), letter.partition), ("customer-incoming-messages", 3));
    assert_eq!(
        (&letter.key.0[..], &letter.value.0[..]),
        (&b"the key"[..], &b"the text of a customer"[..])
    );
}

#[tokio::test]
async fn one_letter_that_cannot_be_redriven_leaves_all_where_they_are() {
    let world = world().await;
    letters(&world, &["customer-incoming-messages", "submit-journal", "provider-outgoing-x-high"]);
    for (id, status) in [("0/1", 409), ("0/2", 409), ("0/3", 404), ("1/0", 404), ("17", 400)] {
        let (found, problem) = redrive(&world, &["0/0", id]).await;
        assert_eq!(found, status, "{id}: {problem}");
    }
    assert_eq!(redrive(&world, &[]).await.0, 400);
    assert_eq!(redrive(&world, &["0/0"; 101]).await.0, 400);
    assert!(world.put_back.lock().unwrap().is_empty());
    *world.kafka_down.lock().unwrap() = true;
    let (status, problem) = redrive(&world, &["0/0"]).await;
    assert_eq!(status, 503);
    assert!(!problem.to_string().contains("10.1.2.3"), "{problem}");
}
