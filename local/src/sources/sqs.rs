//! Queues' event source mappings: long polling, batches, deletion of what was processed. What failed
//! becomes visible again after the queue's visibility time-out.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::runtime::Function;
use crate::template::SqsMapping;

/// A receive waits this long for a first message.
const WAIT_S: i32 = 20;
/// Messages of one receive and of one deletion at most.
const CALL_MAX: usize = 10;
/// Pause after a receive that failed.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);
/// Time for invocations under way when we stop.
const STOP_MAX: Duration = Duration::from_secs(5);

/// A mapping at work.
#[derive(Debug)]
pub struct Mapping {
    stop: CancellationToken,
    pollers: Vec<JoinHandle<()>>,
}

impl Mapping {
    /// Starts `pollers` of them on the queue at `url`.
    #[must_use]
    pub fn start(
        mapping: &SqsMapping,
        url: &str,
        pollers: usize,
        function: &Arc<Function>,
        client: &Client,
    ) -> Self {
        let stop = CancellationToken::new();
        let poller = || Poller {
            mapping: mapping.clone(),
            url: url.to_owned(),
            function: function.clone(),
            client: client.clone(),
            stop: stop.clone(),
        };
        let pollers = (0..pollers).map(|_| tokio::spawn(poller().run())).collect();
        Self { stop, pollers }
    }

    /// Stops receiving; what is under way may end in time, else it comes again.
    pub async fn stop(self) {
        self.stop.cancel();
        for mut poller in self.pollers {
            if tokio::time::timeout(STOP_MAX, &mut poller).await.is_err() {
                poller.abort();
            }
        }
    }
}

struct Poller {
    mapping: SqsMapping,
    url: String,
    function: Arc<Function>,
    client: Client,
    stop: CancellationToken,
}

impl Poller {
    async fn run(self) {
        loop {
            let gathered = tokio::select! {
                gathered = self.gather() => gathered,
                () = self.stop.cancelled() => return,
            };
            match gathered {
                Ok(messages) if messages.is_empty() => {}
                Ok(messages) => self.deliver(messages).await,
                Err(error) => {
                    tracing::debug!(event = "receive_failed", queue = self.url, %error);
                    tokio::time::sleep(TROUBLE_PAUSE).await;
                }
            }
        }
    }

    async fn gather(&self) -> anyhow::Result<Vec<Message>> {
        let size = usize::try_from(self.mapping.batch_size).unwrap_or(CALL_MAX);
        let mut messages = self.receive(size.min(CALL_MAX), WAIT_S).await?;
        let until = Instant::now() + self.mapping.window;
        while !messages.is_empty() && messages.len() < size && Instant::now() < until {
            let wait = i32::try_from((until - Instant::now()).as_secs()).unwrap_or(WAIT_S);
            let more =
                self.receive((size - messages.len()).min(CALL_MAX), wait.min(WAIT_S)).await?;
            if more.is_empty() && wait == 0 {
                break;
            }
            messages.extend(more);
        }
        Ok(messages)
    }

    async fn receive(&self, count: usize, wait_s: i32) -> anyhow::Result<Vec<Message>> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(count)?)
            .wait_time_seconds(wait_s)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await?;
        Ok(received.messages.unwrap_or_default())
    }

    async fn deliver(&self, messages: Vec<Message>) {
        let event = event(&messages, &self.mapping.queue_arn);
        let ids: Vec<_> = messages.iter().filter_map(|it| it.message_id.as_deref()).collect();
        let done = match self.function.invoke(Bytes::from(event)).await {
            Ok(response) => processed(self.mapping.partial, &response, &ids),
            Err(error) => {
                let count = messages.len();
                tracing::warn!(event = "batch_failed", queue = self.url, messages = count, %error);
                return;
            }
        };
        let handles: Vec<_> = messages
            .iter()
            .filter(|it| it.message_id.as_deref().is_some_and(|id| done.contains(&id)))
            .filter_map(|it| it.receipt_handle.clone())
            .collect();
        for handles in handles.chunks(CALL_MAX) {
            if let Err(error) = self.delete(handles).await {
                // They come again, as they may from SQS.
                tracing::warn!(event = "delete_failed", queue = self.url, %error);
            }
        }
    }

    async fn delete(&self, handles: &[String]) -> anyhow::Result<()> {
        let entries: Result<Vec<_>, _> = handles
            .iter()
            .enumerate()
            .map(|(index, handle)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(handle)
                    .build()
            })
            .collect();
        let request = self.client.delete_message_batch().queue_url(&self.url);
        let deleted = request.set_entries(Some(entries?)).send().await?;
        anyhow::ensure!(deleted.failed.is_empty(), "{} were not deleted", deleted.failed.len());
        Ok(())
    }
}

