//! Parts: what a batch of them publishes and writes, in which order, and what happens when a port fails.

use std::time::Duration;

use assemble::output::Output;
use assemble::ports::Store as _;
use assemble::run::Put;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::time_limit::EXCEEDED;
use serde_json::json;

use crate::{NOW_MS, PATIENCE_MS, function, letters, of, part, parts_event, suspect, topics};

#[tokio::test]
async fn parts_of_one_batch_are_published_then_written() {
    let (handler, world) = function();
    handler.handle(of(&[part(1, 2), part(1, 1)])).await.unwrap();
    assert_eq!(*world.happened.borrow(), ["read", "publish", "write"]);
    let outputs = world.outputs.borrow();
    let [Output::Message(record)] = outputs.as_slice() else { panic!("{outputs:?}") };
    let ids: Vec<_> = record.message.parts.iter().map(|part| part.octets.0.clone()).collect();
    assert_eq!(ids, [[1], [2]]);
    assert_eq!(record.message.id, record.message.parts[0].id.into());
}

#[tokio::test]
async fn a_deadline_is_scheduled_before_an_open_assembly_is_written() {
    let (handler, world) = function();
    handler.handle(of(&[part(1, 1), part(2, 1), part(2, 2)])).await.unwrap();
    assert_eq!(*world.happened.borrow(), ["read", "schedule", "publish", "write"]);
    let delays = world.delays.borrow();
    assert_eq!(delays.len(), 1);
    assert_eq!(delays[0].0.due_ms, NOW_MS + PATIENCE_MS);
    assert!(delays[0].1 > Duration::from_millis(PATIENCE_MS));
}

#[tokio::test]
async fn a_second_run_of_a_batch_that_was_written_does_nothing() {
    let (handler, world) = function();
    let batch = [part(1, 1), part(2, 1), part(2, 2)];
    handler.handle(of(&batch)).await.unwrap();
    world.happened.borrow_mut().clear();
    handler.handle(of(&batch)).await.unwrap();
    assert_eq!(*world.happened.borrow(), ["read"]);
}

#[tokio::test]
async fn a_run_that_finds_its_item_written_by_another_reads_and_joins_again() {
    let (other, others) = function();
    other.handle(of(&[part(1, 1)])).await.unwrap();
    let key = others.delays.borrow()[0].0.key.clone();
    let stored = others.store.read(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap();

    let (handler, world) = function();
    *world.foreign.borrow_mut() = Some(Put { key, read_version: 0, item: stored.item });
    handler.handle(of(&[part(1, 2)])).await.unwrap();
    let order = ["read", "schedule", "write", "read", "publish", "write"];
    assert_eq!(*world.happened.borrow(), order);
    assert_eq!(topics(&world), ["customer-incoming-messages"]);
}

#[tokio::test]
async fn an_outage_fails_the_whole_batch_and_makes_no_dead_letter() {
    for failing in ["read", "schedule", "publish", "write"] {
        let (handler, world) = function();
        *world.failing.borrow_mut() = Some(failing);
        let batch = [part(1, 1), part(2, 1), part(2, 2)];
        assert!(handler.handle(of(&batch)).await.is_err(), "{failing}");
        *world.failing.borrow_mut() = None;
        handler.handle(of(&batch)).await.unwrap();
        let dead = world.outputs.borrow().iter().any(|o| matches!(o, Output::DeadLetter(_)));
        assert!(!dead, "{failing}");
        assert!(topics(&world).contains(&"customer-incoming-messages"), "{failing}");
    }
}

#[tokio::test]
async fn poison_becomes_a_dead_letter_with_its_reason_and_blocks_nobody() {
    let (handler, world) = function();
    let mut newer = part(3, 1);
    newer["v"] = json!(2);
    let mut beyond = part(3, 3);
    beyond["concatenation"]["index"] = json!(3);
    let mut values = vec![b"not json".to_vec(), newer.to_string().into_bytes()];
    values.extend([beyond, part(1, 1), part(1, 2)].map(|part| part.to_string().into_bytes()));
    handler.handle(parts_event(&values)).await.unwrap();
    let letters = letters(&world);
    assert_eq!(letters[0], (0, "not a record of this topic".to_owned()));
    assert_eq!(letters[1], (1, "unknown record version".to_owned()));
    assert_eq!(letters[2].0, 2);
    let outputs = world.outputs.borrow();
    assert!(outputs.iter().any(|output| matches!(output, Output::Message(_))));
    let Output::DeadLetter(first) = &outputs[0] else { panic!("{outputs:?}") };
    assert_eq!(first.value.0, b"not json", "the record itself, to be redriven");
}

#[tokio::test]
async fn a_part_that_was_stuck_becomes_a_dead_letter_and_blocks_nobody() {
    let (mut handler, world) = function();
    let (_directory, file) = suspect(&mut handler, "customer-incoming-message-parts 2 1\n");
    let batch = [part(1, 1), part(3, 1), part(1, 2)];
    // Its letter is published, but the batch comes again: it stays suspected.
    *world.failing.borrow_mut() = Some("write");
    assert!(handler.handle(of(&batch)).await.is_err());
    assert!(file.exists());
    *world.failing.borrow_mut() = None;
    world.outputs.borrow_mut().clear();
    handler.handle(of(&batch)).await.unwrap();
    assert_eq!(letters(&world), [(1, EXCEEDED.to_owned())]);
    assert!(topics(&world).contains(&"customer-incoming-messages"));
    assert!(!file.exists());
}

#[tokio::test]
async fn a_key_that_takes_too_much_room_loses_no_part_silently() {
    let (handler, world) = function();
    let huge = |content: u8| {
        let mut part = part(1, 1);
        part["part"]["id"] = json!(format!("0199c000-0000-7000-8000-0000000000{content:02x}"));
        part["part"]["octets"] = json!(STANDARD.encode(vec![content; 60_000]));
        part
    };
    handler.handle(of(&[huge(1), huge(2), huge(3), huge(4), part(2, 1)])).await.unwrap();
    let outputs = world.outputs.borrow();
    let [Output::DeadLetter(letter)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(letter.offset, 3);
    assert_eq!(world.delays.borrow().len(), 4, "three of the large ones and the other key's");
}

#[tokio::test]
async fn a_topic_with_the_senders_times_is_refused() {
    let (handler, _) = function();
    let mut event = json!({"records": {"p-0": [{
        "topic": "p", "partition": 0, "offset": 0, "timestamp": NOW_MS,
        "timestampType": "CREATE_TIME", "headers": [],
    }]}});
    let refused = handler.handle(serde_json::from_value(event.clone()).unwrap()).await;
    assert!(refused.unwrap_err().to_string().contains("LogAppendTime"));
    event["records"]["p-0"][0]["timestampType"] = json!("LOG_APPEND_TIME");
    handler.handle(serde_json::from_value(event).unwrap()).await.unwrap();
}
