//! The handler over ports in memory: what is tried again, what is told, the same at every run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::bail;
use aws_lambda_events::event::sqs::SqsEvent;
use domain::config::Document;
use domain::id::{MessageId, PartId, ProviderId};
use domain::message::{Message, Part, ReferenceKind};
use domain::octets::Octets;
use domain::routing::Router;
use platform::function::{Configurations, Output, Outputs, Shell, Versions};
use platform::time_limit::{EXCEEDED, TimeLimit};
use retry::handler::{Answer, Handler, place};
use retry::ports::{Bodies, Current, Ground, Grounds};
use serde_json::{Value, json};
use wire::V;
use wire::customer_deliveries::{CustomerDelivery, Delivered, Failure, Receipt};
use wire::customer_incoming::IncomingMessage;
use wire::dead_letters::DeadLetter;
use wire::provider_events::PartSummary;
use wire::provider_outgoing::Origin;
use wire::retries::{Because, Retry};
use wire::submit_journal::Ending;

const AT_MS: u64 = 1_760_000_000_000;
const ORIGIN: Origin = Origin { partition: 2, offset: 77 };

/// Everything around the function, in memory.
#[derive(Debug, Default)]
struct World {
    /// The record at [`ORIGIN`].
    body: Mutex<Option<Vec<u8>>>,
    current: AtomicU64,
    grounds: Mutex<HashMap<(MessageId, u32), Ground>>,
    down: AtomicBool,
    flush_fails: AtomicBool,
    queued: Mutex<Vec<Output>>,
    stored: Mutex<Vec<Output>>,
}

impl Bodies for &World {
    async fn read(&self, origin: Origin) -> anyhow::Result<Option<Vec<u8>>> {
        if self.down.load(Ordering::Relaxed) {
            bail!("Kafka does not answer");
        }
        Ok(self.body.lock().unwrap().clone().filter(|_| origin == ORIGIN))
    }
}

impl Current for &World {
    async fn current(&self) -> anyhow::Result<Option<u64>> {
        let current = self.current.load(Ordering::Relaxed);
        Ok((current > 0).then_some(current))
    }
}

impl Grounds for &World {
    async fn settle(&self, retry: &Retry, proposed: Ground) -> anyhow::Result<Ground> {
        let mut grounds = self.grounds.lock().unwrap();
        Ok(*grounds.entry((retry.message, retry.attempt)).or_insert(proposed))
    }
}

/// Version 1: alpha, then gamma. 2: gamma is gone. 3: the customer is gone.
impl Versions for &World {
    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        let link =
            json!({"smpp": {"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}});
        let failover = if version == 1 { json!(["gamma"]) } else { json!([]) };
        let customer = if version == 3 { "other" } else { "acme" };
        let document = json!({
            "customers": [{"id": customer}],
            "providers": [
                {"id": "alpha", "link": link, "slots": [0]},
                {"id": "gamma", "link": link, "slots": [1]},
            ],
            "routes": [{"id": "all", "to": [{"provider": "alpha"}], "failover": failover}],
        });
        Ok((version <= 3).then(|| Arc::new(serde_json::from_value(document).unwrap())))
    }
}

impl Outputs for &World {
    fn begin(&self) {
        assert!(self.queued.lock().unwrap().is_empty(), "left over from the last invocation");
    }

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        self.queued.lock().unwrap().push(output.clone());
        Ok(())
    }

    async fn flush(&self) -> anyhow::Result<()> {
        if self.flush_fails.load(Ordering::Relaxed) {
            bail!("not stored");
        }
        self.stored.lock().unwrap().append(&mut self.queued.lock().unwrap());
        Ok(())
    }

    async fn abandon(&self) {
        self.queued.lock().unwrap().clear();
    }
}

type OverWorld<'a> = Handler<&'a World, &'a World, &'a World, &'a World, &'a World>;

fn now_ms() -> u64 {
    AT_MS + 60_000
}

impl World {
    fn with(message: &Message) -> Self {
        let world = Self { current: AtomicU64::new(1), ..Self::default() };
        world.keep(message);
        world
    }

    fn keep(&self, message: &Message) {
        let incoming = IncomingMessage { v: V, message: message.clone() };
        *self.body.lock().unwrap() = Some(wire::encode(&incoming));
    }

    fn handler(&self) -> OverWorld<'_> {
        Handler {
            configurations: Configurations::new(self, Router::compile),
            shell: Shell { by: "retry", outputs: self, limit: TimeLimit::default(), now_ms },
            bodies: self,
            current: self,
            grounds: self,
        }
    }

    async fn run(&self, retries: &[Retry]) -> Published {
        let answer = self.handler().handle(event(retries)).await.unwrap();
        assert_eq!(answer, Answer::default());
        self.published()
    }

    fn published(&self) -> Published {
        Published(std::mem::take(&mut *self.stored.lock().unwrap()))
    }
}

#[derive(Debug, PartialEq)]
struct Published(Vec<Output>);

