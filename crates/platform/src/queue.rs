//! SQS as a source of delays.

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

/// The longest delay of one message (AWS: Amazon SQS delay queues); a later time is re-queued.
pub const MAX_DELAY: Duration = Duration::from_secs(900);

/// A queue by its URL.
#[derive(Debug, Clone)]
pub struct DelayQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl DelayQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends `bodies`, each to be seen after its delay, capped at [`MAX_DELAY`]. All are sent or
    /// the call fails; after a failure some may have been sent.
    ///
    /// # Errors
    /// SQS refused or did not answer.
    pub async fn send(&self, bodies: &[(String, Duration)]) -> anyhow::Result<()> {
        for batch in bodies.chunks(10) {
            let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
            let sent = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries))
                .send()
                .await
                .context("SQS did not take the delays")?;
            anyhow::ensure!(sent.failed().is_empty(), "SQS refused {} delays", sent.failed().len());
        }
        Ok(())
    }
}

fn entry(
    (index, (body, delay)): (usize, &(String, Duration)),
) -> anyhow::Result<SendMessageBatchRequestEntry> {
    let seconds = i32::try_from(delay.min(&MAX_DELAY).as_secs_f64().ceil() as i64)?;
    Ok(SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(body)
        .delay_seconds(seconds)
        .build()?)
}
