//! Table `correlations`: names and content of its items. Hash key: [`receipt_key`] (provider and
//! canonical id); sort key: the names here.
//!
//! The first result under a key is item [`RESULT`], so that many are found by one batch read; what is
//! under the same key besides (a provider that uses its ids again) is [`further_result`], and
//! [`MORE`] says that there is some. Receipts whose result was not there are [`receipt_item`]; that
//! there are any says [`WAITING`]. Items are only ever put, whole and always the same.
//!
//! [`receipt_key`]: crate::provider_events::receipt_key

use domain::id::{DeliveryId, MessageId, PartId};
use serde::{Deserialize, Serialize};

use crate::provider_events::{ProviderReceipt, SubmitResult};
use crate::provider_outgoing::Origin;
use crate::version::V;

pub use crate::assembly_deadlines::{DUE_INDEX, due_hour};

/// The first result under the key.
pub const RESULT: &str = "result";
/// Beginning of the further ones.
pub const FURTHER: &str = "result#";
/// A mark: there are further results.
pub const MORE: &str = "more";
/// Beginning of receipts that wait, or waited, for their result.
pub const RECEIPT: &str = "receipt#";
/// A mark: there are such receipts.
pub const WAITING: &str = "waiting";

/// A receipt without a result is given up after this long.
pub const RECEIPT_WAITS_MS: u64 = 72 * 3_600 * 1000;
/// Items stay this long after the last time that they can matter.
const KEPT_MS: u64 = 7 * 24 * 3_600 * 1000;

/// When a mark made at `at_ms` may go, Unix milliseconds: after everything that was there then, whose
/// validity is 14 days at most.
#[must_use]
pub fn mark_kept_until_ms(at_ms: u64) -> u64 {
    at_ms.saturating_add(31 * 24 * 3_600 * 1000)
}

/// Name of a result that is not the first under its key.
#[must_use]
pub fn further_result(part: PartId, attempt: u32) -> String {
    format!("{FURTHER}{part}#{attempt}")
}

/// Name of a receipt that waits: the same for a repeat of it, whenever that came.
#[must_use]
pub fn receipt_item(receipt: &ProviderReceipt) -> String {
    let state = receipt.state.map_or("none", |state| state.as_str());
    let timeless = ProviderReceipt { arrived_ms: 0, ..receipt.clone() };
    let content = String::from_utf8(crate::encode(&timeless)).unwrap_or_default();
    format!("{RECEIPT}{state}#{}", DeliveryId::new(0, [0; 10]).derive(&content))
}

/// A receipt that waits, and where its record lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitingReceipt {
    /// Version.
    pub v: V<1>,
    /// The receipt.
    pub receipt: ProviderReceipt,
    /// Partition and offset of its record on `provider-events`.
    pub origin: Origin,
}

impl WaitingReceipt {
    /// When it is given up, Unix milliseconds.
    #[must_use]
    pub fn due_ms(&self) -> u64 {
        self.receipt.arrived_ms.saturating_add(RECEIPT_WAITS_MS)
    }

    /// When its item may go, Unix milliseconds.
    #[must_use]
    pub fn kept_until_ms(&self) -> u64 {
        self.due_ms().saturating_add(KEPT_MS)
    }
}

/// When the item of a result may go, Unix milliseconds: no receipt comes later.
#[must_use]
pub fn result_kept_until_ms(result: &SubmitResult) -> u64 {
    let over_ms = result.at_ms.max(result.valid_until_ms);
    over_ms.saturating_add(RECEIPT_WAITS_MS).saturating_add(KEPT_MS)
}

/// Hash key under which `retry` keeps what it decided of a message's attempts. No provider has an
/// empty name, so it is no receipt's.
#[must_use]
pub fn retry_key(message: MessageId) -> String {
    format!("|retry|{message}")
}

/// Sort key there: the attempt that had ended.
#[must_use]
pub fn retry_item(attempt: u32) -> String {
    format!("attempt#{attempt}")
}
