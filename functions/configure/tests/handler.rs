//! The admin API over ports in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use anyhow::bail;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use configure::handler::Handler;
use configure::ports::{Applied, Store, Topics};
use domain::config::{Document, SlotLedger};
use flate2::Compression;
use flate2::write::GzEncoder;
use platform::kafka::TopicNeed;
use serde_json::{Value, json};

const FIRST: &str = "0190a5d0-0000-4000-8000-000000000001";
const SECOND: &str = "0190a5d0-0000-4000-8000-000000000002";

/// Table `config` and Kafka in memory; `steps` notes what was done in which order.
#[derive(Debug, Default)]
struct World {
    versions: Mutex<Vec<(Arc<Document>, String)>>,
    steps: Mutex<Vec<String>>,
    topics: Mutex<BTreeMap<String, u32>>,
    kafka_down: Mutex<bool>,
}

impl World {
    fn step(&self, step: &str) {
        self.steps.lock().unwrap().push(step.to_owned());
    }

    fn steps(&self) -> Vec<String> {
        std::mem::take(&mut *self.steps.lock().unwrap())
    }
}

impl Store for &World {
    async fn current(&self) -> anyhow::Result<Option<u64>> {
        let versions = self.versions.lock().unwrap().len();
        Ok((versions > 0).then_some(versions as u64))
    }

    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        let Some(index) = usize::try_from(version)?.checked_sub(1) else { return Ok(None) };
        Ok(self.versions.lock().unwrap().get(index).map(|(document, _)| document.clone()))
    }

    async fn slots(&self, version: u64) -> anyhow::Result<SlotLedger> {
        let versions = self.versions.lock().unwrap();
        let so_far = &versions[..usize::try_from(version)?];
        Ok(so_far.iter().fold(SlotLedger::default(), |ledger, (document, _)| ledger.with(document)))
    }

    async fn apply(
        &self,
        previous: Option<u64>,
        document: &Document,
        writer: &str,
    ) -> anyhow::Result<Applied> {
        let mut versions = self.versions.lock().unwrap();
        let (current, version) = (versions.len() as u64, previous.unwrap_or(0) + 1);
        if current == version && versions.last().is_some_and(|(_, by)| by == writer) {
            return Ok(Applied::Version(version));
        }
        if current + 1 != version {
            return Ok(Applied::Outdated(Some(current)));
        }
        versions.push((Arc::new(document.clone()), writer.to_owned()));
        self.step("version");
        Ok(Applied::Version(version))
    }
}

impl Topics for &World {
    async fn ensure(&self, needs: &[TopicNeed]) -> anyhow::Result<()> {
        if *self.kafka_down.lock().unwrap() {
            bail!("Kafka does not answer: broker 10.1.2.3");
        }
        let mut topics = self.topics.lock().unwrap();
        topics.extend(needs.iter().map(|need| (need.name.clone(), need.partitions)));
        self.step("topics");
        Ok(())
    }

    async fn found_journals(&self, slots: &[u32]) -> anyhow::Result<()> {
        self.step(&format!("journals {slots:?}"));
        Ok(())
    }
}

fn now_ms() -> u64 {
    1_760_000_000_000
}

fn document() -> Value {
    let link = json!({"smpp": {"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}});
    json!({
        "customers": [{"id": "acme", "senders": []}],
        "providers": [{"id": "alpha", "link": link, "slots": [1, 0]}],
        "routes": [{"id": "all", "to": [{"provider": "alpha"}]},
                   {"id": "uk", "when": {"destinations": ["44"]}, "to": [{"provider": "alpha"}]}],
    })
}

fn request(route: &str, path: Value, body: &Value) -> Value {
    let (method, template) = route.split_once(' ').unwrap();
    json!({
        "version": "2.0", "routeKey": route, "rawPath": template, "rawQueryString": "",
        "headers": {"content-type": "application/json"}, "pathParameters": path,
        "requestContext": {"http": {"method": method, "path": template}, "timeEpoch": 0},
        "body": body.to_string(), "isBase64Encoded": false,
    })
}

async fn sent(world: &World, event: Value) -> (i64, Value) {
    let event: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
    let handler = Handler { store: world, topics: world, now_ms };
    let response = handler.handle(event).await;
    let Some(Body::Text(text)) = response.body else { panic!("no text") };
    (response.status_code, serde_json::from_str(&text).unwrap())
}

async fn post(world: &World, path: &str, body: Value) -> (i64, Value) {
    sent(world, request(&format!("POST {path}"), json!({}), &body)).await
}

async fn apply(
    world: &World,
    document: &Value,
    against: Option<u64>,
    change: &str,
) -> (i64, Value) {
    let body = json!({"document": document, "planned_against": against, "change": change});
    post(world, "/config/apply", body).await
}

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
