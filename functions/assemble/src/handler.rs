//! An invocation: parts from Kafka, or deadlines from SQS. Carries out what [`Run`] and
//! [`Closing`] ask for, in their order; decides nothing itself.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use aws_lambda_events::event::kafka::KafkaRecord;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::octets::Octets;
use platform::function;
use platform::time_limit::{EXCEEDED, Place, TimeLimit};
use serde::Deserialize;
use wire::assembly_deadlines::AssemblyDeadline;

use crate::closing::{self, CLOCKS_DIFFER_MS, Closing};
use crate::join::{Settings, join};
use crate::output::Output;
use crate::ports::{Delays, Outputs, Progress, Store};
use crate::records::Record;
use crate::run::{Run, Step};

/// Stands for a topic where a deadline message is named like a record.
const DEADLINES: &str = "assembly-deadlines";

/// The event of either source; a Kafka event has `records`, one of SQS `Records`.
#[derive(Debug, Default, Deserialize)]
pub struct Event {
    /// Kafka: by topic and partition.
    #[serde(default)]
    records: HashMap<String, Vec<KafkaRecord>>,
    /// SQS.
    #[serde(default, rename = "Records")]
    messages: Vec<SqsMessage>,
}

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<S, D, O, P> {
    /// Table `assemblies`.
    pub store: S,
    /// Queue `assembly-deadlines`.
    pub delays: D,
    /// Kafka, to write.
    pub outputs: O,
    /// How far we have read.
    pub progress: P,
    /// Time of the pure code.
    pub limit: TimeLimit,
    /// What can be set.
    pub settings: Settings,
    /// The clock, Unix milliseconds.
    pub now_ms: fn() -> u64,
    /// A new name for each run, part of the condition of its writes.
    pub new_writer: fn() -> String,
}

impl<S: Store, D: Delays, O: Outputs, P: Progress> Handler<S, D, O, P> {
    /// One invocation; of deadlines, what failed by itself has to come again.
    ///
    /// # Errors
    /// The batch has to come again: Kafka, DynamoDB or SQS refused.
    pub async fn handle(&self, event: Event) -> anyhow::Result<SqsBatchResponse> {
        if !event.records.is_empty() {
            self.parts(records(event.records)?).await?;
        }
        let mut answer = SqsBatchResponse::default();
        for message in event.messages {
            let id = message.message_id.unwrap_or_default();
            if let Err(error) = self.message(&id, message.body.unwrap_or_default()).await {
                tracing::warn!(event = "deadline_failed", error = format!("{error:#}"));
                ensure!(!id.is_empty(), "an SQS message without an id");
                answer.add_failure(id);
            }
        }
        Ok(answer)
    }

    async fn parts(&self, records: Vec<Record>) -> anyhow::Result<()> {
        self.limit.begin();
        let writer = (self.new_writer)();
        let mut run = Run::new(records, self.settings, join, (self.now_ms)(), &self.limit);
        loop {
            match run.step() {
                Step::Read(keys) => run.read(self.store.read(&keys).await?, &self.limit),
                Step::Schedule(deadlines) => {
                    let delayed: Vec<_> =
                        deadlines.into_iter().map(|deadline| self.delayed(deadline)).collect();
                    self.delays.schedule(&delayed).await?;
                    run.scheduled();
                }
                Step::Publish(outputs) => {
                    self.publish(&outputs).await?;
                    run.published();
                }
                Step::Write(puts) => run.written(&self.store.write(puts, &writer).await?),
                Step::Done => break,
                Step::Contended => bail!("other runs write the same keys all the time"),
            }
        }
        // Not as soon as the letters are: until here the batch may fail, come again and be stuck.
        self.limit.confirmed();
        Ok(())
    }

    async fn message(&self, id: &str, body: String) -> anyhow::Result<()> {
        self.limit.begin();
        let place = place_of_deadline(id);
        if self.limit.gives_up(place) {
            self.dead(body, EXCEEDED).await?;
        } else {
            self.deadline(place, body).await?;
        }
        self.limit.confirmed();
        Ok(())
    }

