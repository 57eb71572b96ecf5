//! Kafka stands still under a customer who submits, then goes on: what never left the edge is refused
//! soon, what left is tried again, and what stays unknown is on record when Kafka is back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gateway_tests::customer::{Answer, Customer, account, text};
use gateway_tests::faults::processes;
use gateway_tests::log;
use gateway_tests::stack::{Stack, programs, signal};
use platform::kafka::{KafkaSettings, Outcome, Publisher, Record, Sink};
use smpp::CommandStatus;
use wire::customer_incoming::IncomingMessage;
use wire::message_events::{Happened, MessageEvents};
use wire::topics::{CUSTOMER_DELIVERIES, CUSTOMER_INCOMING_MESSAGES, MESSAGE_EVENTS};

/// How long the edge retries what left (30 s by default; a test need not last so long).
const RETRY: Duration = Duration::from_secs(12);
/// A stall is noticed after 3 s, and the queue purged at the next looks.
const SOON: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(30);
const BURST: usize = 60;
/// Two requests leave a producer that is not answered (its `max.in.flight`); of messages that come one by one, a few are in
/// them.
const ONE_BY_ONE: Duration = Duration::from_millis(20);

/// Of so many producers some ask for brokers in the moment in which Kafka, back again, names none.
const OTHERS: usize = 24;

/// Producers that were idle while Kafka stood still.
struct Others {
    producers: Vec<Publisher<Stored>>,
    stored: Arc<Stored>,
}

#[derive(Default)]
struct Stored(AtomicUsize);

