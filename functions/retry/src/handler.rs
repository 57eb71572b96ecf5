//! A batch of SQS `retries`: each is decided by itself; what follows is published together.

use anyhow::{Context as _, ensure};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::message::Message;
use domain::routing::Router;
use platform::function::{
    Configurations, Current, Decided, Output, Outputs, Place, Shell, Versions,
};
use wire::V;
use wire::customer_incoming::{AnswerRef, IncomingMessage, IncomingMessageRef};
use wire::retries::Retry;
use wire::topics::CUSTOMER_INCOMING_MESSAGES;

use crate::decide::{Next, decide, event};
use crate::ports::{Bodies, Found, Ground, Grounds};

/// Stands for a topic where a message of the queue is named like a record.
pub const RETRIES: &str = "retries";

/// The function, over its ports.
#[derive(Debug)]
pub struct Handler<V, O, B, C, G> {
    /// Routing tables, by configuration version.
    pub configurations: Configurations<V, Router>,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
    /// Messages, read back.
    pub bodies: B,
    /// Which version is in force.
    pub current: C,
    /// By which version each was decided.
    pub grounds: G,
}

impl<V: Versions, O: Outputs, B: Bodies, C: Current, G: Grounds> Handler<V, O, B, C, G> {
    /// One invocation.
    ///
    /// # Errors
    /// Kafka refused what follows: the batch has to come again. Nothing is left in a queue.
    pub async fn handle(&self, event: SqsEvent) -> anyhow::Result<SqsBatchResponse> {
        let mut answer = SqsBatchResponse::default();
        let work = async {
            let mut decided = Decided::default();
            let messages: Vec<_> = event.records.into_iter().map(|it| self.read(it)).collect();
            let mut bodies = self.bodies(&messages).await;
            for message in messages {
                let id = message.id.clone();
                if let Err(error) = self.message(message, &mut bodies, &mut decided).await {
                    tracing::warn!(event = "retry_failed", error = format!("{error:#}"));
                    ensure!(!id.is_empty(), "an SQS message without an id");
                    answer.add_failure(id);
                }
            }
            Ok(decided)
        };
        self.shell.invoke(Box::pin(work)).await?;
        Ok(answer)
    }

    fn read(&self, message: SqsMessage) -> OfQueue {
        let id = message.message_id.unwrap_or_default();
        let text = message.body.unwrap_or_default();
        let read = || wire::decode::<Retry>(text.as_bytes()).map_err(|error| error.to_string());
        let retry = self.shell.pure(Place::of_message(RETRIES, &id), read);
        OfQueue { id, text, retry }
    }

    /// The messages that are retried, read together. What is not there fails by itself.
    async fn bodies(&self, messages: &[OfQueue]) -> Found {
        let retries = messages.iter().filter_map(|message| message.retry.as_ref().ok());
        let origins: Vec<_> = retries.map(|retry| retry.origin).collect();
        self.bodies.read(origins).await.unwrap_or_else(|error| {
            tracing::warn!(event = "messages_unreadable", error = format!("{error:#}"));
            Found::default()
        })
    }

    /// What follows from one message, or an error: it has to come again, and nothing follows yet.
    async fn message(
        &self,
        message: OfQueue,
        bodies: &mut Found,
        decided: &mut Decided,
    ) -> anyhow::Result<()> {
        let OfQueue { id, text, retry } = message;
        let place = Place::of_message(RETRIES, &id);
        let next = match retry {
            Ok(retry) => {
                let body = bodies.get(&retry.origin).context("its message is not read")?.clone();
                self.retry(place, &retry, body, decided).await?
            }
            Err(reason) => Err(reason),
        };
        if let Err(reason) = next {
            let letter = self.shell.dead_letter(place, Vec::new(), text.into_bytes(), reason);
            decided.outputs.push(letter);
        }
        Ok(())
    }

    /// Decides and appends what follows, or says why the message is a dead letter.
    async fn retry(
        &self,
        place: Place<'_>,
        retry: &Retry,
        body: Option<Vec<u8>>,
        decided: &mut Decided,
    ) -> anyhow::Result<Result<(), String>> {
        let config = self.current.current().await?.context("there is no configuration yet")?;
        let ground = Ground { v: V, config, at_ms: retry.at_ms };
        let ground = self.grounds.settle(retry, ground).await?;
        let version = ground.config;
        let router = self.configurations.get(version).await?;
        let router = router.with_context(|| format!("configuration {version} does not exist"))?;
        let next = self.shell.pure(place, || {
            // What cannot be read was a dead letter of `route`, and no attempt of it can have ended.
            let (message, is_answer) = body.as_deref().and_then(accepted).unzip();
            Ok((decide(retry, message, &router, &ground), is_answer.unwrap_or_default()))
        });
        let (next, is_answer) = match next {
            Ok(next) => next,
            Err(reason) => return Ok(Err(reason)),
        };
        decided.events.push(event(retry, &next, &ground));
        match next {
            Next::Attempt(message) => decided.outputs.push(Output {
                topic: CUSTOMER_INCOMING_MESSAGES.into(),
                partition: None,
                key: String::new(),
                // Opt-outs do not count for an answer, whichever its attempt.
                value: match is_answer {
                    true => wire::encode(&AnswerRef { v: V, message: &message, answer: true }),
                    false => wire::encode(&IncomingMessage { v: V, message: *message }),
                },
            }),
            Next::Tell(deliveries, _) => {
                decided.outputs.extend(deliveries.iter().map(Output::delivery));
            }
            Next::Lost => return Ok(Err("Kafka keeps its message no more".to_owned())),
        }
        Ok(Ok(()))
    }
}

/// A message of the queue.
#[derive(Debug)]
struct OfQueue {
    id: String,
    text: String,
    /// What it says, or why it is a dead letter.
    retry: Result<Retry, String>,
}

/// The accepted message, and whether it answers what the handset asked for.
fn accepted(record: &[u8]) -> Option<(Message, bool)> {
    let IncomingMessageRef { message, answer, .. } = wire::decode(record).ok()?;
    Some((wire::decode(message.get().as_bytes()).ok()?, answer))
}
