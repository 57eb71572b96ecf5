//! The handler over ports in memory: joins from either side, what follows, poison and outages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::sync::atomic::Ordering;

use domain::id::MessageId;
use domain::receipts::MessageState;
use serde_json::json;
use wire::customer_deliveries::Delivered;
use wire::provider_events::ProviderEvent::{self, Doubt, Receipt, Result, Summary};
use wire::provider_events::{ProviderReceipt, SubmitResult};
use wire::retries::Because;
use wire::submit_journal::Ending;
use world::{AT_MS, HOUR_MS, Published, World, part, raw_event, read, receipt, result};

const HANDSET: &str = "491701";

fn told(published: &Published) -> Vec<(MessageId, MessageState)> {
    let state = |delivered: &Delivered| match delivered {
        Delivered::Receipt(receipt) => receipt.state,
        Delivered::Message(_) => panic!("no handset wrote"),
    };
    published.deliveries().iter().map(|it| (it.message, state(&it.what))).collect()
}

fn sent() -> ProviderEvent {
    Result(result(1, HANDSET, "7"))
}

fn delivered() -> ProviderEvent {
    Receipt(receipt(HANDSET, "7", "delivered"))
}

#[tokio::test]
async fn a_receipt_after_its_result_is_told() {
    let world = World::default();
    let first = world.run(&[sent()]).await;
    assert_eq!(first.happened(), ["submitted"]);
    assert!(first.deliveries().is_empty());
    let second = world.run(&[delivered()]).await;
    assert_eq!(told(&second), [(part(1).into(), MessageState::Delivered)]);
    let delivery = &second.deliveries()[0];
    assert_eq!(delivery.id, part(1).delivery("receipt delivered"));
    assert_eq!((delivery.customer.as_str(), delivery.at_ms), ("acme", AT_MS + 5_000));
    let events = second.events();
    assert_eq!(events[0]["happened"], "delivered");
    assert_eq!(events[0]["part"], json!(part(1)));
    assert_eq!(events[0]["provider_message_id"], "7");
    assert_eq!(world.items("alpha|7"), ["result"], "a receipt with a result is not kept");
}

#[tokio::test]
async fn a_receipt_before_its_result_waits_and_is_told_with_it() {
    let world = World::default();
    let first = world.run(&[delivered()]).await;
    assert!(first.0.is_empty(), "{first:?}");
    let items = world.items("alpha|7");
    assert!(items[0].starts_with("receipt#delivered#") && items[1] == "waiting", "{items:?}");
    let due: Vec<_> = world.store.items.lock().unwrap().values().map(|item| item.due_ms).collect();
    assert_eq!(due, [Some(AT_MS + 5_000 + 72 * HOUR_MS), None]);
    let second = world.run(&[sent()]).await;
    assert_eq!(told(&second), [(part(1).into(), MessageState::Delivered)]);
    assert_eq!(second.happened(), ["submitted", "delivered"]);
}

#[tokio::test]
async fn a_receipt_and_its_result_in_one_batch_find_each_other_in_either_order() {
    for batch in [[sent(), delivered()], [delivered(), sent()]] {
        let world = World::default();
        let published = world.run(&batch).await;
        assert_eq!(told(&published), [(part(1).into(), MessageState::Delivered)]);
        assert_eq!(world.items("alpha|7"), ["result"]);
    }
}

#[tokio::test]
async fn a_second_run_tells_the_same_under_the_same_ids() {
    let batches = [vec![sent()], vec![delivered()], vec![sent(), delivered()]];
    for batch in batches {
        let world = World::default();
        world.run(&[Result(result(1, HANDSET, "7"))]).await;
        let first = world.run(&batch).await;
        assert_eq!(world.run(&batch).await, first);
    }
}

