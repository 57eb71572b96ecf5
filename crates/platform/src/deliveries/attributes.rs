//! Attributes of items, read and written.

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;

/// Statements in one BatchExecuteStatement (AWS: at most 25).
pub(super) const BATCH_MAX: usize = 25;
/// Batches of one call on their way at a time.
pub(super) const AT_ONCE: usize = 8;
pub(super) use crate::batches::Attributes as Item;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn item<const N: usize>(pairs: [(&str, AttributeValue); N]) -> Item {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> anyhow::Result<&'a str> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).with_context(|| format!("an item without {name}"))
}

pub(super) fn number_of(item: &Item, name: &str) -> anyhow::Result<u64> {
    let value = item.get(name).and_then(|value| value.as_n().ok());
    Ok(value.with_context(|| format!("an item without {name}"))?.parse()?)
}
