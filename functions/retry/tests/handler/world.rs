//! Everything around the function, in memory, and what it is given.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::bail;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::config::Document;
use domain::id::{MessageId, PartId};
use domain::message::{Message, Part, ReferenceKind};
use domain::octets::Octets;
use domain::routing::Router;
use platform::function::{Configurations, Current, Output, Outputs, Shell, Versions};
use platform::time_limit::TimeLimit;
use retry::handler::Handler;
use retry::ports::{Bodies, Found, Ground, Grounds};
use serde_json::{Value, json};
use wire::V;
use wire::customer_deliveries::{CustomerDelivery, Delivered, Failure, Receipt};
use wire::customer_incoming::IncomingMessage;
use wire::dead_letters::DeadLetter;
use wire::provider_events::PartSummary;
use wire::provider_outgoing::Origin;
use wire::retries::{Because, Retry};
use wire::submit_journal::Ending;

pub(crate) const AT_MS: u64 = 1_760_000_000_000;
pub(crate) const ORIGIN: Origin = Origin { partition: 2, offset: 77 };

/// Everything around the function, in memory.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// The record at [`ORIGIN`].
    pub(crate) body: Mutex<Option<Vec<u8>>>,
    pub(crate) current: AtomicU64,
    pub(crate) grounds: Mutex<HashMap<(MessageId, u32), Ground>>,
    pub(crate) down: AtomicBool,
    /// The record at [`ORIGIN`] cannot be read in time.
    pub(crate) not_in_time: AtomicBool,
    pub(crate) flush_fails: AtomicBool,
    pub(crate) queued: Mutex<Vec<Output>>,
    pub(crate) stored: Mutex<Vec<Output>>,
}

impl Bodies for &World {
    async fn read(&self, origins: Vec<Origin>) -> anyhow::Result<Found> {
        if self.down.load(Ordering::Relaxed) {
            bail!("Kafka does not answer");
        }
        let body = || self.body.lock().unwrap().clone();
        let late = self.not_in_time.load(Ordering::Relaxed);
        let in_time = origins.into_iter().filter(|origin| !late || *origin != ORIGIN);
        Ok(in_time.map(|origin| (origin, body().filter(|_| origin == ORIGIN))).collect())
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

pub(crate) type OverWorld<'a> = Handler<&'a World, &'a World, &'a World, &'a World, &'a World>;

pub(crate) fn now_ms() -> u64 {
    AT_MS + 60_000
}

impl World {
    pub(crate) fn with(message: &Message) -> Self {
        let world = Self { current: AtomicU64::new(1), ..Self::default() };
        world.keep(message);
        world
    }

    pub(crate) fn keep(&self, message: &Message) {
        let incoming = IncomingMessage { v: V, message: message.clone() };
        *self.body.lock().unwrap() = Some(wire::encode(&incoming));
    }

    pub(crate) fn handler(&self) -> OverWorld<'_> {
        Handler {
            configurations: Configurations::new(self, Router::compile),
            shell: Shell { by: "retry", outputs: self, limit: TimeLimit::default(), now_ms },
            bodies: self,
            current: self,
            grounds: self,
        }
    }

    pub(crate) async fn run(&self, retries: &[Retry]) -> Published {
        let answer = self.handler().handle(event(retries)).await.unwrap();
        assert_eq!(answer, SqsBatchResponse::default());
        self.published()
    }

    pub(crate) fn published(&self) -> Published {
        Published(std::mem::take(&mut *self.stored.lock().unwrap()))
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Published(pub(crate) Vec<Output>);

impl Published {
    fn on<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |output| &*output.topic == topic).map(|output| &output.value[..])
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        let messages = self.on("customer-incoming-messages");
        messages.map(|value| wire::decode::<IncomingMessage>(value).unwrap().message).collect()
    }

    pub(crate) fn told(&self) -> Vec<(PartId, String)> {
        let receipt = |value: &[u8]| -> Receipt {
            let delivery: CustomerDelivery = wire::decode(value).unwrap();
            let Delivered::Receipt(receipt) = delivery.what else { panic!("{delivery:?}") };
            receipt
        };
        let receipts = self.on("customer-deliveries").map(receipt);
        receipts.map(|receipt| (receipt.part, receipt.error)).collect()
    }

    pub(crate) fn letters(&self) -> Vec<DeadLetter> {
        self.on("dead-letters").map(|value| wire::decode(value).unwrap()).collect()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        let events = self.on("message-events").flat_map(|value| {
            let value: Value = serde_json::from_slice(value).unwrap();
            value["events"].as_array().unwrap().clone()
        });
        events.collect()
    }
}

pub(crate) fn event(retries: &[Retry]) -> SqsEvent {
    raw_event(retries.iter().map(|it| String::from_utf8(wire::encode(it)).unwrap()).collect())
}

pub(crate) fn raw_event(bodies: Vec<String>) -> SqsEvent {
    let message = |(n, body): (usize, String)| {
        json!({"messageId": format!("id {n}"), "body": body, "attributes": {},
               "messageAttributes": {}})
    };
    let messages: Vec<_> = bodies.into_iter().enumerate().map(message).collect();
    serde_json::from_value(json!({"Records": messages})).unwrap()
}

pub(crate) fn id(number: u8) -> PartId {
    PartId::new(AT_MS, [number; 10])
}

pub(crate) fn part(number: u8, receipt: u8, aliases: &[u8]) -> Part {
    Part {
        id: id(number),
        aliases: aliases.iter().map(|number| id(*number)).collect(),
        octets: Octets(vec![number]),
        udh: Octets::default(),
        receipt,
    }
}

pub(crate) fn message(parts: Vec<Part>) -> Message {
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

pub(crate) fn single() -> Message {
    message(vec![part(1, 1, &[9])])
}

pub(crate) fn summary(ends: &[(u8, Ending, bool)]) -> Retry {
    let part = |(number, outcome, doubtful): &(u8, Ending, bool)| PartSummary {
        part: id(*number),
        outcome: *outcome,
        doubtful: *doubtful,
    };
    retry(Because::Summary(ends.iter().map(part).collect()))
}

pub(crate) fn retry(because: Because) -> Retry {
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

pub(crate) fn rejected() -> Retry {
    summary(&[(1, Ending::Rejected, false)])
}

/// What the customer is told after a bad receipt, if nobody is left.
pub(crate) fn after_receipt() -> Retry {
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
