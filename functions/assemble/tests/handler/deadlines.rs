//! Deadlines: what closes an assembly, what is told of it, and what has to wait.

use std::time::Duration;

use assemble::handler::place_of_deadline;
use assemble::output::Output;
use platform::time_limit::{EXCEEDED, Place};
use serde_json::json;

use crate::{deadlines_event, first_deadline, function, later, letters, of, part, suspect, topics};

#[tokio::test]
async fn a_deadline_closes_then_reports_then_forgets() {
    let (handler, world) = function();
    handler.handle(of(&[part(1, 1)])).await.unwrap();
    world.happened.borrow_mut().clear();
    let body = first_deadline(&world);
    let handler = later(handler);
    let answer = handler.handle(deadlines_event(std::slice::from_ref(&body))).await.unwrap();
    assert_eq!(serde_json::to_string(&answer).unwrap(), r#"{"batchItemFailures":[]}"#);
    assert_eq!(*world.happened.borrow(), ["ask", "read", "write", "publish", "write"]);
    let outputs = world.outputs.borrow().clone();
    let [Output::Delivery(delivery), Output::Event(event)] = outputs.as_slice() else {
        panic!("{outputs:?}");
    };
    assert_eq!(delivery.message.to_string(), part(1, 1)["part"]["id"].as_str().unwrap());
    assert_eq!(event.detail, "1 of 2 parts came");

    // Another copy of the deadline, and a late part: nothing is told again.
    world.happened.borrow_mut().clear();
    handler.handle(deadlines_event(&[body])).await.unwrap();
    handler.handle(of(&[part(1, 1)])).await.unwrap();
    assert_eq!(*world.happened.borrow(), ["ask", "read", "read"]);
}

#[tokio::test]
async fn a_part_that_asked_for_no_receipt_gets_none() {
    for (receipt, told) in [(0, false), (1, true), (2, true), (3, false), (0x10, false)] {
        let (handler, world) = function();
        let mut quiet = part(1, 1);
        quiet["part"]["receipt"] = json!(receipt);
        handler.handle(of(&[quiet])).await.unwrap();
        let body = first_deadline(&world);
        later(handler).handle(deadlines_event(&[body])).await.unwrap();
        assert_eq!(topics(&world).contains(&"customer-deliveries"), told, "{receipt}");
        assert!(topics(&world).contains(&"message-events"));
    }
}

#[tokio::test]
async fn a_deadline_waits_for_parts_that_are_not_read_yet() {
    let (handler, world) = function();
    handler.handle(of(&[part(1, 1)])).await.unwrap();
    let body = first_deadline(&world);
    *world.behind.borrow_mut() = true;
    let handler = later(handler);
    handler.handle(deadlines_event(std::slice::from_ref(&body))).await.unwrap();
    assert_eq!(world.delays.borrow()[1].1, Duration::from_secs(60));
    assert!(world.outputs.borrow().is_empty());

    // What sweep sent it sends again: it is not re-queued.
    let swept = body.replace('}', r#","swept":true}"#);
    handler.handle(deadlines_event(&[swept])).await.unwrap();
    assert_eq!(world.delays.borrow().len(), 2);
}

#[tokio::test]
async fn a_deadline_that_comes_early_is_scheduled_again_for_the_rest() {
    let (handler, world) = function();
    handler.handle(of(&[part(1, 1)])).await.unwrap();
    world.happened.borrow_mut().clear();
    let body = first_deadline(&world);
    handler.handle(deadlines_event(&[body])).await.unwrap();
    assert_eq!(*world.happened.borrow(), ["schedule"]);
    let delays = world.delays.borrow();
    assert_eq!(delays[0], delays[1]);
}

#[tokio::test]
async fn a_deadline_that_fails_comes_again_and_the_others_do_not() {
    for failing in ["read", "ask", "write", "publish"] {
        let (handler, world) = function();
        handler.handle(of(&[part(1, 1)])).await.unwrap();
        let body = first_deadline(&world);
        let handler = later(handler);
        *world.failing.borrow_mut() = Some(failing);
        let bodies = ["{".to_owned(), body.clone()];
        let answer = handler.handle(deadlines_event(&bodies)).await.unwrap();
        let ids: Vec<_> =
            answer.batch_item_failures.iter().map(|it| it.item_identifier.as_str()).collect();
        // The broken one is a dead letter, unless Kafka is what fails.
        let expected: &[&str] = if failing == "publish" { &["0", "1"] } else { &["1"] };
        assert_eq!(ids, expected, "{failing}");
        *world.failing.borrow_mut() = None;
        handler.handle(deadlines_event(&[body])).await.unwrap();
        assert!(topics(&world).contains(&"customer-deliveries"), "{failing}");
    }
}

#[tokio::test]
async fn a_deadline_that_was_stuck_becomes_a_dead_letter_and_the_others_are_kept() {
    let (handler, world) = function();
    handler.handle(of(&[part(1, 1)])).await.unwrap();
    let mut handler = later(handler);
    let Place { topic, offset, .. } = place_of_deadline("0");
    assert!(offset != place_of_deadline("1").offset);
    let (_directory, file) = suspect(&mut handler, &format!("{topic} 0 {offset}\n"));
    let bodies = ["a copy".to_owned(), first_deadline(&world)];
    handler.handle(deadlines_event(&bodies)).await.unwrap();
    assert_eq!(letters(&world), [(0, EXCEEDED.to_owned())]);
    assert!(topics(&world).contains(&"customer-deliveries"));
    assert!(!file.exists());
}
