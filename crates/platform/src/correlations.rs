//! Table `correlations` in DynamoDB (`wire::correlations` says what its items are). Reads are
//! consistent: the join of results and receipts rests on that.

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use wire::correlations::due_hour;

use crate::attributes::{self, Attributes, number};
use crate::batches;

/// Queries of one batch at a time.
const AT_ONCE: usize = 16;

/// An item's keys: `key` and `item`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Hash key.
    pub key: String,
    /// Sort key.
    pub item: String,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.item, self.key)
    }
}

/// An item.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Item {
    /// Its keys.
    pub place: Place,
    /// JSON; empty: a mark.
    pub data: String,
    /// When something has to happen to it, Unix milliseconds: it is in the index then.
    pub due_ms: Option<u64>,
    /// When it may go, Unix milliseconds.
    pub kept_until_ms: u64,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Item({:?}, {} octets)", self.place, self.data.len())
    }
}

/// The table.
#[derive(Debug, Clone)]
pub struct CorrelationsTable {
    client: Client,
    table: String,
}

impl CorrelationsTable {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads items (no place twice); those that are not there are left out.
    ///
    /// # Errors
    /// DynamoDB does not answer, or leaves some unprocessed for too long.
    pub async fn get(&self, places: &[Place]) -> anyhow::Result<Vec<Item>> {
        let wanted = places.iter().map(keys).collect();
        let found = batches::get_all(&self.client, &self.table, wanted).await?;
        found.into_iter().map(decode).collect()
    }

    /// Writes items (no place twice), whatever was there.
    ///
    /// # Errors
    /// DynamoDB does not answer, or leaves some unprocessed for too long; some may be written.
    pub async fn put(&self, items: &[Item]) -> anyhow::Result<()> {
        let puts = items.iter().map(|item| batches::put(encode(item)));
        let puts = puts.collect::<anyhow::Result<_>>()?;
        batches::write_all(&self.client, &self.table, puts).await
    }

    /// Reads all items under these keys.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn query(&self, keys: &[String]) -> anyhow::Result<Vec<Item>> {
        let found: Vec<_> = stream::iter(keys)
            .map(|key| self.query_one(key))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Items due in the hour named `hour` and not after `until_ms`, the earliest first.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn due(&self, hour: &str, until_ms: u64, limit: usize) -> anyhow::Result<Vec<Place>> {
        let due = attributes::due(&self.client, &self.table, hour, until_ms, limit).await?;
        due.into_iter().map(|mut item| place(&mut item)).collect()
    }

    /// Nothing has to happen to an item any more. One that is gone stays so.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn settle(&self, place: &Place) -> anyhow::Result<()> {
        let settled = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys(place)))
            .update_expression("REMOVE due_hour, due_at")
            .condition_expression("attribute_exists(#key)")
            .expression_attribute_names("#key", "key")
            .send()
            .await;
        match settled {
            Err(SdkError::ServiceError(error))
                if error.err().is_conditional_check_failed_exception() =>
            {
                Ok(())
            }
            settled => settled.map(|_| ()).context("table correlations does not answer"),
        }
    }

    /// Writes an item unless one is there; what then stands there.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn put_if_absent(&self, item: Item) -> anyhow::Result<Item> {
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(&item)))
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", "key")
            .send()
            .await;
        match written {
            Ok(_) => Ok(item),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                let mut there = self.get(std::slice::from_ref(&item.place)).await?;
                there.pop().context("an item of table correlations went away")
            }
            Err(error) => Err(error).context("table correlations does not take an item"),
        }
    }

    async fn query_one(&self, key: &str) -> anyhow::Result<Vec<Item>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":key", AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push(decode(item.context("table correlations does not answer")?)?);
        }
        Ok(found)
    }
}

fn keys(place: &Place) -> Attributes {
    Attributes::from([
        ("key".to_owned(), AttributeValue::S(place.key.clone())),
        ("item".to_owned(), AttributeValue::S(place.item.clone())),
    ])
}

fn encode(item: &Item) -> Attributes {
    let mut attributes = keys(&item.place);
    attributes.insert("ttl".to_owned(), number(item.kept_until_ms / 1000));
    if !item.data.is_empty() {
        attributes.insert("data".to_owned(), AttributeValue::S(item.data.clone()));
    }
    if let Some(due_ms) = item.due_ms {
        attributes.insert("due_hour".to_owned(), AttributeValue::S(due_hour(due_ms)));
        attributes.insert("due_at".to_owned(), number(due_ms));
    }
    attributes
}

fn decode(mut attributes: Attributes) -> anyhow::Result<Item> {
    let place = place(&mut attributes)?;
    let whole = |name: &str| attributes.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
    let (due_ms, ttl_s) = (whole("due_at"), whole("ttl").unwrap_or(0_u64));
    let data = text(&mut attributes, "data").unwrap_or_default();
    Ok(Item { place, data, due_ms, kept_until_ms: ttl_s.saturating_mul(1000) })
}

fn place(attributes: &mut Attributes) -> anyhow::Result<Place> {
    let mut part = |name| text(attributes, name).context("an item without its keys");
    Ok(Place { key: part("key")?, item: part("item")? })
}

fn text(attributes: &mut Attributes, name: &str) -> Option<String> {
    match attributes.remove(name)? {
        AttributeValue::S(text) => Some(text),
        _ => None,
    }
}
