//! A batch of SQS `releases`: each hint is followed by itself, all of them at the same time.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use platform::function::{Current, Decided, Output, Outputs, Place, Shell};
use platform::scheduled::{Hints, Schedule, Store};
use scheduling::effects::{Effects, of};
use scheduling::release::Releasing;
use scheduling::{Answer, Machine as _, Step};
use wire::V;
use wire::customer_incoming::ReleasedRef;
use wire::scheduled::Hint;
use wire::topics::CUSTOMER_INCOMING_MESSAGES;

/// The name of this program in records.
pub const BY: &str = "release";
/// Stands for a topic where a message of the queue is named like a record.
const RELEASES: &str = "releases";
/// A hint that comes this much early waits here: SQS counts in seconds.
const WAITS_HERE_MS: u64 = 1_500;

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
    /// One invocation; what failed by itself has to come again.
    ///
    /// # Errors
    /// Kafka refused: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: SqsEvent) -> anyhow::Result<SqsBatchResponse> {
        let mut failed = SqsBatchResponse::default();
        self.shell.invoke(Box::pin(self.follow_all(event, &mut failed))).await?;
        Ok(failed)
    }

    /// Follows all hints at the same time. What has something to publish at one time is published together,
    /// and confirmed before anything of it goes on.
    async fn follow_all(
        &self,
        event: SqsEvent,
        failed: &mut SqsBatchResponse,
    ) -> anyhow::Result<Decided> {
        let mut unread = Decided::default();
        let runs = event.records.into_iter().filter_map(|it| self.read(it, &mut unread));
        let mut runs: FuturesUnordered<_> = runs.map(|run| self.go_on(run)).collect();
        while let Some(first) = runs.next().await {
            let mut stopped = vec![first];
            while let Some(Some(another)) = runs.next().now_or_never() {
                stopped.push(another);
            }
            let (mut publishing, mut effects) = (Vec::new(), Vec::new());
            for (run, stopped) in stopped {
                match stopped {
                    Ok(None) => {}
                    Ok(Some(some)) => {
                        publishing.push(run);
                        effects.push(some);
                    }
                    Err(error) => {
                        tracing::warn!(event = "release_failed", error = format!("{error:#}"));
                        ensure!(!run.id.is_empty(), "an SQS message without an id");
                        failed.add_failure(run.id);
                    }
                }
            }
            if !publishing.is_empty() {
                self.shell.publish_now(&mut decided(effects.into_iter())).await?;
            }
            for mut run in publishing {
                if let Some(machine) = &mut run.machine {
                    machine.answer(Answer::Done);
                }
                runs.push(self.go_on(run));
            }
        }
        Ok(unread)
    }

    /// Reads a hint; one that cannot be read is a dead letter.
    fn read(&self, message: SqsMessage, unread: &mut Decided) -> Option<Run> {
        let (id, body) = (message.message_id.unwrap_or_default(), message.body.unwrap_or_default());
        let place = Place::of_message(RELEASES, &id);
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

fn decided(all: impl Iterator<Item = Effects>) -> Decided {
    let mut decided = Decided::default();
    for Effects { released, deliveries, events } in all {
        decided.outputs.extend(deliveries.iter().map(Output::delivery));
        decided.outputs.extend(released.map(|message| Output {
            topic: CUSTOMER_INCOMING_MESSAGES.into(),
            partition: None,
            key: String::new(),
            value: wire::encode(&ReleasedRef { v: V, message: &message, released: true }),
        }));
        decided.events.extend(events);
    }
    decided
}
