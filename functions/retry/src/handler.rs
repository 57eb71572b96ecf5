//! A batch of SQS `retries`: each is decided by itself; what follows is published together.

use anyhow::{Context as _, ensure};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::routing::Router;
use platform::function::{
    Configurations, Current, Decided, Output, Outputs, Place, Shell, Versions,
};
use wire::V;
use wire::customer_incoming::IncomingMessage;
use wire::retries::Retry;
use wire::topics::CUSTOMER_INCOMING_MESSAGES;

use crate::decide::{Next, decide, event};
use crate::ports::{Bodies, Ground, Grounds};

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
            for message in event.records {
                let SqsMessage { message_id, body, .. } = message;
                let id = message_id.unwrap_or_default();
                if let Err(error) = self.message(&id, body.unwrap_or_default(), &mut decided).await
                {
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

    /// What follows from one message, or an error: it has to come again, and nothing follows yet.
    async fn message(&self, id: &str, body: String, decided: &mut Decided) -> anyhow::Result<()> {
        let place = Place::of_message(RETRIES, id);
        let read = || wire::decode::<Retry>(body.as_bytes()).map_err(|error| error.to_string());
        let next = match self.shell.pure(place, read) {
            Ok(retry) => self.retry(place, &retry, decided).await?,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = next {
            let letter = self.shell.dead_letter(place, Vec::new(), body.into_bytes(), reason);
            decided.outputs.push(letter);
        }
        Ok(())
    }

    /// Decides and appends what follows, or says why the message is a dead letter.
    async fn retry(
        &self,
        place: Place<'_>,
        retry: &Retry,
        decided: &mut Decided,
    ) -> anyhow::Result<Result<(), String>> {
        let body = self.bodies.read(retry.origin).await?;
        let config = self.current.current().await?.context("there is no configuration yet")?;
        let ground = Ground { v: V, config, at_ms: retry.at_ms };
        let ground = self.grounds.settle(retry, ground).await?;
        let version = ground.config;
        let router = self.configurations.get(version).await?;
        let router = router.with_context(|| format!("configuration {version} does not exist"))?;
        let next = self.shell.pure(place, || {
            // What cannot be read was a dead letter of `route`, and no attempt of it can have ended.
            let incoming = body.and_then(|body| wire::decode::<IncomingMessage>(&body).ok());
            Ok(decide(retry, incoming.map(|incoming| incoming.message), &router, &ground))
        });
        let next = match next {
            Ok(next) => next,
            Err(reason) => return Ok(Err(reason)),
        };
        decided.events.push(event(retry, &next, &ground));
        match next {
            Next::Attempt(message) => decided.outputs.push(Output {
                topic: CUSTOMER_INCOMING_MESSAGES.into(),
                partition: None,
                key: String::new(),
                value: wire::encode(&IncomingMessage { v: V, message: *message }),
            }),
            Next::Tell(deliveries, _) => {
                decided.outputs.extend(deliveries.iter().map(Output::delivery));
            }
            Next::Lost => return Ok(Err("Kafka keeps its message no more".to_owned())),
        }
        Ok(Ok(()))
    }
}
