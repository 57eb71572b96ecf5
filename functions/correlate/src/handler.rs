//! A batch of records: results and receipts are joined, and what follows is published.

use std::sync::Arc;

use domain::config::ReceiptsByProvider;
use platform::function::{Configurations, Decided, Event, Output, Outputs, Place, Shell, Versions};
use wire::message_events::MessageEvent;
use wire::provider_events::{ProviderEvent, ProviderReceipt, SubmitResult};
use wire::retries::Retry;
use wire::submit_journal::Ending;

use crate::follow::{after, doubt, follow};
use crate::ports::{Retries, Store};
use crate::run::{Fate, Joined, Run, Step};

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<V, O, S, R> {
    /// How providers write receipts, by configuration version.
    pub configurations: Configurations<V, ReceiptsByProvider>,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
    /// Table `correlations`.
    pub store: S,
    /// Queue `retries`.
    pub retries: R,
}

impl<V: Versions, O: Outputs, S: Store, R: Retries> Handler<V, O, S, R> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka, DynamoDB or SQS refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: &Event<'_>) -> anyhow::Result<()> {
        self.shell.invoke(Box::pin(self.batch(event))).await
    }

    async fn batch(&self, event: &Event<'_>) -> anyhow::Result<Decided> {
        let mut decided = Decided::default();
        let mut retries = Vec::new();
        let mut run = Run::default();
        for (place, fact) in self.shell.read(event, &mut decided, |_, value| read(value))? {
            match fact {
                ProviderEvent::Result(result) => {
                    decided.events.push(MessageEvent::from(&result).into_owned());
                    if may_have_receipt(&result) {
                        run.result(place, result);
                    }
                }
                ProviderEvent::Receipt(receipt) => run.receipt(place, receipt),
                ProviderEvent::Doubt(found) => decided.events.push(doubt(&found)),
                ProviderEvent::Summary(summary) => retries.extend(after(summary)),
            }
        }
        self.join(&mut run).await?;
        for joined in run.joined() {
            self.follow(&run, joined, &mut decided, &mut retries);
        }
        // Before anything is told: told is what cannot be tried any more.
        self.retries.send(&retries).await?;
        Ok(decided)
    }

    async fn join(&self, run: &mut Run<'_>) -> anyhow::Result<()> {
        loop {
            match run.step(&self.shell) {
                Step::Get(places) => run.found(self.store.get(&places).await?),
                Step::Query(keys) => run.found(self.store.query(&keys).await?),
                Step::Put(items) => {
                    self.store.put(&items).await?;
                    run.written();
                }
                Step::Configure(versions) => {
                    for version in versions {
                        let found = self.configurations.get(version).await?;
                        run.configured(version, found.unwrap_or_else(|| unwritten(version)));
                    }
                }
                Step::Done => return Ok(()),
            }
        }
    }

    fn follow(
        &self,
        run: &Run<'_>,
        joined: &Joined<'_>,
        decided: &mut Decided,
        retries: &mut Vec<Retry>,
    ) {
        let Joined { place, receipt, fate } = joined;
        let followed = match fate {
            Fate::Matched(result) => {
                let pure = || Ok(follow(receipt, result, run.settings(result)));
                self.shell.pure(*place, pure)
            }
            Fate::Dead(reason) => Err(reason.clone()),
        };
        match followed {
            Ok(followed) => {
                decided.outputs.extend(followed.deliveries.iter().map(Output::delivery));
                decided.events.push(followed.event);
                retries.extend(followed.retry);
            }
            Err(reason) => decided.outputs.push(self.dead(*place, receipt, reason)),
        }
    }

    fn dead(&self, place: Place<'_>, receipt: &ProviderReceipt, reason: String) -> Output {
        let value = wire::encode(&ProviderEvent::Receipt(receipt.clone()));
        self.shell.dead_letter(place, receipt.key().into_bytes(), value, reason)
    }
}

fn read(value: &[u8]) -> Result<ProviderEvent, String> {
    wire::decode(value).map_err(|error| error.to_string())
}

/// An accepted part without a provider's id can be known by nothing.
fn may_have_receipt(result: &SubmitResult) -> bool {
    let has_id = result.canonical.is_some() || !result.provider_message_id.is_empty();
    result.outcome == Ending::Accepted && has_id
}

fn unwritten(version: u64) -> Arc<ReceiptsByProvider> {
    tracing::error!(event = "configuration_missing", version);
    Arc::default()
}