#[tokio::test]
async fn resends_of_a_part_get_the_same_receipt_and_who_did_not_ask_gets_none() {
    let world = World::default();
    let aliases = vec![part(8), part(9)];
    let resent = SubmitResult { aliases, ..result(1, HANDSET, "7") };
    let silent = SubmitResult { receipt: 0, ..result(2, HANDSET, "8") };
    let unasked = Receipt(receipt(HANDSET, "8", "delivered"));
    let published = world.run(&[Result(resent), Result(silent), delivered(), unasked]).await;
    let parts: Vec<_> = published.deliveries().iter().map(|it| it.id).collect();
    assert_eq!(parts, [1, 8, 9].map(|n| part(n).delivery("receipt delivered")));
    assert_eq!(published.happened(), ["submitted", "delivered", "submitted", "delivered"]);
}

#[tokio::test]
async fn two_providers_may_use_equal_ids() {
    let world = World::default();
    let others = SubmitResult { provider: "beta".into(), ..result(2, HANDSET, "7") };
    let published = world.run(&[sent(), Result(others), delivered()]).await;
    assert_eq!(told(&published), [(part(1).into(), MessageState::Delivered)]);
}

#[tokio::test]
async fn a_canonical_id_is_where_they_meet() {
    let world = World::default();
    let mut hex = serde_json::to_value(result(1, HANDSET, "1F")).unwrap();
    hex["canonical"] = json!("31");
    world.run(&[Result(serde_json::from_value(hex).unwrap())]).await;
    let published = world.run(&[Receipt(receipt(HANDSET, "31", "delivered"))]).await;
    assert_eq!(told(&published).len(), 1);
    assert_eq!(published.events()[0]["provider_message_id"], "1F");
}

#[tokio::test]
async fn a_reused_id_is_told_apart_by_the_handset_whichever_came_first() {
    let [old, new] = [result(1, "491701", "7"), result(2, "491702", "7")];
    let [of_old, of_new] =
        ["491701", "491702"].map(|handset| Receipt(receipt(handset, "7", "delivered")));
    let orders = [
        vec![vec![Result(old.clone()), Result(new.clone())], vec![of_old.clone(), of_new.clone()]],
        vec![
            vec![of_new.clone(), of_old.clone()],
            vec![Result(old.clone())],
            vec![Result(new.clone())],
        ],
        vec![vec![Result(old.clone())], vec![Result(new.clone()), of_old.clone(), of_new.clone()]],
        vec![vec![Result(old), of_new], vec![Result(new)], vec![of_old]],
    ];
    for batches in orders {
        let world = World::default();
        let mut all = Vec::new();
        for batch in &batches {
            let published = world.run(batch).await;
            assert!(published.letters().is_empty());
            all.extend(told(&published).into_iter().map(|(message, _)| message));
        }
        all.sort();
        all.dedup();
        assert_eq!(all, [1, 2].map(|n| part(n).into()), "{batches:?}");
        let further = world.items("alpha|7").iter().filter(|it| it.starts_with("result#")).count();
        assert_eq!(further, 1);
    }
}

#[tokio::test]
async fn what_fits_two_messages_is_a_dead_letter_with_the_record_itself() {
    let world = World::default();
    world.run(&[sent(), Result(result(2, HANDSET, "7"))]).await;
    let published = world.run(&[delivered()]).await;
    assert!(published.deliveries().is_empty());
    let [letter] = &published.letters()[..] else { panic!("{published:?}") };
    assert_eq!(letter.reason, "several submit results fit it");
    assert_eq!((letter.topic.as_str(), letter.partition, letter.offset), ("provider-events", 3, 0));
    assert_eq!(wire::decode::<ProviderEvent>(&letter.value.0), Ok(delivered()));
}