    async fn deadline(&self, place: Place<'_>, body: String) -> anyhow::Result<()> {
        let decoded =
            self.limit.over([place], || wire::decode::<AssemblyDeadline>(body.as_bytes()));
        let Ok(deadline) = decoded else {
            return self.dead(body, "not a deadline").await;
        };
        let writer = (self.new_writer)();
        let mut closing = Closing::new(deadline, (self.now_ms)());
        loop {
            let step = || catch_unwind(AssertUnwindSafe(|| closing.step()));
            let Ok(step) = self.limit.over([place], step) else {
                return self.dead(body, "closing it panics").await;
            };
            match step {
                closing::Step::Read => {
                    let key = closing.deadline().key.clone();
                    let mut found = self.store.read(std::slice::from_ref(&key)).await?;
                    let stored = found.remove(&key).unwrap_or_default();
                    self.limit.over([place], || closing.read(stored));
                }
                closing::Step::AskProgress(source, partitions, time_ms) => {
                    let reached = self.progress.reached(source, &partitions, time_ms);
                    closing.progress(reached.await?);
                }
                closing::Step::Write(put) => {
                    let made = self.store.write(vec![put], &writer).await?;
                    closing.written(made.first() == Some(&true));
                }
                closing::Step::Publish(outputs) => {
                    self.publish(&outputs).await?;
                    closing.published();
                }
                closing::Step::Again(after_ms) => {
                    let again = (closing.deadline().clone(), Duration::from_millis(after_ms));
                    self.delays.schedule(&[again]).await?;
                    closing.scheduled();
                }
                closing::Step::Done => return Ok(()),
                closing::Step::Contended => bail!("others write the item all the time"),
            }
        }
    }

    async fn publish(&self, outputs: &[Output]) -> anyhow::Result<()> {
        for output in outputs {
            if let Output::DeadLetter(letter) = output {
                let (partition, offset) = (letter.partition, letter.offset);
                tracing::error!(event = "dead_letter", partition, offset, reason = letter.reason);
            }
        }
        self.outputs.publish(outputs).await
    }

    async fn dead(&self, body: String, reason: &str) -> anyhow::Result<()> {
        let value = Octets(body.into_bytes());
        let record = Record { topic: DEADLINES.into(), value, ..Record::default() };
        let letter = record.dead_letter(reason, (self.now_ms)());
        self.publish(&[Output::DeadLetter(letter)]).await
    }

    fn delayed(&self, deadline: AssemblyDeadline) -> (AssemblyDeadline, Duration) {
        let ripe_ms = deadline.due_ms + CLOCKS_DIFFER_MS;
        let after = Duration::from_millis(ripe_ms.saturating_sub((self.now_ms)()));
        (deadline, after)
    }
}

/// The place of a deadline message for the time limit; its body would tell something of a customer.
#[must_use]
pub fn place_of_deadline(id: &str) -> Place<'static> {
    function::Place::of_message(DEADLINES, id).into()
}

/// The records of a Kafka event, those of one partition in the order of offsets.
fn records(partitions: HashMap<String, Vec<KafkaRecord>>) -> anyhow::Result<Vec<Record>> {
    let mut records =
        partitions.into_values().flatten().map(record).collect::<anyhow::Result<Vec<_>>>()?;
    records
        .sort_by(|a, b| (&a.topic, a.partition, a.offset).cmp(&(&b.topic, b.partition, b.offset)));
    Ok(records)
}

fn record(found: KafkaRecord) -> anyhow::Result<Record> {
    let topic = found.topic.unwrap_or_default();
    ensure!(
        found.timestamp_type.as_deref() == Some("LOG_APPEND_TIME"),
        "topic {topic} has another message.timestamp.type than LogAppendTime: set it"
    );
    Ok(Record {
        topic,
        partition: i32::try_from(found.partition)?,
        offset: found.offset,
        append_ms: u64::try_from(found.timestamp.timestamp_millis())?,
        key: octets(found.key)?,
        value: octets(found.value)?,
    })
}

fn octets(base64: Option<String>) -> anyhow::Result<Octets> {
    let text = base64.unwrap_or_default();
    Ok(Octets(STANDARD.decode(text).context("the event's base64 is broken")?))
}
