//! Receipts: ids, dates, whose they are, what they mean.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and a table of cases is long"
)]

mod dates;
mod document;
mod ids;
mod matching;
mod meaning;
mod recognition;
mod telling;

use domain::config::ReceiptSettings;

/// Settings as a document writes them.
fn settings(value: serde_json::Value) -> ReceiptSettings {
    serde_json::from_value(value).unwrap()
}
