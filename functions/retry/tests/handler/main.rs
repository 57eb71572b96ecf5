//! The handler over ports in memory: what is tried again, what is told, the same at every run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lambda_events::event::sqs::SqsBatchResponse;
use domain::id::ProviderId;
use platform::function::Place;
use platform::time_limit::{EXCEEDED, TimeLimit};
use retry::handler::RETRIES;
use serde_json::json;
use wire::V;
use wire::customer_deliveries::Failure;
use wire::customer_incoming::{AnswerRef, IncomingMessageRef};
use wire::provider_outgoing::Origin;
use wire::retries::Retry;
use wire::submit_journal::Ending;
use world::{
    AT_MS, World, after_receipt, event, id, message, part, raw_event, rejected, single, summary,
};

/// How a message's parts ended, and which of them are told what.
type Case<'a> = (&'a [(u8, Ending, bool)], &'a [(u8, Failure)]);

#[tokio::test]
async fn a_rejected_message_is_tried_at_the_next_provider_under_the_version_in_force() {
    for (because, how) in [(rejected(), "summary"), (after_receipt(), "receipt")] {
        let world = World::with(&single());
        let published = world.run(&[because]).await;
        let [next] = &published.messages()[..] else { panic!("{how}: {published:?}") };
        let mut expected = single();
        expected.attempt = 1;
        expected.attempt_ms = AT_MS + 5_000;
        expected.tried = vec![ProviderId::from("alpha")];
        assert_eq!(*next, expected);
        assert!(published.told().is_empty());
        let events = published.events();
        assert_eq!(events[0]["happened"], "retried");
        assert_eq!((&events[0]["attempt"], &events[0]["provider"]), (&json!(1), &json!("alpha")));
    }
}

#[tokio::test]
async fn when_nobody_is_left_the_customer_is_told_for_each_id_that_asked() {
    let mut second = single();
    second.attempt = 1;
    second.tried = vec!["gamma".into()];
    let world = World::with(&second);
    let published = world.run(&[Retry { attempt: 1, ..rejected() }]).await;
    let error = Failure::Rejected.error().to_owned();
    assert_eq!(published.told(), [(id(1), error.clone()), (id(9), error)]);
    assert!(published.messages().is_empty());
    assert_eq!(published.events()[0]["happened"], "failed");
    assert_eq!(published.events()[0]["attempt"], 1);
    // After a receipt, what the receipt said.
    let world = World::with(&second);
    let published = world.run(&[Retry { attempt: 1, ..after_receipt() }]).await;
    assert_eq!(published.told(), [(id(1), Failure::Rejected.error().to_owned())]);
}

#[tokio::test]
async fn each_failed_part_that_asked_is_told_how_it_failed_and_nothing_is_sent_elsewhere() {
    use Ending::{Abandoned, Accepted, Drained, Dropped, Expired, Rejected};
    let long = || message(vec![part(1, 1, &[]), part(2, 2, &[8]), part(3, 0, &[])]);
    let parts: [Case<'_>; 5] = [
        (
            &[(1, Accepted, false), (2, Rejected, false), (3, Abandoned, false)],
            &[(2, Failure::Rejected), (8, Failure::Rejected)],
        ),
        (
            &[(1, Dropped, false), (2, Abandoned, false), (3, Abandoned, false)],
            &[(1, Failure::Unknown), (2, Failure::Rejected), (8, Failure::Rejected)],
        ),
        (
            &[(1, Rejected, true), (2, Expired, false), (3, Expired, false)],
            &[(1, Failure::Unknown), (2, Failure::Expired), (8, Failure::Expired)],
        ),
        (
            &[(1, Drained, false), (2, Drained, false), (3, Accepted, false)],
            &[(1, Failure::Rejected), (2, Failure::Rejected), (8, Failure::Rejected)],
        ),
        (&[(1, Accepted, false), (2, Accepted, true), (3, Rejected, false)], &[]),
    ];
    for (ends, told) in parts {
        let world = World::with(&long());
        let published = world.run(&[summary(ends)]).await;
        let expected: Vec<_> =
            told.iter().map(|(number, why)| (id(*number), why.error().to_owned())).collect();
        assert_eq!(published.told(), expected, "{ends:?}");
        assert!(published.messages().is_empty(), "{ends:?}");
        assert_eq!(published.events()[0]["detail"], "a part of it was accepted, or may have been");
    }
}

#[tokio::test]
async fn what_was_drained_whole_goes_elsewhere_with_all_its_parts() {
    use Ending::{Abandoned, Drained, Expired, Rejected};
    let long = message(vec![part(1, 1, &[]), part(2, 1, &[])]);
    for ends in [[Drained, Drained], [Rejected, Abandoned], [Expired, Drained]] {
        let world = World::with(&long);
        let [first, second] = ends;
        let published = world.run(&[summary(&[(1, first, false), (2, second, false)])]).await;
        assert_eq!(published.messages()[0].parts, long.parts);
    }
}

#[tokio::test]
async fn a_text_that_came_whole_fails_as_one_if_any_part_it_was_cut_into_did() {
    use Ending::{Abandoned, Accepted, Rejected};
    let world = World::with(&single());
    let ends = [(1, Accepted, false), (41, Rejected, false), (42, Abandoned, false)];
    let published = world.run(&[summary(&ends)]).await;
    let error = Failure::Rejected.error().to_owned();
    assert_eq!(published.told(), [(id(1), error.clone()), (id(9), error)]);
}

