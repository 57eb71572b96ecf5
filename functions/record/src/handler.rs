//! A batch: its events are read, kept in table `messages`, and what cannot be read is a dead letter.

use platform::function::{Decided, Event, Outputs, Shell};

use crate::events::{self, Told};
use crate::items::{Form, items};
use crate::lines::Lines;
use crate::ports::Store;

/// The name of this program in records.
pub const BY: &str = "record";

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<S, O> {
    /// Table `messages`.
    pub store: S,
    /// Kafka, for dead letters, and the time of the pure code.
    pub shell: Shell<O>,
    /// How items are made.
    pub form: Form,
    /// How lines of events are made.
    pub lines: Lines,
    /// Where they go.
    pub write_out: fn(&str),
}

impl<S: Store, O: Outputs> Handler<S, O> {
    /// One invocation: success means that the table has all of it.
    ///
    /// # Errors
    /// The table or Kafka refused: the batch has to come again.
    pub async fn handle(&self, event: &Event<'_>) -> anyhow::Result<()> {
        self.shell.invoke(self.batch(event)).await
    }

    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<Decided> {
        let mut decided = Decided::default();
        let told = self.shell.read(event, &mut decided, |_, value| events::read(value))?;
        let mut all = Vec::new();
        for (place, Told { mut events, unreadable }) in told {
            all.append(&mut events);
            if let Some(unreadable) = unreadable {
                let (value, reason) = (unreadable.record, unreadable.reason);
                let letter = self.shell.dead_letter(place, Vec::new(), value, reason);
                decided.outputs.push(letter);
            }
        }
        let lines = self.lines.of(&all);
        self.store.append(items(all, &self.form)).await?;
        if !lines.is_empty() {
            (self.write_out)(&lines);
        }
        Ok(decided)
    }
}