impl Sink for Stored {
    fn ended(&self, _: u64, outcome: Outcome) {
        if matches!(outcome, Outcome::Stored { .. }) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Others {
    fn start(bootstrap: &str) -> Self {
        let settings = KafkaSettings::local(bootstrap);
        let (config, stored) = (settings.producer(0, 120_000), Arc::new(Stored::default()));
        let producer = |_| Publisher::new(&settings, &config, stored.clone()).unwrap();
        let others = Self { producers: (0..OTHERS).map(producer).collect(), stored };
        others.all_publish();
        others
    }

    /// Each of them a record, which is stored before we give up.
    fn all_publish(&self) {
        let before = self.stored.0.load(Ordering::Acquire);
        for producer in &self.producers {
            let (topic, key, value) = (CUSTOMER_DELIVERIES, &b"k"[..], &b"v"[..]);
            producer.send(Record { topic, partition: None, key, value, token: 0 }).unwrap();
        }
        for producer in &self.producers {
            producer.flush(PATIENCE).unwrap();
        }
        assert_eq!(self.stored.0.load(Ordering::Acquire), before + OTHERS);
    }
}

struct Stage {
    stack: Stack,
    kafka: u32,
    customer: Customer,
    /// By sequence: what was submitted.
    destinations: BTreeMap<u32, String>,
}

impl Stage {
    async fn start() -> Self {
        let retry = format!("--env=PUBLISH_RETRY_S={}", RETRY.as_secs());
        let arguments = ["--store-in-memory", "--without=functions,sender,smsc", &retry];
        let stack = Stack::start(&programs(), &arguments).unwrap();
        let local = u32::try_from(stack.facts()["pid"].as_u64().unwrap()).unwrap();
        let children = processes::children(local).unwrap();
        let kafka = children.iter().find(|process| process.name == "kafka-1").unwrap().pid;
        let account = account(stack.fact("/edge/0/smpp"), "acme", "secret");
        let customer = Customer::bind(&account, None).await.unwrap();
        Self { stack, kafka, customer, destinations: BTreeMap::new() }
    }

    fn submit(&mut self, count: usize) {
        for _ in 0..count {
            self.submit_one();
        }
    }

    fn submit_one(&mut self) {
        let destination = format!("4915170{:06}", self.destinations.len());
        let sequence = self.customer.submit(&text("Stall", &destination, b"hello")).unwrap();
        self.destinations.insert(sequence, destination);
    }

    async fn answers(&mut self, count: usize, within: Duration) -> Vec<Answer> {
        self.customer.answers(count, within).await.unwrap()
    }

    /// Submits into a Kafka that stands still: how many were refused, all of them soon.
    async fn refused_in_a_stall(&mut self, refused: &mut BTreeSet<u32>) -> usize {
        signal(self.kafka, "STOP").unwrap();
        let began = Instant::now();
        let mut answers = Vec::new();
        for _ in 0..BURST {
            self.submit_one();
            answers.extend(self.answers(BURST, ONE_BY_ONE).await);
        }
        let soon = SOON.saturating_sub(began.elapsed());
        answers.extend(self.answers(BURST - answers.len(), soon).await);
        assert!(answers.iter().all(|it| it.status == CommandStatus::EsmeRthrottled), "{answers:?}");
        assert!(answers.iter().all(|it| it.at - began < SOON));
        assert!(answers.len() > BURST / 2, "{} of {BURST}", answers.len());
        assert!(answers.len() < BURST, "something did leave");
        refused.extend(answers.iter().map(|it| it.sequence));
        answers.len()
    }

    /// Submits one by one, as a customer who is told to come again does.
    async fn until_accepted(&mut self, refused: &mut BTreeSet<u32>, deadline: Instant) {
        loop {
            self.submit_one();
            let answer = self.answers(1, PATIENCE).await[0];
            if answer.status == CommandStatus::EsmeRok {
                return;
            }
            let log = self.stack.log_of("smpp-edge-1");
            assert_eq!(answer.status, CommandStatus::EsmeRthrottled, "{log}");
            assert!(Instant::now() < deadline, "{log}\n=====\n{}", self.stack.log_of("kafka-1"));
            refused.insert(answer.sequence);
            tokio::time::sleep(ONE_BY_ONE).await;
        }
    }

    fn stored(&self) -> BTreeSet<String> {
        let entries =
            log::read_all(self.stack.fact("/kafka/bootstrap"), CUSTOMER_INCOMING_MESSAGES).unwrap();
        let message = |value: &[u8]| wire::decode::<IncomingMessage>(value).unwrap().message;
        entries.iter().map(|it| message(&it.value).envelope.destination.number).collect()
    }

    /// Messages that the edge has put on record as doubtful.
    fn doubts(&self) -> anyhow::Result<BTreeSet<String>> {
        let entries = log::read_all(self.stack.fact("/kafka/bootstrap"), MESSAGE_EVENTS)?;
        let mut doubts = BTreeSet::new();
        for entry in &entries {
            let MessageEvents { events, .. } = wire::decode(&entry.value).unwrap();
            for event in events.iter().filter(|event| event.happened == Happened::Doubt) {
                assert_eq!((&*event.by, event.customer.as_str()), ("smpp-edge", "acme"));
                doubts.insert(event.message.to_string());
            }
        }
        Ok(doubts)
    }
}

/// So many answers have come, and all of them say this.
fn all(answers: &[Answer], count: usize, status: CommandStatus) -> bool {
    answers.len() == count && answers.iter().all(|answer| answer.status == status)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_left_is_refused_soon_and_what_left_is_stored_or_on_record_as_doubt() {
    let mut stage = Stage::start().await;
    let mut refused = BTreeSet::new();
    stage.submit(BURST);
    assert!(all(&stage.answers(BURST, PATIENCE).await, BURST, CommandStatus::EsmeRok));

    // Kafka is back before the edge gives up: what left was stored, whichever time it left.
    let now = stage.refused_in_a_stall(&mut refused).await;
    signal(stage.kafka, "CONT").unwrap();
    let left = stage.answers(BURST - now, PATIENCE).await;
    assert!(all(&left, BURST - now, CommandStatus::EsmeRok), "{left:?}");

    // The producer goes on after its queue was purged.
    stage.submit(BURST);
    assert!(all(&stage.answers(BURST, PATIENCE).await, BURST, CommandStatus::EsmeRok));

    let others = Others::start(stage.stack.fact("/kafka/bootstrap"));
    // Kafka stays away: what left is told to be unknown, and whoever submits now is refused.
    let now = stage.refused_in_a_stall(&mut refused).await;
    let unknown = stage.answers(BURST - now, RETRY * 2).await;
    assert!(all(&unknown, BURST - now, CommandStatus::EsmeRsyserr), "{unknown:?}");
    stage.submit(1);
    let answers = stage.answers(1, SOON).await;
    assert!(all(&answers, 1, CommandStatus::EsmeRthrottled), "{answers:?}");
    refused.insert(answers[0].sequence);
    let log = stage.stack.log_of("smpp-edge-1");
    assert_eq!(log.matches("publish_doubt").count(), unknown.len(), "logged at once:\n{log}");

    signal(stage.kafka, "CONT").unwrap();
    let deadline = Instant::now() + PATIENCE;
    // A broker that was stopped for so long does not answer at once.
    while stage.doubts().map_or(0, |doubts| doubts.len()) < unknown.len() {
        assert!(Instant::now() < deadline, "the doubts are not on record");
    }
    let doubts = stage.doubts().unwrap();
    assert_eq!(doubts.len(), unknown.len());
    assert!(doubts.iter().all(|message| log.contains(message)));
    // Doubts and messages have a producer each, and the messages' may be answered later.
    stage.until_accepted(&mut refused, deadline).await;
    stage.submit(BURST);
    assert!(all(&stage.answers(BURST, PATIENCE).await, BURST, CommandStatus::EsmeRok));

    others.all_publish();

    let stored = stage.stored();
    let unknown: BTreeSet<u32> = unknown.iter().map(|answer| answer.sequence).collect();
    for (sequence, destination) in &stage.destinations {
        if refused.contains(sequence) {
            assert!(!stored.contains(destination), "{destination} was refused and is on Kafka");
        } else if !unknown.contains(sequence) {
            assert!(stored.contains(destination), "{destination} was acknowledged and is lost");
        }
    }
    stage.stack.stop().unwrap();
}
