//! `customer-deliveries`: receipts (and later messages) for customers.

use domain::address::Address;
use domain::id::{CustomerId, DeliveryId, MessageId, PartId};
use serde::{Deserialize, Serialize};

use crate::version::V;

/// Why a part ended without a provider's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Other parts did not come in time.
    Incomplete,
    /// No route leads to its destination.
    Unroutable,
    /// The customer may not send this.
    Refused,
    /// Its validity ran out.
    Expired,
}

impl Failure {
    /// The name in events, metrics and ids.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Unroutable => "unroutable",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }
}

/// A failure receipt for one part. Key: message id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerDelivery {
    /// Version.
    pub v: V<1>,
    /// The same at every run.
    pub id: DeliveryId,
    /// To whom.
    pub customer: CustomerId,
    /// The message.
    pub message: MessageId,
    /// The part, by the id that the customer was given.
    pub part: PartId,
    /// The sender of the message that failed.
    pub source: Address,
    /// Its handset.
    pub destination: Address,
    /// Why.
    pub failure: Failure,
    /// What was asked for.
    pub receipt: u8,
    /// When the part was accepted, Unix milliseconds.
    pub accepted_ms: u64,
    /// When it failed, Unix milliseconds.
    pub at_ms: u64,
}
