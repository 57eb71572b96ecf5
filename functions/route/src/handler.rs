//! A batch of records: each is read, routed under the configuration version that it names, and
//! what follows is published.

use platform::function::shell::decode;
use platform::function::{Configurations, Decided, Event, Outputs, Place, Record, Shell, Versions};

use crate::configuration::Configuration;
use crate::record::Accepted;

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<V, O> {
    /// The configuration.
    pub configurations: Configurations<V, Configuration>,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
}

impl<V: Versions, O: Outputs> Handler<V, O> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka or the store refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: &Event<'_>) -> anyhow::Result<()> {
        self.shell.invoke(self.batch(event)).await
    }

    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<Decided> {
        let mut decided = Decided::default();
        let mut value = Vec::new();
        for record in event.records.values().flatten() {
            decode(record, &mut value)?;
            if let Err(reason) = self.record(record, &value, &mut decided).await? {
                decided.outputs.push(self.shell.dead(record, &value, reason));
            }
        }
        Ok(decided)
    }

    /// Routes a message, or says why its record is a dead letter.
    async fn record(
        &self,
        record: &Record<'_>,
        value: &[u8],
        decided: &mut Decided,
    ) -> anyhow::Result<Result<(), String>> {
        let place = Place::of(record);
        let accepted = match self.shell.pure(place, || Accepted::read(value)) {
            Ok(accepted) => accepted,
            Err(reason) => return Ok(Err(reason)),
        };
        let version = accepted.config();
        let Some(configuration) = self.configurations.get(version).await? else {
            return Ok(Err(format!("configuration version {version} does not exist")));
        };
        let before = decided.outputs.len();
        let routed = self.shell.pure(place, || {
            let now_ms = (self.shell.now_ms)();
            Ok(accepted.route(&configuration, place.origin, now_ms, &mut decided.outputs))
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
}
