//! The function over ports in memory: the order of effects, poison, outages, both events.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod deadlines;
mod handsets;
mod parts;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use assemble::handler::{Event, Handler};
use assemble::held::Source;
use assemble::join::Settings;
use assemble::output::Output;
use assemble::ports::{Delays, Outputs, Progress, Store};
use assemble::run::{Put, Stored};
use assemble::store::MemoryStore;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::time_limit::TimeLimit;
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
    /// Of whose parts the progress was asked.
    asked: RefCell<Vec<Source>>,
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
    async fn reached(
        &self,
        source: Source,
        partitions: &BTreeSet<i32>,
        time_ms: u64,
    ) -> anyhow::Result<bool> {
        self.0.effect("ask")?;
        self.0.asked.borrow_mut().push(source);
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
    event_of(Source::Customers, values)
}

fn event_of(source: Source, values: &[Vec<u8>]) -> Event {
    let topic = source.topic();
    let record = |(offset, value): (usize, &Vec<u8>)| {
        json!({
            "topic": topic, "partition": 2, "offset": offset,
            "timestamp": NOW_MS, "timestampType": "LOG_APPEND_TIME",
            "key": STANDARD.encode("key"), "value": STANDARD.encode(value),
            "headers": [{"traceparent": [48, 48]}],
        })
    };
    let records: Vec<_> = values.iter().enumerate().map(record).collect();
    let event = json!({
        "eventSource": "aws:kafka", "bootstrapServers": "b-1:9098",
        "records": {format!("{topic}-2"): records},
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
