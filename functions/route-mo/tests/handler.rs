//! The handler over ports in memory: whose message it is, what becomes of wishes, poison, outages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::config::Document;
use domain::id::{CustomerId, MessageId, PartId};
use domain::mo::opt_out::{SETTLING_MS, refuses};
use domain::mo::{MoRouter, Subject};
use domain::octets::Octets;
use platform::function::{Configurations, Event, Output, Outputs, Shell, Versions};
use platform::opt_outs::{Key, Put, Stored};
use platform::time_limit::TimeLimit;
use route_mo::handler::Handler;
use route_mo::ports::OptOuts;
use serde_json::{Value, json};
use wire::customer_deliveries::{CustomerDelivery, Delivered, HandsetMessage};
use wire::customer_incoming::IncomingMessage;
use wire::dead_letters::DeadLetter;
use wire::message_events::{Happened, MessageEvent, MessageEvents};
use wire::provider_incoming::ProviderMessage;

const NOW_MS: u64 = 1_760_000_100_000;
const ARRIVED_MS: u64 = 1_760_000_000_000;

/// Everything outside.
#[derive(Default)]
struct World {
    queued: Mutex<Vec<Output>>,
    stored: Mutex<Vec<Output>>,
    kafka_down: AtomicBool,
    opt_outs_down: AtomicBool,
    opt_outs: Mutex<HashMap<Key, Stored>>,
    reads: AtomicU64,
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
        ensure!(!self.kafka_down.load(Ordering::Relaxed), "not stored");
        self.stored.lock().unwrap().append(&mut self.queued.lock().unwrap());
        Ok(())
    }
    async fn abandon(&self) {
        self.queued.lock().unwrap().clear();
    }
}

impl OptOuts for &World {
    async fn read(&self, keys: &[Key]) -> anyhow::Result<HashMap<Key, Stored>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let items = self.opt_outs.lock().unwrap();
        Ok(keys.iter().filter_map(|key| Some((key.clone(), items.get(key)?.clone()))).collect())
    }
    async fn write(&self, puts: &[Put], _: &str) -> anyhow::Result<Vec<bool>> {
        if self.opt_outs_down.load(Ordering::Relaxed) {
            bail!("the table does not answer");
        }
        let mut items = self.opt_outs.lock().unwrap();
        for Put { key, read_version, history } in puts {
            let stored = Stored { version: read_version + 1, history: history.clone() };
            items.insert(key.clone(), stored);
        }
        Ok(vec![true; puts.len()])
    }
}

impl Versions for &World {
    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        let link =
            json!({"smpp": {"host": "h", "port": 1, "system_id": "u", "password_secret": "s"}});
        let document = json!({
            "customers": [{"id": "acme"}, {"id": "beta"}],
            "providers": [{"id": "alpha", "link": link, "slots": [0]}],
            "numbers": [
                {"address": {"exact": "4930150"}, "customer": "acme",
                 "opt_out": {"stop": {"answer": "Bye €"}, "start": {"answer": "да"},
                             "help": {"answer": "We are Acme"}}},
                {"address": {"short_code": {"code": "72000"}},
                 "keywords": [{"words": ["GAME"], "customer": "acme", "sub_keywords": ["Café"]},
                              {"words": ["NEWS"], "customer": "beta"}],
                 "opt_out": {"counts_for": "customer", "stop": {"answer": "Bye"}}},
            ],
        });
        Ok((version == 3).then(|| Arc::new(serde_json::from_value(document).unwrap())))
    }
}

impl World {
    fn handler(&self) -> Handler<&Self, &Self, &Self> {
        Handler {
            configurations: Configurations::new(self, MoRouter::compile),
            opt_outs: self,
            shell: Shell {
                by: "route-mo",
                outputs: self,
                limit: TimeLimit::default(),
                now_ms: || NOW_MS,
            },
            new_writer: || "writer".to_owned(),
        }
    }

