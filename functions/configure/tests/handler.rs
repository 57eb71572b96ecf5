//! The admin API over ports in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

mod world;

use world::{FIRST, SECOND, World, apply, document, post, request, sent};

#[tokio::test]
async fn a_plan_tells_everything_and_changes_nothing() {
    let world = World::default();
    let (status, plan) = post(&world, "/config/plan", json!({"document": document()})).await;
    assert_eq!((status, &plan["planned_against"]), (200, &Value::Null));
    assert_eq!(plan["mistakes"], json!([]));
    assert_eq!(plan["changes"].as_array().unwrap().len(), 4);
    assert!(plan["topics"].as_array().unwrap().contains(&json!(["submit-journal", 2])));
    assert!(world.steps().is_empty() && world.versions.lock().unwrap().is_empty());
}

#[tokio::test]
async fn applying_prepares_kafka_before_the_version_comes_into_force() {
    let world = World::default();
    let (status, applied) = apply(&world, &document(), None, FIRST).await;
    assert_eq!((status, applied), (200, json!({"version": 1})));
    assert_eq!(world.steps(), ["topics", "journals [0, 1]", "version"]);
    assert_eq!(world.topics.lock().unwrap()["provider-outgoing-alpha-bulk"], 2);
    let (status, current) =
        sent(&world, request("GET /config/current", json!({}), &json!({}))).await;
    assert_eq!((status, &current["version"]), (200, &json!(1)));
    assert_eq!(current["document"]["providers"][0]["slots"], json!([1, 0]));
}

#[tokio::test]
async fn a_wrong_document_changes_nothing_and_all_its_mistakes_are_told() {
    let world = World::default();
    let mut wrong = document();
    wrong["providers"][0]["window"] = json!(0);
    wrong["routes"][0]["to"] = json!([]);
    let (status, problem) = apply(&world, &wrong, None, FIRST).await;
    assert_eq!((status, problem["mistakes"].as_array().unwrap().len()), (422, 2));
    assert!(world.steps().is_empty());
}

#[tokio::test]
async fn an_outdated_plan_is_refused_with_the_cure_and_changes_nothing() {
    let world = World::default();
    apply(&world, &document(), None, FIRST).await;
    let mut second = document();
    second["providers"][0]["window"] = json!(7);
    apply(&world, &second, Some(1), SECOND).await;
    world.steps();
    let (status, problem) = apply(&world, &document(), None, SECOND).await;
    assert_eq!(status, 409);
    assert!(problem["cure"].as_str().unwrap().starts_with("plan again"), "{problem}");
    assert!(world.steps().is_empty());
    let somebody = "0190a5d0-0000-4000-8000-000000000003";
    let (status, _) = apply(&world, &document(), Some(1), somebody).await;
    assert_eq!(status, 409);
    assert!(!world.steps().contains(&"version".to_owned()));
}

#[tokio::test]
async fn the_same_change_sent_again_after_a_lost_answer_succeeds_once() {
    let world = World::default();
    let first = apply(&world, &document(), None, FIRST).await;
    assert_eq!(apply(&world, &document(), None, FIRST).await, first);
    assert_eq!(world.versions.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_slot_of_a_provider_that_is_gone_is_not_given_again() {
    let world = World::default();
    let mut next = document();
    apply(&world, &next, None, FIRST).await;
    next["providers"][0]["binds"] = json!(0);
    apply(&world, &next, Some(1), SECOND).await;
    next["providers"][0]["id"] = json!("beta");
    next["routes"] = json!([{"id": "all", "to": [{"provider": "beta"}]}]);
    let (status, problem) = apply(&world, &next, Some(2), FIRST).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(problem["mistakes"][0]["path"], "providers[0].slots[0]");
}

#[tokio::test]
async fn an_outage_is_told_without_inner_details_and_no_version_is_made() {
    let world = World::default();
    *world.kafka_down.lock().unwrap() = true;
    let (status, problem) = apply(&world, &document(), None, FIRST).await;
    assert_eq!(status, 503);
    assert!(!problem.to_string().contains("10.1.2.3"), "{problem}");
    assert!(world.versions.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_route_is_explained_under_the_version_asked_for() {
    let world = World::default();
    apply(&world, &document(), None, FIRST).await;
    let asked = json!({"customer": "acme", "sender": "ACME", "destination": "+447700900123"});
    let (status, explained) = post(&world, "/route/explain", asked.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(explained["provider"], "alpha");
    assert_eq!(
        explained["routes"][0],
        json!({"route": "uk", "verdict": "chosen: longest prefix 44"})
    );
    assert_eq!(explained["routes"][1]["verdict"], "uk has a longer prefix");
    let mut later = asked;
    later["version"] = json!(9);
    assert_eq!(post(&world, "/route/explain", later).await.0, 404);
}

#[tokio::test]
async fn whose_a_handsets_message_is_is_explained() {
    let world = World::default();
    let mut with_number = document();
    with_number["numbers"] = json!([{
        "address": {"short_code": {"code": "72000"}},
        "keywords": [{"words": ["GAME"], "customer": "acme"}],
        "opt_out": {},
    }]);
    apply(&world, &with_number, None, FIRST).await;
    let ask = async |text: &str| {
        let asked = json!({"number": "72000", "provider": "alpha", "text": text});
        post(&world, "/mo/explain", asked).await
    };
    let (status, explained) = ask("game on").await;
    assert_eq!(status, 200, "{explained}");
    assert_eq!(explained["decision"], "to customer acme by keyword GAME");
    assert_eq!(explained["claims"][0]["verdict"], "chosen: a short code of any provider");
    let (_, wish) = ask("Stop").await;
    assert_eq!(wish["decision"], "the handset's wish (stop) about customer acme, not answered");
    let (_, nobodys) = ask("hello").await;
    assert!(nobodys["decision"].as_str().unwrap().starts_with("nobody's"), "{nobodys}");
    assert_eq!(nobodys["customers"], json!([]));
}

#[tokio::test]
async fn requests_that_cannot_be_read_are_refused() {
    let world = World::default();
    let unknown_field = json!({"document": {"customer": []}});
    assert_eq!(post(&world, "/config/plan", unknown_field).await.0, 400);
    assert_eq!(post(&world, "/nothing", json!({})).await.0, 404);
    assert_eq!(apply(&world, &document(), None, "not a uuid").await.0, 400);
    let version = request("GET /config/{version}", json!({"version": "one"}), &json!({}));
    assert_eq!(sent(&world, version).await.0, 400);
    let version = request("GET /config/{version}", json!({"version": "1"}), &json!({}));
    assert_eq!(sent(&world, version).await.0, 404);
}

#[tokio::test]
async fn a_compressed_body_is_read_as_api_gateway_hands_it_over() {
    let world = World::default();
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    zip.write_all(json!({"document": document()}).to_string().as_bytes()).unwrap();
    let zipped = STANDARD.encode(zip.finish().unwrap());
    let mut event = request("POST /config/plan", json!({}), &json!({}));
    event["body"] = json!(zipped);
    event["isBase64Encoded"] = json!(true);
    event["headers"]["content-encoding"] = json!("gzip");
    assert_eq!(sent(&world, event.clone()).await.0, 200);
    event["body"] = json!(STANDARD.encode("no gzip"));
    assert_eq!(sent(&world, event).await.0, 400);
}
