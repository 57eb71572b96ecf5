//! A batch of SQS `releases`: each hint is followed by itself, all of them at the same time.

use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use platform::config_store::ConfigStore;
use platform::function::{Decided, Output, Outputs, Place, Shell};
use platform::scheduled::{Hints, Schedule, Store};
use scheduling::effects::{Effects, of};
use scheduling::release::Releasing;
use scheduling::{Answer, Machine as _, Step};
use serde::Serialize;
use wire::V;
use wire::customer_incoming::ReleasedRef;
use wire::provider_outgoing::Origin;
use wire::scheduled::Hint;
use wire::topics::{CUSTOMER_DELIVERIES, CUSTOMER_INCOMING_MESSAGES};

/// The name of this program in records.
pub const BY: &str = "release";
/// Stands for a topic where a message of the queue is named like a record.
const RELEASES: &str = "releases";
/// A hint that comes this much early waits here: SQS counts in seconds.
const WAITS_HERE_MS: u64 = 1_500;

/// The answer to SQS: what failed and has to come again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// By message id.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<ItemFailure>,
}

/// A message that has to come again.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ItemFailure {
    /// SQS message id.
    #[serde(rename = "itemIdentifier")]
    pub id: String,
}

/// Which configuration version is in force.
pub trait Current {
    /// Its number; none before the first.
    fn current(&self) -> impl Future<Output = anyhow::Result<Option<u64>>>;
}

impl Current for ConfigStore {
    async fn current(&self) -> anyhow::Result<Option<u64>> {
        Self::current(self).await
    }
}

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<T, Q, O, C> {
    /// Table `scheduled` and queue `releases`.
    pub schedule: Schedule<T, Q>,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
    /// Which version is in force.
    pub current: C,
}

/// A hint on its way.
struct Run {
    /// Of the message in the queue.
    id: String,
    hint: Hint,
    /// None: its time may be a moment away.
    machine: Option<Releasing>,
}

impl<T: Store + Sync, Q: Hints + Sync, O: Outputs, C: Current> Handler<T, Q, O, C> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: SqsEvent) -> anyhow::Result<Failed> {
        let mut failed = Failed::default();
        self.shell.invoke(Box::pin(self.follow_all(event, &mut failed))).await?;
        Ok(failed)
    }

    /// Follows all hints at the same time; what each publishes is confirmed one after the other.
    async fn follow_all(&self, event: SqsEvent, failed: &mut Failed) -> anyhow::Result<Decided> {
        let mut unread = Decided::default();
        let runs = event.records.into_iter().filter_map(|it| self.read(it, &mut unread));
        let mut runs: FuturesUnordered<_> = runs.map(|run| self.go_on(run)).collect();
        while let Some((mut run, stopped)) = runs.next().await {
            match stopped {
                Ok(None) => {}
                Ok(Some(effects)) => {
                    self.shell.publish_now(&mut decided(effects)).await?;
                    if let Some(machine) = &mut run.machine {
                        machine.answer(Answer::Done);
                    }
                    runs.push(self.go_on(run));
                }
                Err(error) => {
                    tracing::warn!(event = "release_failed", error = format!("{error:#}"));
                    ensure!(!run.id.is_empty(), "an SQS message without an id");
                    failed.failures.push(ItemFailure { id: run.id });
                }
            }
        }
        Ok(unread)
    }

    /// Reads a hint; one that cannot be read is a dead letter.
    fn read(&self, message: SqsMessage, unread: &mut Decided) -> Option<Run> {
        let (id, body) = (message.message_id.unwrap_or_default(), message.body.unwrap_or_default());
        let place = place(&id);
        let read = || wire::decode::<Hint>(body.as_bytes()).map_err(|error| error.to_string());
        match self.shell.pure(place, read) {
            Ok(hint) => Some(Run { id, hint, machine: None }),
            Err(reason) => {
                let letter = self.shell.dead_letter(place, Vec::new(), body.into_bytes(), reason);
                unread.outputs.push(letter);
                None
            }
        }
    }

    /// Goes on until something is to be published; none: it is done.
    async fn go_on(&self, mut run: Run) -> (Run, anyhow::Result<Option<Effects>>) {
        let early_ms = run.hint.due_ms.saturating_sub((self.shell.now_ms)());
        if run.machine.is_none() && (1..=WAITS_HERE_MS).contains(&early_ms) {
            tokio::time::sleep(Duration::from_millis(early_ms)).await;
        }
        let now_ms = (self.shell.now_ms)();
        let machine = run.machine.get_or_insert_with(|| Releasing::new(run.hint.clone(), now_ms));
        let stopped = self.next_effects(machine).await;
        (run, stopped)
    }

    async fn next_effects(&self, machine: &mut Releasing) -> anyhow::Result<Option<Effects>> {
        loop {
            match self.schedule.go_on(machine).await? {
                Step::Configure => {
                    let version = self.current.current().await?;
                    let version = version.context("there is no configuration yet")?;
                    machine.answer(Answer::Version(version));
                }
                Step::Publish(scheduled) => return Ok(Some(of(&scheduled, BY))),
                _ => return Ok(None),
            }
        }
    }
}

fn decided(effects: Effects) -> Decided {
    let Effects { released, deliveries, events } = effects;
    let to = |topic: &'static str, key: String, value: Vec<u8>| Output {
        topic: topic.into(),
        partition: None,
        key,
        value,
    };
    let released = released.map(|message| {
        let record = ReleasedRef { v: V, message: &message, released: true };
        to(CUSTOMER_INCOMING_MESSAGES, String::new(), wire::encode(&record))
    });
    let deliveries = deliveries.iter().map(|delivery| {
        to(CUSTOMER_DELIVERIES, delivery.message.to_string(), wire::encode(delivery))
    });
    Decided { outputs: deliveries.chain(released).collect(), events }
}

/// The place of a message for the time limit. SQS gives it the same id each time that it comes.
fn place(id: &str) -> Place<'static> {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let origin = Origin { partition: 0, offset: hasher.finish().cast_signed() };
    Place { topic: RELEASES, origin }
}
