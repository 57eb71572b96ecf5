//! A batch of deliveries over the ports.

use std::future::Future;

use platform::deliveries::{Mailboxes, Parked, Presence};
use platform::function::{Decided, Event, Outputs, Shell};
use wire::customer_deliveries::CustomerDelivery;

use crate::cache::Cached;
use crate::run::{Run, Step};

/// Table `mailboxes`.
pub trait Mailbox {
    /// Parks each, unless it is there already.
    fn park(&self, parked: &[Parked]) -> impl Future<Output = anyhow::Result<()>> + Send;
}

impl Mailbox for Mailboxes {
    async fn park(&self, parked: &[Parked]) -> anyhow::Result<()> {
        Self::park(self, parked).await
    }
}

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<P, M, O> {
    /// Who is bound where.
    pub presence: Cached<P>,
    /// Where deliveries wait.
    pub mailbox: M,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
}

impl<P: Presence, M: Mailbox, O: Outputs> Handler<P, M, O> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka or a table refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: &Event<'_>) -> anyhow::Result<()> {
        self.shell.invoke(self.batch(event)).await
    }

    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<Decided> {
        let mut decided = Decided::default();
        let read = |_, value: &[u8]| {
            wire::decode::<CustomerDelivery>(value).map_err(|error| error.to_string())
        };
        let deliveries = self.shell.read(event, &mut decided, read)?;
        let deliveries = deliveries.into_iter().map(|(_, delivery)| delivery).collect();
        let now_ms = (self.shell.now_ms)();
        let mut run = Run::new(deliveries, now_ms);
        loop {
            match run.step() {
                Step::Look(customers) => {
                    let seen = self.presence.look(&customers, now_ms).await?;
                    run.looked(&seen);
                }
                Step::Park(parked) => {
                    self.mailbox.park(parked).await?;
                    run.parked();
                }
                Step::LookAgain(customers) => {
                    let seen = self.presence.look_again(&customers, now_ms).await?;
                    run.looked_again(&seen);
                }
                Step::Publish => break,
            }
        }
        decided.outputs.append(&mut run.outputs);
        decided.events.append(&mut run.events);
        Ok(decided)
    }
}