    async fn run(&self, values: &[Vec<u8>]) -> anyhow::Result<()> {
        let event = event(values);
        let event: Event<'_> = serde_json::from_str(&event).unwrap();
        self.handler().handle(&event).await
    }

    fn on(&self, topic: &str) -> Vec<Output> {
        let stored = self.stored.lock().unwrap();
        stored.iter().filter(|output| *output.topic == *topic).cloned().collect()
    }

    fn letters(&self) -> Vec<DeadLetter> {
        let letters = self.on("dead-letters");
        letters.iter().map(|output| wire::decode(&output.value).unwrap()).collect()
    }

    fn events(&self) -> Vec<MessageEvent<'static>> {
        let read = |output: &Output| -> MessageEvents<'static> {
            serde_json::from_slice(&output.value).unwrap()
        };
        self.on("message-events").iter().flat_map(|o| read(o).events.into_owned()).collect()
    }

    fn refuses(&self, customer: &str, sender: Option<&str>, handset: &str, at_ms: u64) -> bool {
        let customer = CustomerId::from(customer);
        let items = self.opt_outs.lock().unwrap();
        let found = items.get(&Key::new(&Subject { customer: &customer, sender }, handset));
        found.is_some_and(|stored| refuses([&stored.history], at_ms))
    }
}

fn message(name: u8, to: &str, octets: &[u8]) -> ProviderMessage {
    let id = MessageId::new(ARRIVED_MS, [name; 10]);
    let message = json!({
        "v": 1, "id": id,
        "envelope": {
            "provider": "alpha", "source": {"ton": 1, "npi": 1, "addr": "+46700000001"},
            "destination": {"ton": 1, "npi": 1, "addr": to}, "arrived_ms": ARRIVED_MS, "config": 3,
        },
        "parts": [{"id": id, "octets": STANDARD.encode(octets)}],
    });
    serde_json::from_value(message).unwrap()
}

fn event(values: &[Vec<u8>]) -> String {
    let record = |(offset, value): (usize, &Vec<u8>)| {
        json!({"topic": "provider-incoming-messages", "partition": 2, "offset": offset,
               "value": STANDARD.encode(value)})
    };
    let records: Vec<Value> = values.iter().enumerate().map(record).collect();
    json!({"eventSource": "aws:kafka", "records": {"provider-incoming-messages-2": records}})
        .to_string()
}

async fn after(messages: &[ProviderMessage]) -> World {
    let world = World::default();
    let values: Vec<_> = messages.iter().map(wire::encode).collect();
    world.run(&values).await.unwrap();
    world
}

fn handsets(delivery: &CustomerDelivery) -> &HandsetMessage {
    let Delivered::Message(message) = &delivery.what else { panic!("{delivery:?}") };
    message
}

fn answered(world: &World) -> (bool, IncomingMessage) {
    let answers = world.on("customer-incoming-messages");
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    let value: Value = serde_json::from_slice(&answer.value).unwrap();
    (value["answer"] == true, wire::decode(&answer.value).unwrap())
}

#[tokio::test]
async fn a_message_reaches_the_customer_of_its_number_as_it_came() {
    let sent = message(1, "4930150", b"Hello");
    let world = after(std::slice::from_ref(&sent)).await;
    let outputs = world.on("customer-deliveries");
    let [output] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(output.key, sent.id.to_string());
    let delivery: CustomerDelivery = wire::decode(&output.value).unwrap();
    assert_eq!((delivery.customer.as_str(), delivery.message), ("acme", sent.id));
    assert_eq!((delivery.at_ms, delivery.hops), (ARRIVED_MS, 0));
    let delivered = handsets(&delivery);
    assert_eq!((&delivered.parts, &delivered.keyword), (&sent.parts, &None));
    assert_eq!(delivered.source, sent.envelope.source);
    let [event] = world.events().try_into().unwrap();
    assert_eq!((event.happened, event.message), (Happened::Received, sent.id));
    assert_eq!(event.detail, "by its number");
    assert_eq!(event.source.as_deref(), Some(&sent.envelope.source));
    assert_eq!(world.reads.load(Ordering::Relaxed), 0, "no wish, no read");
}

