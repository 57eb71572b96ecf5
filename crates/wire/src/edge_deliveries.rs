//! `edge-deliveries`: what one edge node is to do, in a partition that it owns. No key: the partition
//! is chosen by the writer.

use std::borrow::Cow;

use domain::id::CustomerId;
use serde::{Deserialize, Serialize};

use crate::customer_deliveries::{CustomerDelivery, Delivered};
use crate::message_events::{Happened, MessageEvent};
use crate::version::V;

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeRecord {
    /// Deliver this to a bind of its customer.
    Deliver(Box<CustomerDelivery>),
    /// Something was parked while its customer was bound here: look into the mailbox.
    Drain(Drain),
}

/// A hint; nothing is lost with it, the mailbox is looked into by timer too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Version.
    pub v: V<1>,
    /// Whose mailbox.
    pub customer: CustomerId,
}

/// What `message-events` is told of a delivery; its id is the same at every run.
#[must_use]
pub fn event<'a>(
    delivery: &'a CustomerDelivery,
    happened: Happened,
    by: &'a str,
    at_ms: u64,
    detail: String,
) -> MessageEvent<'a> {
    let id = delivery.message.event(&format!("{} {}", happened.as_str(), delivery.id), 0);
    let customer = Cow::Borrowed(&delivery.customer);
    let (part, state, error) = match &delivery.what {
        Delivered::Receipt(receipt) => {
            (Some(receipt.part), Some(receipt.state), receipt.error.as_str())
        }
        Delivered::Message(_) => (None, None, ""),
    };
    MessageEvent {
        part,
        state,
        error: Cow::Borrowed(error),
        detail: Cow::Owned(detail),
        ..MessageEvent::new(id, delivery.message, customer, happened, by, at_ms)
    }
}
