//! SQS `retries`: what did not get through and is to be decided again, its body back from Kafka.

use domain::id::{CustomerId, MessageId, ProviderId};
use serde::{Deserialize, Serialize};

use crate::customer_deliveries::CustomerDelivery;
use crate::provider_events::PartSummary;
use crate::provider_outgoing::Origin;
use crate::version::V;

/// An attempt that did not succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Version.
    pub v: V<1>,
    /// The message.
    pub message: MessageId,
    /// Whose.
    pub customer: CustomerId,
    /// Who was tried.
    pub provider: ProviderId,
    /// The attempt that ended, from 0.
    pub attempt: u32,
    /// Where the accepted message lies.
    pub origin: Origin,
    /// Why.
    pub because: Because,
    /// When it ended, Unix milliseconds: the next attempt begins then, at every run.
    pub at_ms: u64,
}

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The sender's summary: not all parts were accepted.
    Summary(Vec<PartSummary>),
    /// A receipt for a message of one part; what the customer is told if nobody is left to try.
    Receipt(Vec<CustomerDelivery>),
}
