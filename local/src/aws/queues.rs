//! Queues of the template, made in the local SQS (they live in its memory only).

use anyhow::Context as _;
use aws_sdk_sqs::Client;

use crate::template::Queue;

/// Makes the queues, in the given order.
///
/// # Errors
/// SQS does not answer or refuses.
pub async fn create(client: &Client, queues: &[Queue]) -> anyhow::Result<()> {
    for queue in queues {
        let attributes =
            queue.attributes.iter().map(|(name, value)| (name.as_str().into(), value.clone()));
        client
            .create_queue()
            .queue_name(&queue.name)
            .set_attributes(Some(attributes.collect()))
            .send()
            .await
            .with_context(|| format!("queue {} is not made", queue.name))?;
    }
    Ok(())
}
