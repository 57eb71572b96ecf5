//! A batch of records: each is read, routed under the configuration version that it names, and
//! what follows is published. Success means that all of it is on all in-sync replicas.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::time_limit::{self, EXCEEDED, TimeLimit};
use wire::message_events::{self, MessageEvent};
use wire::provider_outgoing::Origin;
use wire::topics::MESSAGE_EVENTS;

use crate::configurations::Configurations;
use crate::event::{Event, Record};
use crate::output::Output;
use crate::ports::{Outputs, Versions};
use crate::record::{Accepted, Place, dead_letter};

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<V, O> {
    /// The configuration.
    pub configurations: Configurations<V>,
    /// Kafka.
    pub outputs: O,
    /// Time of the pure code.
    pub limit: TimeLimit,
    /// The clock, Unix milliseconds.
    pub now_ms: fn() -> u64,
}

impl<V: Versions, O: Outputs> Handler<V, O> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka or the store refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: &Event<'_>) -> anyhow::Result<()> {
        self.outputs.begin();
        self.limit.begin();
        let result = match self.batch(event).await {
            Ok(()) => self.outputs.flush().await,
            Err(error) => Err(error),
        };
        match &result {
            Ok(()) => self.limit.confirmed(),
            Err(_) => self.outputs.abandon().await,
        }
        result
    }

    /// Decided first, then handed over all at once: so the client library makes few, large requests.
    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<()> {
        let mut decided = Decided::default();
        for record in event.records.values().flatten() {
            self.record(record, &mut decided).await?;
        }
        for value in message_events::records(&decided.events) {
            let (topic, key) = (MESSAGE_EVENTS.into(), String::new());
            decided.outputs.push(Output { topic, partition: None, key, value });
        }
        for output in &decided.outputs {
            self.outputs.publish(output).await?;
        }
        Ok(())
    }

    async fn record(&self, record: &Record<'_>, decided: &mut Decided) -> anyhow::Result<()> {
        let place = place(record);
        // Null (a tombstone) reads as empty, which is no record of this topic.
        let base64 = record.value.as_deref().unwrap_or_default();
        let mut value = std::mem::take(&mut decided.value);
        value.clear();
        STANDARD.decode_vec(base64, &mut value).context("the event's base64 is broken")?;
        if let Err(reason) = self.decide(place, &value, decided).await? {
            decided.outputs.push(self.dead(record, &value, reason));
        }
        decided.value = value;
        Ok(())
    }

    /// Routes a message, or says why its record is a dead letter.
    async fn decide(
        &self,
        place: Place<'_>,
        value: &[u8],
        decided: &mut Decided,
    ) -> anyhow::Result<Result<(), String>> {
        if self.limit.gives_up(stands(place)) {
            return Ok(Err(EXCEEDED.to_owned()));
        }
        let accepted = match self.pure(place, || Accepted::read(value)) {
            Ok(accepted) => accepted,
            Err(reason) => return Ok(Err(reason)),
        };
        let version = accepted.config();
        let Some(configuration) = self.configurations.get(version).await? else {
            return Ok(Err(format!("configuration version {version} does not exist")));
        };
        let before = decided.outputs.len();
        let routed = self.pure(place, || {
            let outputs = &mut decided.outputs;
            Ok(accepted.route(&configuration, place.origin, (self.now_ms)(), outputs))
        });
        Ok(match routed {
            Ok(event) => {
                decided.events.push(event);
                Ok(())
            }
            Err(reason) => {
                decided.outputs.truncate(before);
                Err(reason)
            }
        })
    }

    /// Runs pure code over the record at `place`.
    fn pure<T>(
        &self,
        place: Place<'_>,
        pure: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        self.limit.over([stands(place)], || caught(pure))
    }

    fn dead(&self, record: &Record<'_>, value: &[u8], reason: String) -> Output {
        let place = place(record);
        let Origin { partition, offset } = place.origin;
        tracing::error!(event = "dead_letter", topic = place.topic, partition, offset, reason);
        let key = STANDARD.decode(record.key.as_deref().unwrap_or_default()).unwrap_or_default();
        dead_letter(place, &key, value, reason, (self.now_ms)())
    }
}

/// What an invocation leads to.
#[derive(Default)]
struct Decided {
    outputs: Vec<Output>,
    events: Vec<MessageEvent<'static>>,
    /// The record at hand, decoded; kept for its room.
    value: Vec<u8>,
}

fn place<'a>(record: &'a Record<'_>) -> Place<'a> {
    let Record { topic, partition, offset, .. } = record;
    Place { topic, origin: Origin { partition: *partition, offset: *offset } }
}

fn stands(place: Place<'_>) -> time_limit::Place<'_> {
    let Place { topic, origin: Origin { partition, offset } } = place;
    time_limit::Place { topic, partition, offset }
}

/// Runs pure code; a panic is a reason like any other, and its message, which may hold anything,
/// is not passed on.
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
