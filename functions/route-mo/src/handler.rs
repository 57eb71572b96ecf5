//! A batch of messages from handsets: each is decided under the configuration version that it names,
//! wishes are recorded, then what follows is published.

use std::time::Duration;

use anyhow::bail;
use domain::mo::MoRouter;
use platform::function::shell::decode;
use platform::function::{Configurations, Decided, Event, Outputs, Place, Record, Shell, Versions};

use crate::decide::{Follows, Somebodys, decide, read};
use crate::ports::OptOuts;
use crate::recording::{PATIENCE_MS, Recording, Step, Wanted};

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<V, T, O> {
    /// The configuration.
    pub configurations: Configurations<V, MoRouter>,
    /// Table `opt_outs`.
    pub opt_outs: T,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
    /// A new name for each write, part of its condition.
    pub new_writer: fn() -> String,
}

impl<V: Versions, T: OptOuts, O: Outputs> Handler<V, T, O> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka or a table refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: &Event<'_>) -> anyhow::Result<()> {
        self.shell.invoke(self.batch(event)).await
    }

    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<Decided> {
        let mut decided = Decided::default();
        let mut wishes = Vec::new();
        let mut value = Vec::new();
        for record in event.records.values().flatten() {
            decode(record, &mut value)?;
            match self.record(record, &value).await? {
                Ok(follows) => {
                    decided.outputs.extend(follows.outputs);
                    decided.events.extend(follows.events);
                    wishes.extend(follows.wishes);
                }
                Err(reason) => decided.outputs.push(self.shell.dead(record, &value, reason)),
            }
        }
        self.keep(wishes).await?;
        Ok(decided)
    }

    /// What follows from a record, or why it is a dead letter.
    async fn record(
        &self,
        record: &Record<'_>,
        value: &[u8],
    ) -> anyhow::Result<Result<Somebodys, String>> {
        let place = Place::of(record);
        let message = match self.shell.pure(place, || read(value)) {
            Ok(message) => message,
            Err(reason) => return Ok(Err(reason)),
        };
        let version = message.envelope.config;
        let Some(router) = self.configurations.get(version).await? else {
            return Ok(Err(format!("configuration version {version} does not exist")));
        };
        let provider = message.envelope.provider.clone();
        Ok(match self.shell.pure(place, || Ok(decide(message, &router))) {
            Ok(Follows::Somebodys(follows)) => Ok(follows),
            Ok(Follows::Nobodys(reason)) => {
                tracing::warn!(event = "message_of_nobody", provider = provider.as_str(), reason);
                Err(reason)
            }
            Err(reason) => Err(reason),
        })
    }

    async fn keep(&self, wishes: Vec<Wanted>) -> anyhow::Result<()> {
        let mut recording = Recording::new(wishes);
        loop {
            match recording.step() {
                Step::Read(keys) => {
                    let found = self.opt_outs.read(&keys).await?;
                    recording.read(found, (self.shell.now_ms)());
                }
                Step::Write(puts) => {
                    let writer = (self.new_writer)();
                    let written = self.opt_outs.write(&puts, &writer);
                    let patience = Duration::from_millis(PATIENCE_MS);
                    match tokio::time::timeout(patience, written).await {
                        Ok(Ok(made)) => recording.written(&made, (self.shell.now_ms)()),
                        Ok(Err(error)) => return Err(error),
                        Err(_) => {
                            tracing::warn!(event = "opt_out_write_given_up", writes = puts.len());
                            recording.given_up();
                        }
                    }
                }
                Step::Done => return Ok(()),
                Step::Contended => bail!("table opt_outs does not take the wishes in time"),
            }
        }
    }
}
