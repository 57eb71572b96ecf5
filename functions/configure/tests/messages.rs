//! What happened to messages through the admin API, over ports in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::borrow::Cow;

use domain::address::Address;
use domain::id::{CustomerId, MessageId, PartId, ProviderId};
use serde_json::{Value, json};
use wire::message_events::{Happened, MessageEvent, PartIds};

mod world;

use world::{World, get, request, sent};

const AT_MS: u64 = 1_795_248_000_000;
const DAY: &str = "2026-11-21";

fn message(n: u16) -> MessageId {
    MessageId::new(AT_MS, [0, 0, 0, 0, 0, 0, 0, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]])
}

fn event(message: MessageId, happened: Happened, at_ms: u64) -> MessageEvent<'static> {
    let customer = Cow::Owned(CustomerId::from("acme"));
    let id = message.event(&format!("{happened:?} {at_ms}"), 0);
    MessageEvent::new(id, message, customer, happened, "t", at_ms)
}

fn accepted(message: MessageId, at_ms: u64) -> MessageEvent<'static> {
    let address = |ton, number: &str| Address { ton, npi: 1, number: number.to_owned() };
    let (source, destination) = (address(5, "ACME"), address(1, "447700900123"));
    event(message, Happened::Accepted, at_ms).between(&source, &destination).into_owned()
}

fn of(events: Vec<MessageEvent<'static>>) -> World {
    let world = World::default();
    *world.events.lock().unwrap() = events;
    world
}

async fn one(world: &World, id: &str, query: Value) -> (i64, Value) {
    let mut event = request("GET /messages/{id}", json!({ "id": id }), &json!({}));
    event["queryStringParameters"] = query;
    sent(world, event).await
}

#[tokio::test]
async fn a_message_is_told_step_by_step_with_its_status_and_its_number_masked() {
    let second = PartId::from(message(2));
    let ids = |id| PartIds { id, aliases: Vec::new() };
    let parts = [message(1).into(), second].map(ids).to_vec();
    let submitted = MessageEvent {
        provider: Some(Cow::Owned(ProviderId::from("alpha"))),
        part: Some(second),
        provider_message_id: Cow::Borrowed("7F"),
        ..event(message(1), Happened::Submitted, AT_MS + 2)
    };
    let begun = MessageEvent { parts, ..accepted(message(1), AT_MS) };
    let world = of(vec![submitted, begun, event(message(1), Happened::Routed, AT_MS + 1)]);
    let (status, journey) = one(&world, &second.to_string(), json!({})).await;
    assert_eq!(status, 200, "{journey}");
    assert_eq!(journey["message"], json!(message(1)));
    assert_eq!((&journey["customer"], &journey["status"]), (&json!("acme"), &json!("routed")));
    assert_eq!(
        (&journey["source"], &journey["destination"]),
        (&json!("ACME"), &json!("4477******23"))
    );
    let happened: Vec<_> =
        journey["events"].as_array().unwrap().iter().map(|it| &it["event"]).collect();
    assert_eq!(happened, [&json!("accepted"), &json!("routed"), &json!("submitted")]);
    let part = &journey["parts"][1];
    assert_eq!((&part["id"], &part["status"]), (&json!(second), &json!("submitted")));
    assert_eq!(part["provider_message_id"], "7F");
    assert!(!journey.to_string().contains("447700900123"));
    let (_, in_full) = one(&world, &message(1).to_string(), json!({"numbers": "full"})).await;
    assert_eq!(in_full["destination"], "447700900123");
}

#[tokio::test]
async fn a_message_that_is_not_known_and_a_request_that_is_none_are_refused_with_the_cure() {
    let world = of(vec![accepted(message(1), AT_MS)]);
    let (status, problem) = one(&world, &message(9).to_string(), json!({})).await;
    assert_eq!(status, 404);
    assert!(problem["cure"].as_str().unwrap().contains("some seconds"), "{problem}");
    assert_eq!(one(&world, "7", json!({})).await.0, 400);
    assert_eq!(one(&world, &message(1).to_string(), json!({"numbers": "all"})).await.0, 400);
    for query in [
        json!({"day": DAY}),
        json!({"customer": "acme"}),
        json!({"customer": "acme", "destination": "44", "day": DAY}),
        json!({"customer": "acme", "day": "21.11.2026"}),
        json!({"customer": "acme", "day": "2026-13-01"}),
        json!({"customer": "acme", "day": DAY, "limit": "0"}),
        json!({"customer": "acme", "day": DAY, "limit": "201"}),
    ] {
        let (status, problem) = get(&world, "/messages", query.clone()).await;
        assert_eq!(status, 400, "{query} {problem}");
    }
    *world.kafka_down.lock().unwrap() = true;
    let (status, problem) = one(&world, &message(1).to_string(), json!({})).await;
    assert_eq!(status, 503);
    assert!(!problem.to_string().contains("10.1.2.3"), "{problem}");
}

#[tokio::test]
async fn a_customers_day_is_listed_page_by_page() {
    let mut events: Vec<_> = (0..60).map(|n| accepted(message(n), AT_MS + u64::from(n))).collect();
    events.push(accepted(message(99), AT_MS + 86_400_000));
    let world = of(events);
    let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let mut query = json!({"customer": "acme", "day": DAY, "limit": "25"});
        if let Some(after) = &after {
            query["after"] = Value::clone(after);
        }
        let (status, list) = get(&world, "/messages", query).await;
        assert_eq!(status, 200, "{list}");
        found.extend(list["messages"].as_array().unwrap().clone());
        pages += 1;
        match list.get("next") {
            Some(next) => after = Some(next.clone()),
            None => break,
        }
    }
    assert_eq!((pages, found.len()), (3, 60));
    let ids: Vec<_> = found.iter().map(|journey| &journey["message"]).collect();
    assert_eq!(ids[59], &json!(message(59)));
    let (_, none) = get(&world, "/messages", json!({"customer": "beta", "day": DAY})).await;
    assert_eq!(none, json!({"messages": []}));
}

#[tokio::test]
async fn a_handsets_day_is_found_by_any_spelling_of_its_number() {
    let world = of(vec![accepted(message(1), AT_MS)]);
    for number in ["447700900123", "+447700900123", "00447700900123"] {
        let query = json!({"destination": number, "day": DAY});
        let (_, list) = get(&world, "/messages", query).await;
        assert_eq!(list["messages"].as_array().unwrap().len(), 1, "{number}");
        assert!(!list.to_string().contains("447700900123"));
    }
}

#[tokio::test]
async fn an_answer_with_very_many_events_is_cut_where_it_can_be_gone_on_with() {
    let mut events = Vec::new();
    for n in 0..100 {
        events.push(accepted(message(n), AT_MS + u64::from(n)));
        let more = (0..150).map(|at_ms| event(message(n), Happened::Progress, AT_MS + at_ms));
        events.extend(more);
    }
    let world = of(events);
    let query = json!({"customer": "acme", "day": DAY, "limit": "100"});
    let (_, list) = get(&world, "/messages", query.clone()).await;
    assert_eq!(list["messages"].as_array().unwrap().len(), 50);
    let mut query = query;
    query["after"] = list["next"].clone();
    let (_, rest) = get(&world, "/messages", query).await;
    assert_eq!(rest["messages"].as_array().unwrap().len(), 50);
    assert_eq!(rest["messages"][0]["message"], json!(message(50)));
    assert!(rest.get("next").is_none());
}