#[tokio::test]
async fn a_keyword_finds_its_customer_in_every_alphabet_and_over_the_parts() {
    let mut wide = message(2, "72000", &[]);
    wide.envelope.coding = 8;
    let text: Vec<u8> = "news \u{1f600} x".encode_utf16().flat_map(u16::to_be_bytes).collect();
    // The cut goes through the smile.
    let (first, second) = text.split_at(12);
    wide.parts[0].octets = Octets(first.to_vec());
    let mut other = wide.parts[0].clone();
    (other.id, other.octets) = (PartId::new(ARRIVED_MS, [9; 10]), Octets(second.to_vec()));
    wide.parts.push(other);
    let world = after(&[message(1, "72000", b"Game caf\x05! x"), wide]).await;
    let outputs = world.on("customer-deliveries");
    let deliveries: Vec<CustomerDelivery> =
        outputs.iter().map(|output| wire::decode(&output.value).unwrap()).collect();
    let found: Vec<_> = deliveries
        .iter()
        .map(|delivery| (delivery.customer.as_str(), handsets(delivery).keyword.as_deref()))
        .collect();
    assert_eq!(found, [("acme", Some("GAME Café")), ("beta", Some("NEWS"))]);
}

#[tokio::test]
async fn what_is_nobodys_is_a_dead_letter_that_says_why_and_shows_nothing() {
    let unknown = message(1, "4999999", b"secret");
    let no_word = message(2, "72000", b"secret");
    let mut data = message(3, "72000", b"GAME on");
    data.envelope.coding = 4;
    let mut tail = message(4, "72000", b"GAME on");
    tail.id = tail.id.derive("incomplete");
    tail.incomplete_of = Some(2);
    let world = after(&[unknown, no_word, data, tail]).await;
    let reasons: Vec<_> = world.letters().into_iter().map(|letter| letter.reason).collect();
    assert!(reasons[0].contains("no customer has the number"), "{reasons:?}");
    assert!(reasons[1..].iter().all(|reason| reason.contains("no keyword")), "{reasons:?}");
    assert_eq!(reasons.len(), 4);
    assert!(world.on("customer-deliveries").is_empty() && world.events().is_empty());
}

#[tokio::test]
async fn the_end_of_a_message_says_neither_keyword_nor_stop() {
    let mut tail = message(4, "4930150", b"stop");
    tail.id = tail.id.derive("incomplete");
    tail.incomplete_of = Some(2);
    let world = after(&[tail]).await;
    assert!(world.opt_outs.lock().unwrap().is_empty());
    assert_eq!(world.on("customer-deliveries").len(), 1);
    assert_eq!(world.events()[0].detail, "by its number, 1 of 2 parts came");
}

#[tokio::test]
async fn stop_is_recorded_answered_from_the_number_and_not_delivered() {
    let sent = message(1, "4930150", b"stop please");
    let world = after(std::slice::from_ref(&sent)).await;
    let in_force_ms = NOW_MS + SETTLING_MS;
    assert!(world.refuses("acme", Some("4930150"), "46700000001", in_force_ms + 1));
    assert!(!world.refuses("acme", Some("4930150"), "46700000001", in_force_ms));
    assert!(!world.refuses("beta", Some("4930150"), "46700000001", in_force_ms + 1));
    let (asked_for, answer) = answered(&world);
    assert!(!asked_for, "a second STOP is not answered");
    let (message, envelope) = (&answer.message, &answer.message.envelope);
    assert_eq!(message.id, sent.id.derive("answer"));
    assert_eq!((envelope.customer.as_str(), envelope.coding), ("acme", 0));
    assert_eq!(envelope.source, sent.envelope.destination);
    assert_eq!(envelope.destination, sent.envelope.source);
    assert_eq!((message.parts.len(), message.parts[0].receipt), (1, 0));
    assert_eq!(message.parts[0].octets.0, b"Bye \x1b\x65", "the euro of the extension table");
    assert!(message.attempt_ms < in_force_ms, "the wish does not refuse its own answer");
    assert!(world.on("customer-deliveries").is_empty());
    assert_eq!(world.events()[0].detail, "by its number, the handset's wish: stop");
}