#[tokio::test]
async fn a_receipt_is_judged_by_the_version_on_its_result() {
    let under = |config| Result(SubmitResult { config, ..result(1, HANDSET, "7") });
    let plain = receipt(HANDSET, "7", "delivered");
    let mut swapped = plain.clone();
    std::mem::swap(&mut swapped.source, &mut swapped.destination);
    let dated = ProviderReceipt { submit_date: Some("2510090853".into()), ..swapped.clone() };
    let table = [
        (1, &plain, 1, 0),
        (1, &swapped, 0, 0),
        (2, &swapped, 1, 0),
        (2, &plain, 0, 0),
        (3, &dated, 1, 0),
        // Without a date it can be nobody's.
        (3, &swapped, 0, 1),
        // Where a version says nothing of the provider, or was never written, the strict test.
        (4, &plain, 1, 0),
        (4, &swapped, 0, 0),
        (9, &plain, 1, 0),
    ];
    for (config, receipt, deliveries, letters) in table {
        for batches in [
            [vec![under(config)], vec![Receipt(receipt.clone())]],
            [vec![Receipt(receipt.clone())], vec![under(config)]],
        ] {
            let world = World::default();
            world.run(&batches[0]).await;
            let published = world.run(&batches[1]).await;
            let found = (published.deliveries().len(), published.letters().len());
            assert_eq!(found, (deliveries, letters), "version {config}, {batches:?}");
        }
    }
}

#[tokio::test]
async fn after_a_bad_receipt_the_next_attempt_is_asked_for_and_nobody_told() {
    let world = World::default();
    let bad = Receipt(receipt(HANDSET, "7", "rejected"));
    let published = world.run(&[sent(), bad.clone()]).await;
    assert!(published.deliveries().is_empty());
    assert_eq!(published.happened(), ["submitted", "undelivered"]);
    let retries = world.take_retries();
    let [retry] = &retries[..] else { panic!("{retries:?}") };
    assert_eq!((retry.attempt, retry.at_ms), (0, AT_MS + 5_000));
    assert_eq!((retry.origin.partition, retry.origin.offset), (2, 71));
    let Because::Receipt(deliveries) = &retry.because else { panic!("{retry:?}") };
    assert_eq!(deliveries[0].id, part(1).delivery("receipt rejected"));
    // Of a long message others may have arrived; a late one has no time left.
    let long = SubmitResult { parts: 2, ..result(2, HANDSET, "8") };
    let late = SubmitResult { valid_until_ms: AT_MS + 5_000, ..result(3, HANDSET, "9") };
    let receipts = ["8", "9"].map(|id| Receipt(receipt(HANDSET, id, "rejected")));
    let [of_long, of_late] = receipts;
    let published = world.run(&[Result(long), Result(late), of_long, of_late]).await;
    assert_eq!(told(&published).len(), 2);
    assert!(world.take_retries().is_empty());
}

#[tokio::test]
async fn states_on_the_way_are_told_to_who_asked_for_them() {
    for (asked, count) in [(1, 0), (0x11, 1)] {
        let world = World::default();
        let sent = Result(SubmitResult { receipt: asked, ..result(1, HANDSET, "7") });
        let published = world.run(&[sent, Receipt(receipt(HANDSET, "7", "enroute"))]).await;
        assert_eq!(published.deliveries().len(), count);
        assert_eq!(published.happened(), ["submitted", "progress"]);
    }
}

#[tokio::test]
async fn a_summary_of_failed_parts_goes_to_the_queue_of_retries() {
    let summary = |outcomes: &[Ending]| {
        let parts: Vec<_> = outcomes
            .iter()
            .zip(1..)
            .map(|(outcome, n)| json!({"part": part(n), "outcome": outcome}))
            .collect();
        let value = json!({
            "v": 1, "message": part(1), "customer": "acme", "provider": "alpha", "attempt": 2,
            "origin": {"partition": 0, "offset": 5}, "parts": parts, "at_ms": AT_MS,
        });
        Summary(serde_json::from_value(value).unwrap())
    };
    let world = World::default();
    let published = world
        .run(&[
            summary(&[Ending::Accepted, Ending::Accepted]),
            summary(&[Ending::Rejected, Ending::Abandoned]),
            summary(&[Ending::Accepted, Ending::Drained]),
        ])
        .await;
    assert!(published.0.is_empty());
    let retries = world.take_retries();
    assert_eq!(retries.len(), 2, "whether it may be tried again is for `retry` to say");
    assert!(retries.iter().all(|retry| retry.attempt == 2 && retry.at_ms == AT_MS));
    assert!(matches!(&retries[0].because, Because::Summary(parts) if parts.len() == 2));
}

