//! The function over ports in memory: the order of effects, poison, outages, both events.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use assemble::handler::{Event, Handler, place_of_deadline};
use assemble::join::Settings;
use assemble::output::Output;
use assemble::ports::{Delays, Outputs, Progress, Store};
use assemble::run::{Put, Stored};
use assemble::store::MemoryStore;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::time_limit::{EXCEEDED, Place, TimeLimit};
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::assembly_deadlines::AssemblyDeadline;

const NOW_MS: u64 = 1_760_000_000_000;
const PATIENCE_MS: u64 = 300_000;

/// What happened, in order, and what is to fail.
#[derive(Default)]
struct World {
    happened: RefCell<Vec<String>>,
    outputs: RefCell<Vec<Output>>,
    delays: RefCell<Vec<(AssemblyDeadline, Duration)>>,
    failing: RefCell<Option<&'static str>>,
    behind: RefCell<bool>,
    /// A write by somebody else that comes before the next of ours.
    foreign: RefCell<Option<Put>>,
    store: MemoryStore,
}

impl World {
    fn effect(&self, name: &'static str) -> anyhow::Result<()> {
        anyhow::ensure!(*self.failing.borrow() != Some(name), "{name} is out of order");
        self.happened.borrow_mut().push(name.into());
        Ok(())
    }
}

#[derive(Clone)]
struct Port(Rc<World>);

impl Store for Port {
    async fn read(&self, keys: &[String]) -> anyhow::Result<HashMap<String, Stored>> {
        self.0.effect("read")?;
        self.0.store.read(keys).await
    }
    async fn write(&self, puts: Vec<Put>, writer: &str) -> anyhow::Result<Vec<bool>> {
        self.0.effect("write")?;
        let foreign = self.0.foreign.borrow_mut().take();
        if let Some(foreign) = foreign {
            self.0.store.write(vec![foreign], "somebody else").await?;
        }
        self.0.store.write(puts, writer).await
    }
}

impl Delays for Port {
    async fn schedule(&self, deadlines: &[(AssemblyDeadline, Duration)]) -> anyhow::Result<()> {
        self.0.effect("schedule")?;
        self.0.delays.borrow_mut().extend_from_slice(deadlines);
        Ok(())
    }
}

impl Outputs for Port {
    async fn publish(&self, outputs: &[Output]) -> anyhow::Result<()> {
        self.0.effect("publish")?;
        self.0.outputs.borrow_mut().extend_from_slice(outputs);
        Ok(())
    }
}

impl Progress for Port {
    async fn reached(&self, partitions: &BTreeSet<i32>, time_ms: u64) -> anyhow::Result<bool> {
        self.0.effect("ask")?;
        assert_eq!(partitions, &BTreeSet::from([2]));
        assert!(time_ms > NOW_MS + PATIENCE_MS);
        Ok(!*self.0.behind.borrow())
    }
}

type Function = Handler<Port, Port, Port, Port>;

fn function() -> (Function, Rc<World>) {
    let world = Rc::new(World::default());
    let port = Port(world.clone());
    let handler = Handler {
        store: port.clone(),
        delays: port.clone(),
        outputs: port.clone(),
        progress: port,
        limit: TimeLimit::default(),
        settings: Settings::default(),
        now_ms: || NOW_MS,
        new_writer: || "writer".into(),
    };
    (handler, world)
}

/// Was stuck at a place, as its file says.
fn suspect(handler: &mut Function, line: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("stuck");
    std::fs::write(&file, line).unwrap();
    handler.limit = TimeLimit::kept_in(file.clone());
    (directory, file)
}

/// Long after every deadline.
fn later(handler: Function) -> Function {
    Handler { now_ms: || NOW_MS + 10 * PATIENCE_MS, ..handler }
}

fn part(reference: u16, index: u8) -> Value {
    json!({
        "v": 1,
        "envelope": {
            "customer": "acme", "source": {"ton": 5, "npi": 0, "addr": "shop"},
            "destination": {"ton": 1, "npi": 1, "addr": "46700000001"},
            "accepted_ms": NOW_MS, "valid_until_ms": NOW_MS + 86_400_000, "config": 1,
        },
        "concatenation": {"kind": "udh8", "reference": reference, "total": 2, "index": index},
        "part": {
            "id": format!("0199c000-0000-7000-8000-00000000{reference:02x}{index:02x}"),
            "octets": STANDARD.encode([index]), "receipt": 1,
        },
    })
}

fn parts_event(values: &[Vec<u8>]) -> Event {
    let record = |(offset, value): (usize, &Vec<u8>)| {
        json!({
            "topic": "customer-incoming-message-parts", "partition": 2, "offset": offset,
            "timestamp": NOW_MS, "timestampType": "LOG_APPEND_TIME",
            "key": STANDARD.encode("key"), "value": STANDARD.encode(value),
            "headers": [{"traceparent": [48, 48]}],
        })
    };
    let records: Vec<_> = values.iter().enumerate().map(record).collect();
    let event = json!({
        "eventSource": "aws:kafka", "bootstrapServers": "b-1:9098",
        "records": {"customer-incoming-message-parts-2": records},
    });
    serde_json::from_value(event).unwrap()
}

fn of(parts: &[Value]) -> Event {
    let values: Vec<_> = parts.iter().map(|part| part.to_string().into_bytes()).collect();
    parts_event(&values)
}

fn deadlines_event(bodies: &[String]) -> Event {
    let message = |(n, body): (usize, &String)| json!({"messageId": n.to_string(), "body": body});
    let messages: Vec<_> = bodies.iter().enumerate().map(message).collect();
    serde_json::from_value(json!({"Records": messages})).unwrap()
}

fn first_deadline(world: &World) -> String {
    let deadline = world.delays.borrow()[0].0.clone();
    String::from_utf8(wire::encode(&deadline)).unwrap()
}

/// Dead letters: offset and reason.
fn letters(world: &World) -> Vec<(i64, String)> {
    let outputs = world.outputs.borrow();
    let letter = |output: &Output| match output {
        Output::DeadLetter(letter) => Some((letter.offset, letter.reason.clone())),
        _ => None,
    };
    outputs.iter().filter_map(letter).collect()
}

fn topics(world: &World) -> Vec<&'static str> {
    world.outputs.borrow().iter().map(Output::topic).collect()
}

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
        let ids: Vec<_> = answer.failures.iter().map(|failure| failure.id.as_str()).collect();
        // The broken one is a dead letter, unless Kafka is what fails.
        let expected: &[&str] = if failing == "publish" { &["0", "1"] } else { &["1"] };
        assert_eq!(ids, expected, "{failing}");
        *world.failing.borrow_mut() = None;
        handler.handle(deadlines_event(&[body])).await.unwrap();
        assert!(topics(&world).contains(&"customer-deliveries"), "{failing}");
    }
}
