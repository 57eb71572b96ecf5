//! What an invocation publishes.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use wire::customer_deliveries::CustomerDelivery;
use wire::topics::CUSTOMER_DELIVERIES;

use crate::kafka::Batch;

/// A record to be published.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition; none: by key.
    pub partition: Option<i32>,
    /// Key.
    pub key: String,
    /// Value.
    pub value: Vec<u8>,
}

impl Output {
    /// A record of `customer-deliveries`.
    #[must_use]
    pub fn delivery(delivery: &CustomerDelivery) -> Self {
        let (key, value) = (delivery.message.to_string(), wire::encode(delivery));
        Self { topic: CUSTOMER_DELIVERIES.into(), partition: None, key, value }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({}, {:?}, {} octets)", self.topic, self.partition, self.value.len())
    }
}

/// Kafka, to write. One invocation at a time: begin, publish …, then flush or abandon. An error
/// fails the batch, which is retried for as long as it takes.
pub trait Outputs {
    /// Begins an invocation.
    fn begin(&self);
    /// Hands a record over; confirmed by [`Outputs::flush`] only.
    fn publish(&self, output: &Output) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Waits until all in-sync replicas have everything.
    fn flush(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// After a failure: nothing is left in a queue of ours.
    fn abandon(&self) -> impl Future<Output = ()> + Send;
}

impl Outputs for Batch {
    fn begin(&self) {
        Self::begin(self);
    }

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        let Output { topic, partition, key, value } = output;
        Ok(Self::publish(self, topic, *partition, key.as_bytes(), value).await?)
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(Self::flush(self).await?)
    }

    async fn abandon(&self) {
        Self::abandon(self).await;
    }
}
