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

use crate::configurations::{Configuration, Configurations};
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

    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<()> {
        let (mut value, mut events) = (Vec::new(), Vec::new());
        for record in event.records.values().flatten() {
            value.clear();
            events.extend(self.record(record, &mut value).await?);
        }
        for value in message_events::records(&events) {
            let key = String::new();
            let told = Output { topic: MESSAGE_EVENTS, partition: None, key, value };
            self.outputs.publish(&told).await?;
        }
        Ok(())
    }

    /// What happened to its message; none if it is a dead letter.
    async fn record(
        &self,
        record: &Record<'_>,
        value: &mut Vec<u8>,
    ) -> anyhow::Result<Option<MessageEvent<'static>>> {
        let place = place(record);
        // Null (a tombstone) reads as empty, which is no record of this topic.
        let base64 = record.value.as_deref().unwrap_or_default();
        STANDARD.decode_vec(base64, value).context("the event's base64 is broken")?;
        if self.limit.gives_up(stands(place)) {
            return self.dead(record, value, EXCEEDED.to_owned()).await;
        }
        let accepted = match self.pure(place, || Accepted::read(value)) {
            Ok(accepted) => accepted,
            Err(reason) => return self.dead(record, value, reason).await,
        };
        let version = accepted.config();
        let Some(configuration) = self.configurations.get(version).await? else {
            let reason = format!("configuration version {version} does not exist");
            return self.dead(record, value, reason).await;
        };
        match self.pure(place, || Ok(self.routed(accepted, &configuration, place.origin))) {
            Ok((outputs, event)) => {
                for output in &outputs {
                    self.outputs.publish(output).await?;
                }
                Ok(Some(event))
            }
            Err(reason) => self.dead(record, value, reason).await,
        }
    }

    /// Runs pure code over the record at `place`.
    fn pure<T>(
        &self,
        place: Place<'_>,
        pure: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        self.limit.over([stands(place)], || caught(pure))
    }

    fn routed<'c>(
        &self,
        accepted: Accepted<'_>,
        configuration: &'c Configuration,
        origin: Origin,
    ) -> (Vec<Output<'c>>, MessageEvent<'static>) {
        let mut outputs = Vec::with_capacity(1);
        let event = accepted.route(configuration, origin, (self.now_ms)(), &mut outputs);
        (outputs, event)
    }

    async fn dead(
        &self,
        record: &Record<'_>,
        value: &[u8],
        reason: String,
    ) -> anyhow::Result<Option<MessageEvent<'static>>> {
        let place = place(record);
        let Origin { partition, offset } = place.origin;
        tracing::error!(event = "dead_letter", topic = place.topic, partition, offset, reason);
        let key = STANDARD.decode(record.key.as_deref().unwrap_or_default()).unwrap_or_default();
        let letter = dead_letter(place, &key, value, reason, (self.now_ms)());
        self.outputs.publish(&letter).await?;
        Ok(None)
    }
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