/// The event that Lambda makes of a batch.
fn event(messages: &[Message], queue_arn: &str) -> String {
    let region = queue_arn.split(':').nth(3).unwrap_or_default();
    let record = |message: &Message| {
        let attributes: serde_json::Map<_, _> = message
            .attributes
            .iter()
            .flatten()
            .map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str())))
            .collect();
        let own: serde_json::Map<_, _> = message
            .message_attributes
            .iter()
            .flatten()
            .map(|(name, value)| {
                let text = value.string_value.clone();
                (name.clone(), json!({ "stringValue": text, "dataType": value.data_type }))
            })
            .collect();
        json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": own,
            "md5OfBody": message.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region,
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() }).to_string()
}

/// The messages that need not come again.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
fn processed<'a>(partial: bool, response: &[u8], ids: &[&'a str]) -> Vec<&'a str> {
    #[derive(serde::Deserialize)]
    struct Response {
        #[serde(rename = "batchItemFailures")]
        failures: Option<Vec<Failure>>,
    }
    #[derive(serde::Deserialize)]
    struct Failure {
        #[serde(rename = "itemIdentifier")]
        id: String,
    }
    if !partial || response.is_empty() {
        return ids.to_vec();
    }
    let Ok(response) = serde_json::from_slice::<Option<Response>>(response) else {
        return Vec::new();
    };
    let failed = response.and_then(|it| it.failures).unwrap_or_default();
    if failed.iter().any(|failure| !ids.contains(&failure.id.as_str())) {
        return Vec::new();
    }
    ids.iter().copied().filter(|id| failed.iter().all(|failure| failure.id != *id)).collect()
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::sqs::SqsEvent;

    use super::*;

    #[test]
    fn the_event_is_what_the_typed_event_reads() {
        let message = Message::builder()
            .message_id("m1")
            .receipt_handle("h1")
            .body("{\"a\":1}")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2")
            .build();
        let event = event(&[message], "arn:aws:sqs:us-east-1:0:q");
        let event: SqsEvent = serde_json::from_str(&event).unwrap();
        let record = &event.records[0];
        assert_eq!(record.message_id.as_deref(), Some("m1"));
        assert_eq!(record.body.as_deref(), Some("{\"a\":1}"));
        assert_eq!(record.attributes["ApproximateReceiveCount"], "2");
        assert_eq!(record.aws_region.as_deref(), Some("us-east-1"));
    }

    #[test]
    fn only_what_is_not_named_as_failed_is_deleted() {
        let ids = ["a", "b"];
        let failed = br#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#;
        assert_eq!(processed(true, failed, &ids), ["b"]);
        assert_eq!(processed(false, failed, &ids), ids);
        for all_done in ["", "null", "{}", r#"{"batchItemFailures":[]}"#] {
            assert_eq!(processed(true, all_done.as_bytes(), &ids), ids, "{all_done}");
        }
        for none_done in [
            r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"wrong":"a"}]}"#,
            "not json",
        ] {
            assert!(processed(true, none_done.as_bytes(), &ids).is_empty(), "{none_done}");
        }
    }
}