#[tokio::test]
async fn start_and_help_are_answered_whatever_was_said_before() {
    let world = after(&[message(1, "4930150", b"START")]).await;
    let (asked_for, answer) = answered(&world);
    assert!(asked_for);
    assert_eq!(answer.message.envelope.coding, 8);
    assert_eq!(answer.message.parts[0].octets.0, [0x04, 0x34, 0x04, 0x30]);
    assert_eq!(world.opt_outs.lock().unwrap().len(), 1);

    let world = after(&[message(1, "4930150", b"Help")]).await;
    assert!(answered(&world).0);
    assert!(world.opt_outs.lock().unwrap().is_empty(), "it changes nothing");
}

#[tokio::test]
async fn stop_at_a_shared_number_concerns_each_customer_and_is_answered_once() {
    let sent = message(1, "72000", b"STOP");
    let world = after(std::slice::from_ref(&sent)).await;
    let later_ms = NOW_MS + SETTLING_MS + 1;
    for customer in ["acme", "beta"] {
        assert!(world.refuses(customer, None, "46700000001", later_ms), "{customer}");
    }
    answered(&world);
    let events = world.events();
    assert_eq!(events.len(), 2);
    assert!(events[0].message != events[1].message, "none sees another's journey");

    let world = after(&[message(1, "72000", b"STOP game")]).await;
    assert!(world.refuses("acme", None, "46700000001", later_ms));
    assert!(!world.refuses("beta", None, "46700000001", later_ms));
    assert_eq!(world.events().len(), 1);
}

#[tokio::test]
async fn a_second_run_publishes_the_same_and_writes_nothing() {
    let world = World::default();
    let values =
        [message(1, "4930150", b"STOP"), message(2, "72000", b"game")].map(|m| wire::encode(&m));
    world.run(&values).await.unwrap();
    let first = std::mem::take(&mut *world.stored.lock().unwrap());
    let table = world.opt_outs.lock().unwrap().clone();
    world.opt_outs_down.store(true, Ordering::Relaxed);
    world.run(&values).await.unwrap();
    assert_eq!(*world.stored.lock().unwrap(), first);
    assert_eq!(*world.opt_outs.lock().unwrap(), table);
}

#[tokio::test]
async fn an_outage_fails_the_batch_publishes_nothing_and_makes_no_dead_letter() {
    let values = [wire::encode(&message(1, "4930150", b"STOP"))];
    for table in [true, false] {
        let world = World::default();
        let down = if table { &world.opt_outs_down } else { &world.kafka_down };
        down.store(true, Ordering::Relaxed);
        assert!(world.run(&values).await.is_err());
        assert!(world.stored.lock().unwrap().is_empty());
        assert!(world.queued.lock().unwrap().is_empty(), "nothing is left");
        down.store(false, Ordering::Relaxed);
        world.run(&values).await.unwrap();
        assert!(world.letters().is_empty());
        answered(&world);
    }
}

#[tokio::test]
async fn poison_becomes_a_dead_letter_and_holds_up_nobody() {
    let good = message(1, "4930150", b"hi");
    let mut empty = good.clone();
    empty.parts.clear();
    let mut unknown = good.clone();
    unknown.envelope.config = 99;
    let mut newer: Value = serde_json::to_value(&good).unwrap();
    newer["v"] = json!(2);
    let world = World::default();
    let values = [
        b"secret text".to_vec(),
        wire::encode(&empty),
        wire::encode(&unknown),
        wire::encode(&newer),
        wire::encode(&good),
    ];
    world.run(&values).await.unwrap();
    let letters = world.letters();
    assert_eq!(letters.iter().map(|letter| letter.offset).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(letters.iter().all(|letter| !letter.reason.contains("secret")));
    assert_eq!(world.on("customer-deliveries").len(), 1);
}