impl Published {
    fn on<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |output| &*output.topic == topic).map(|output| &output.value[..])
    }

    fn messages(&self) -> Vec<Message> {
        let messages = self.on("customer-incoming-messages");
        messages.map(|value| wire::decode::<IncomingMessage>(value).unwrap().message).collect()
    }

    fn told(&self) -> Vec<(PartId, String)> {
        let receipt = |value: &[u8]| -> Receipt {
            let delivery: CustomerDelivery = wire::decode(value).unwrap();
            let Delivered::Receipt(receipt) = delivery.what else { panic!("{delivery:?}") };
            receipt
        };
        let receipts = self.on("customer-deliveries").map(receipt);
        receipts.map(|receipt| (receipt.part, receipt.error)).collect()
    }

    fn letters(&self) -> Vec<DeadLetter> {
        self.on("dead-letters").map(|value| wire::decode(value).unwrap()).collect()
    }

    fn events(&self) -> Vec<Value> {
        let events = self.on("message-events").flat_map(|value| {
            let value: Value = serde_json::from_slice(value).unwrap();
            value["events"].as_array().unwrap().clone()
        });
        events.collect()
    }
}

fn event(retries: &[Retry]) -> SqsEvent {
    raw_event(retries.iter().map(|it| String::from_utf8(wire::encode(it)).unwrap()).collect())
}

fn raw_event(bodies: Vec<String>) -> SqsEvent {
    let message = |(n, body): (usize, String)| {
        json!({"messageId": format!("id {n}"), "body": body, "attributes": {},
               "messageAttributes": {}})
    };
    let messages: Vec<_> = bodies.into_iter().enumerate().map(message).collect();
    serde_json::from_value(json!({"Records": messages})).unwrap()
}

fn id(number: u8) -> PartId {
    PartId::new(AT_MS, [number; 10])
}

fn part(number: u8, receipt: u8, aliases: &[u8]) -> Part {
    Part {
        id: id(number),
        aliases: aliases.iter().map(|number| id(*number)).collect(),
        octets: Octets(vec![number]),
        udh: Octets::default(),
        receipt,
    }
}

fn message(parts: Vec<Part>) -> Message {
    let value = json!({
        "id": parts[0].id,
        "envelope": {
            "customer": "acme", "source": {"ton": 5, "addr": "ACME"},
            "destination": {"ton": 1, "npi": 1, "addr": "491701"},
            "accepted_ms": AT_MS, "valid_until_ms": AT_MS + 3_600_000, "config": 1,
        },
        "split": (parts.len() > 1).then_some(ReferenceKind::Udh8),
        "parts": parts, "attempt_ms": AT_MS,
    });
    serde_json::from_value(value).unwrap()
}

fn single() -> Message {
    message(vec![part(1, 1, &[9])])
}

fn summary(ends: &[(u8, Ending, bool)]) -> Retry {
    let part = |(number, outcome, doubtful): &(u8, Ending, bool)| PartSummary {
        part: id(*number),
        outcome: *outcome,
        doubtful: *doubtful,
    };
    retry(Because::Summary(ends.iter().map(part).collect()))
}

fn retry(because: Because) -> Retry {
    Retry {
        v: V,
        message: id(1).into(),
        customer: "acme".into(),
        provider: "alpha".into(),
        attempt: 0,
        origin: ORIGIN,
        because,
        at_ms: AT_MS + 5_000,
    }
}

fn rejected() -> Retry {
    summary(&[(1, Ending::Rejected, false)])
}

/// What the customer is told after a bad receipt, if nobody is left.
fn after_receipt() -> Retry {
    let message = single();
    let delivery = CustomerDelivery::failure(
        message.id,
        &message.envelope,
        id(1),
        Failure::Rejected,
        AT_MS + 1,
    );
    retry(Because::Receipt(vec![delivery]))
}

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
    let parts: [(&[(u8, Ending, bool)], &[(u8, Failure)]); 5] = [
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
    assert_eq!(answer, Answer::default());
    let published = world.published();
    assert_eq!(published.letters().len(), 2);
    assert_eq!(published.messages().len(), 1);
    // One that pure code was stuck on.
    let directory = std::env::temp_dir().join(format!("retry-stuck-{}", std::process::id()));
    let stuck = place("id 0").origin;
    std::fs::write(&directory, format!("retries {} {}\n", stuck.partition, stuck.offset)).unwrap();
    let mut handler = world.handler();
    handler.shell.limit = TimeLimit::kept_in(directory.clone());
    handler.handle(raw_event(vec![good])).await.unwrap();
    assert_eq!(world.published().letters()[0].reason, EXCEEDED);
    assert!(!directory.exists());
}

#[tokio::test]
async fn an_outage_lets_the_message_come_again_and_makes_no_dead_letters() {
    let world = World::with(&single());
    world.down.store(true, Ordering::Relaxed);
    let answer = world.handler().handle(event(&[rejected(), after_receipt()])).await.unwrap();
    let failed: Vec<_> = answer.failures.iter().map(|failure| failure.id.as_str()).collect();
    assert_eq!(failed, ["id 0", "id 1"]);
    world.down.store(false, Ordering::Relaxed);
    world.current.store(0, Ordering::Relaxed);
    let answer = world.handler().handle(event(&[rejected()])).await.unwrap();
    assert_eq!(answer.failures.len(), 1, "without a configuration nothing is decided");
    assert!(world.published().0.is_empty());
}