#[tokio::test]
async fn it_ends_with_the_message_s_validity() {
    let mut late = single();
    late.envelope.valid_until_ms = AT_MS + 5_000;
    for (end, failure) in [
        (Ending::Rejected, Failure::Rejected),
        (Ending::Expired, Failure::Expired),
        (Ending::Drained, Failure::Expired),
    ] {
        let world = World::with(&late);
        let published = world.run(&[summary(&[(1, end, false)])]).await;
        assert_eq!(published.told()[0], (id(1), failure.error().to_owned()));
        assert_eq!(published.events()[0]["detail"], "its validity ran out");
    }
}

#[tokio::test]
async fn every_run_decides_by_the_version_of_the_first() {
    // Told that it failed, and then sent; or sent to two providers: neither may happen.
    for (first, then) in [(1, 2), (2, 1), (1, 3), (3, 1)] {
        let world = World::with(&single());
        world.current.store(first, Ordering::Relaxed);
        world.flush_fails.store(true, Ordering::Relaxed);
        assert!(world.handler().handle(event(&[rejected()])).await.is_err());
        assert!(world.queued.lock().unwrap().is_empty());
        world.flush_fails.store(false, Ordering::Relaxed);
        let before = world.run(&[rejected()]).await;
        world.current.store(then, Ordering::Relaxed);
        let other_cause = Retry { at_ms: AT_MS + 9_000, ..rejected() };
        assert_eq!(world.run(&[other_cause]).await, before);
        let configs: Vec<_> = before.messages().iter().map(|next| next.envelope.config).collect();
        assert_eq!(configs, if first == 1 { vec![1] } else { vec![] });
    }
}

#[tokio::test]
async fn a_message_that_kafka_keeps_no_more_is_told_of_where_that_can_be() {
    let mut another = single();
    another.id = id(7).into();
    let mut of_another_attempt = single();
    of_another_attempt.attempt = 1;
    for kept in [None, Some(another), Some(of_another_attempt)] {
        let world = World { current: AtomicU64::new(1), ..World::default() };
        kept.iter().for_each(|message| world.keep(message));
        let published = world.run(&[after_receipt(), rejected()]).await;
        assert_eq!(published.told(), [(id(1), Failure::Rejected.error().to_owned())]);
        let [letter] = &published.letters()[..] else { panic!("{published:?}") };
        assert_eq!((letter.topic.as_str(), letter.by.as_str()), ("retries", "retry"));
        assert_eq!(letter.value.0, wire::encode(&rejected()));
        assert!(published.messages().is_empty());
    }
}

#[tokio::test]
async fn poison_is_a_dead_letter_and_holds_up_nobody() {
    let world = World::with(&single());
    let good = String::from_utf8(wire::encode(&rejected())).unwrap();
    let newer = good.replacen("\"v\":1", "\"v\":2", 1);
    let handler = world.handler();
    let answer = handler.handle(raw_event(vec!["{".into(), newer, good.clone()])).await.unwrap();
    assert_eq!(answer, SqsBatchResponse::default());
    let published = world.published();
    assert_eq!(published.letters().len(), 2);
    assert_eq!(published.messages().len(), 1);
    // One that pure code was stuck on.
    let directory = std::env::temp_dir().join(format!("retry-stuck-{}", std::process::id()));
    let stuck = Place::of_message(RETRIES, "id 0").origin;
    std::fs::write(&directory, format!("retries {} {}\n", stuck.partition, stuck.offset)).unwrap();
    let mut handler = world.handler();
    handler.shell.limit = TimeLimit::kept_in(directory.clone());
    handler.handle(raw_event(vec![good])).await.unwrap();
    assert_eq!(world.published().letters()[0].reason, EXCEEDED);
    assert!(!directory.exists());
}

#[tokio::test]
async fn an_answer_to_a_handset_stays_one_whichever_its_attempt() {
    let world = World::with(&single());
    let answer = AnswerRef { v: V, message: &single(), answer: true };
    *world.body.lock().unwrap() = Some(wire::encode(&answer));
    let published = world.run(&[rejected()]).await;
    assert_eq!(published.messages()[0].attempt, 1);
    let record: IncomingMessageRef<'_> = wire::decode(&published.0[0].value).unwrap();
    assert!(record.answer, "opt-outs do not count for it");
}

#[tokio::test]
async fn a_message_that_is_not_read_in_time_comes_again_and_the_others_do_not() {
    let world = World::with(&single());
    world.not_in_time.store(true, Ordering::Relaxed);
    let gone = Retry { origin: Origin { partition: 0, offset: 1 }, ..after_receipt() };
    let answer = world.handler().handle(event(&[rejected(), gone])).await.unwrap();
    let [failed] = &answer.batch_item_failures[..] else { panic!("{answer:?}") };
    assert_eq!(failed.item_identifier, "id 0");
    assert_eq!(world.published().told().len(), 1, "what is not kept any more is told");
}

#[tokio::test]
async fn an_outage_lets_the_message_come_again_and_makes_no_dead_letters() {
    let world = World::with(&single());
    world.down.store(true, Ordering::Relaxed);
    let answer = world.handler().handle(event(&[rejected(), after_receipt()])).await.unwrap();
    let failed: Vec<_> =
        answer.batch_item_failures.iter().map(|it| it.item_identifier.as_str()).collect();
    assert_eq!(failed, ["id 0", "id 1"]);
    world.down.store(false, Ordering::Relaxed);
    world.current.store(0, Ordering::Relaxed);
    let answer = world.handler().handle(event(&[rejected()])).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 1, "without a configuration nothing is decided");
    assert!(world.published().0.is_empty());
}
