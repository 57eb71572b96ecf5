//! One invocation: records are read, the function decides, what follows is published and confirmed.
//! Poison becomes a dead letter, an outage fails the batch (design, 4.4 and 4.5).

use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::octets::Octets;
use wire::V;
use wire::dead_letters::DeadLetter;
use wire::message_events::{self, MessageEvent};
use wire::provider_outgoing::Origin;
use wire::topics::{DEAD_LETTERS, MESSAGE_EVENTS};

use super::event::{Event, Record};
use super::output::{Output, Outputs};
use crate::clock::unix_ms;
use crate::kafka::{Batch, KafkaSettings};
use crate::settings::exit_on_error;
use crate::time_limit::{self, EXCEEDED, TimeLimit};

/// Where a record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition and offset.
    pub origin: Origin,
}

impl<'a> Place<'a> {
    /// Where `record` stands.
    #[must_use]
    pub fn of(record: &'a Record<'_>) -> Self {
        let Record { topic, partition, offset, .. } = record;
        Place { topic, origin: Origin { partition: *partition, offset: *offset } }
    }

    /// A message of a queue, named like a record: SQS gives it the same id each time that it comes.
    #[must_use]
    pub fn of_message(queue: &'a str, id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let offset = hasher.finish().cast_signed();
        Place { topic: queue, origin: Origin { partition: 0, offset } }
    }
}

impl<'a> From<Place<'a>> for time_limit::Place<'a> {
    fn from(place: Place<'a>) -> Self {
        let Place { topic, origin: Origin { partition, offset } } = place;
        Self { topic, partition, offset }
    }
}

/// What an invocation leads to. Published all at once: so the client library makes few, large requests.
#[derive(Debug, Default)]
pub struct Decided {
    /// Records.
    pub outputs: Vec<Output>,
    /// What happened, for `message-events`.
    pub events: Vec<MessageEvent<'static>>,
}

/// What surrounds a function's decisions.
#[derive(Debug)]
pub struct Shell<O> {
    /// The program's name in records.
    pub by: &'static str,
    /// Kafka.
    pub outputs: O,
    /// Time of the pure code.
    pub limit: TimeLimit,
    /// The clock, Unix milliseconds.
    pub now_ms: fn() -> u64,
}

/// Well below a function's time-out (60 s, template.yaml), so that a failure is reported by us.
pub const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

impl Shell<Batch> {
    /// As a deployed function has it; a wrong setting of the time limit ends the process with a line
    /// that says so.
    ///
    /// # Errors
    /// The producer cannot be made.
    pub fn new(
        by: &'static str,
        kafka: &KafkaSettings,
        publish_timeout: Duration,
    ) -> anyhow::Result<Self> {
        let limit = exit_on_error(TimeLimit::from_environment());
        let outputs = Batch::new(kafka, publish_timeout)?;
        Ok(Self { by, outputs, limit, now_ms: unix_ms })
    }
}

impl<O: Outputs> Shell<O> {
    /// One invocation: `work` decides (it runs once this has begun), what it decided is published.
    /// Success means that all of it is on all in-sync replicas.
    ///
    /// # Errors
    /// That of `work`, or Kafka refused: the batch has to come again. Nothing is left in a queue.
    pub async fn invoke(
        &self,
        work: impl Future<Output = anyhow::Result<Decided>>,
    ) -> anyhow::Result<()> {
        self.outputs.begin();
        self.limit.begin();
        let result = async { self.publish(work.await?).await }.await;
        match &result {
            Ok(()) => self.limit.confirmed(),
            Err(_) => self.outputs.abandon().await,
        }
        result
    }

    async fn publish(&self, mut decided: Decided) -> anyhow::Result<()> {
        for output in &decided.outputs {
            self.outputs.publish(output).await?;
        }
        for (key, value) in message_events::records(&mut decided.events) {
            let topic = MESSAGE_EVENTS.into();
            self.outputs.publish(&Output { topic, partition: None, key, value }).await?;
        }
        self.outputs.flush().await
    }

    /// Publishes in the midst of an invocation, and waits until it is confirmed: for what has to stand
    /// before a write.
    ///
    /// # Errors
    /// Kafka refused.
    pub async fn publish_now(&self, decided: &mut Decided) -> anyhow::Result<()> {
        self.publish(std::mem::take(decided)).await
    }

    /// Reads all records of an event, in the order of their offsets within each partition. What cannot
    /// be read (or was stuck before) is a dead letter.
    ///
    /// # Errors
    /// The event itself is broken.
    pub fn read<'e, T>(
        &self,
        event: &'e Event<'_>,
        decided: &mut Decided,
        read: impl Fn(Place<'e>, &[u8]) -> Result<T, String>,
    ) -> anyhow::Result<Vec<(Place<'e>, T)>> {
        let mut found = Vec::new();
        let mut value = Vec::new();
        for record in event.records.values().flatten() {
            decode(record, &mut value)?;
            let place = Place::of(record);
            match self.pure(place, || read(place, &value)) {
                Ok(fact) => found.push((place, fact)),
                Err(reason) => decided.outputs.push(self.dead(record, &value, reason)),
            }
        }
        Ok(found)
    }

    /// Runs pure code over the record at `place`.
    ///
    /// # Errors
    /// Why the record is poison: the code's reason, a panic, or that it was stuck here before.
    pub fn pure<T>(
        &self,
        place: Place<'_>,
        pure: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        if self.limit.gives_up(place.into()) {
            return Err(EXCEEDED.to_owned());
        }
        self.limit.over([place.into()], || caught(pure))
    }

    /// The dead letter of a record that can never be processed.
    pub fn dead(&self, record: &Record<'_>, value: &[u8], reason: String) -> Output {
        let key = STANDARD.decode(record.key.as_deref().unwrap_or_default()).unwrap_or_default();
        self.dead_letter(Place::of(record), key, value.to_vec(), reason)
    }

    /// The same, of a record that was taken apart already.
    pub fn dead_letter(
        &self,
        place: Place<'_>,
        key: Vec<u8>,
        value: Vec<u8>,
        reason: String,
    ) -> Output {
        let Origin { partition, offset } = place.origin;
        tracing::error!(event = "dead_letter", topic = place.topic, partition, offset, reason);
        let letter = DeadLetter {
            v: V,
            topic: place.topic.to_owned(),
            partition,
            offset,
            by: self.by.to_owned(),
            reason,
            key: Octets(key),
            value: Octets(value),
            at_ms: (self.now_ms)(),
        };
        let (topic, key) = (DEAD_LETTERS.into(), place.topic.to_owned());
        Output { topic, partition: None, key, value: wire::encode(&letter) }
    }
}

/// A record's value. Null (a tombstone) reads as empty, which is no record of any topic.
///
/// # Errors
/// The event is broken.
pub fn decode(record: &Record<'_>, value: &mut Vec<u8>) -> anyhow::Result<()> {
    let base64 = record.value.as_deref().unwrap_or_default();
    value.clear();
    STANDARD.decode_vec(base64, value).context("the event's base64 is broken")
}

/// A panic is a reason like any other, and its message, which may hold anything, is not passed on.
fn caught<T>(pure: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(pure)).unwrap_or_else(|_| Err("it panics".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_reason_and_says_nothing_of_what_it_was_about() {
        let result: Result<(), String> = caught(|| panic!("+49170 secret text"));
        assert_eq!(result, Err("it panics".to_owned()));
    }
}