#[tokio::test]
async fn what_has_no_id_or_was_not_accepted_is_told_of_and_not_kept() {
    let world = World::default();
    let rejected =
        SubmitResult { outcome: Ending::Rejected, status: 0x45, ..result(2, HANDSET, "") };
    let doubt = json!({
        "v": 1, "provider": "alpha", "message": part(3), "part": 0, "attempt": 0, "slot": 4,
        "intent": 99, "held": false, "at_ms": AT_MS,
    });
    let doubt = Doubt(serde_json::from_value(doubt).unwrap());
    let published = world.run(&[Result(result(1, HANDSET, "")), Result(rejected), doubt]).await;
    assert_eq!(published.happened(), ["submitted", "rejected", "doubt"]);
    assert!(world.store.items.lock().unwrap().is_empty());
}

#[tokio::test]
async fn poison_becomes_a_dead_letter_and_holds_up_nobody() {
    let world = World::default();
    let newer = String::from_utf8(wire::encode(&sent())).unwrap().replace("\"v\":1", "\"v\":2");
    let values = [b"{".to_vec(), newer.into_bytes(), br#"{"kind":"other","v":1}"#.to_vec(), vec![]];
    let good = [sent(), delivered()].map(|it| wire::encode(&it));
    let all: Vec<_> = values.into_iter().chain(good).collect();
    world.handler().handle(&read(&raw_event(&all))).await.unwrap();
    let published = world.published();
    assert_eq!(published.letters().len(), 4);
    assert_eq!(told(&published).len(), 1);
}

#[tokio::test]
async fn an_outage_at_each_call_fails_the_batch_and_the_next_run_tells_everything() {
    let bad = Receipt(receipt(HANDSET, "8", "rejected"));
    let early = Receipt(receipt(HANDSET, "9", "delivered"));
    let batch = [sent(), delivered(), Result(result(2, HANDSET, "8")), bad, early];
    let mut calls = 0;
    loop {
        let world = World::default();
        // An id that was used before, and a receipt that waits: queries too.
        world.run(&[Result(result(5, "491705", "7")), delivered()]).await;
        world.fuse.burn_after(Some(calls));
        let failed = world.handler().handle(&read(&world::event(&batch))).await.is_err();
        if failed {
            assert!(world.published().0.is_empty(), "published before all was decided");
        }
        world.fuse.burn_after(None);
        world.take_retries();
        let published = world.run(&batch).await;
        if failed {
            assert_eq!(told(&published).len(), 1, "after {calls} calls");
            assert_eq!(world.take_retries().len(), 1);
            assert!(published.letters().is_empty());
        } else {
            break;
        }
        calls += 1;
    }
    assert!(calls >= 8, "{calls}");
}

#[tokio::test]
async fn a_large_batch_reads_twice_and_queries_nothing() {
    let world = World::default();
    let results: Vec<_> =
        (0..1000).map(|n| Result(result(n as u8, HANDSET, &format!("id {n}")))).collect();
    world.run(&results).await;
    assert_eq!(world.store.gets.swap(0, Ordering::Relaxed), 2);
    let receipts: Vec<_> =
        (0..1000).map(|n| Receipt(receipt(HANDSET, &format!("id {n}"), "delivered"))).collect();
    let published = world.run(&receipts).await;
    assert_eq!(published.deliveries().len(), 1000);
    assert_eq!(world.store.gets.load(Ordering::Relaxed), 1);
    assert_eq!(world.store.queries.load(Ordering::Relaxed), 0);
    assert_eq!(world.store.items.lock().unwrap().len(), 1000, "one item a message");
}
