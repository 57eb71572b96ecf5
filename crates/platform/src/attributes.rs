//! Attributes of items of any table, read and written, and the index by due hour that several have.

use std::collections::HashMap;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use wire::assembly_deadlines::DUE_INDEX;

/// An item, or its keys.
pub type Attributes = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn item<const N: usize>(pairs: [(&str, AttributeValue); N]) -> Attributes {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An attribute that is a text.
///
/// # Errors
/// It is not there, or no text.
pub fn text_of<'a>(item: &'a Attributes, name: &str) -> anyhow::Result<&'a str> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).with_context(|| format!("an item without {name}"))
}

/// An attribute that is a number, not negative.
///
/// # Errors
/// It is not there, or no such number.
pub fn number_of(item: &Attributes, name: &str) -> anyhow::Result<u64> {
    let value = item.get(name).and_then(|value| value.as_n().ok());
    Ok(value.with_context(|| format!("an item without {name}"))?.parse()?)
}

/// What a table's sparse index has of the hour named `hour` and not after `until_ms`, the earliest first; at
/// most `limit`.
///
/// # Errors
/// The table does not answer.
pub async fn due(
    client: &Client,
    table: &str,
    hour: &str,
    until_ms: u64,
    limit: usize,
) -> anyhow::Result<Vec<Attributes>> {
    let mut pages = client
        .query()
        .table_name(table)
        .index_name(DUE_INDEX)
        .key_condition_expression("due_hour = :hour AND due_at <= :until")
        .expression_attribute_values(":hour", text(hour))
        .expression_attribute_values(":until", number(until_ms))
        .into_paginator()
        .items()
        .send();
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(item) = pages.next().await
    {
        found.push(item.with_context(|| format!("table {table} does not answer"))?);
    }
    Ok(found)
}
