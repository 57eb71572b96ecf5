//! Table `messages` in DynamoDB, to append.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use platform::batches;
use platform::messages::{AT, Attributes, CUSTOMER_DAY, EVENTS, HANDSET_DAY, ITEM, MESSAGE};

use crate::items::Item;
use crate::ports::Store;

/// The table.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl DynamoStore {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl Store for DynamoStore {
    async fn append(&self, items: Vec<Item>) -> anyhow::Result<()> {
        let puts = items.into_iter().map(|item| batches::put(attributes(item)));
        let puts = puts.collect::<anyhow::Result<_>>()?;
        batches::write_all(&self.client, &self.table, puts).await
    }
}

fn attributes(item: Item) -> Attributes {
    let mut attributes = HashMap::with_capacity(7);
    let mut set = |name: &str, value| attributes.insert(name.to_owned(), value);
    set(MESSAGE, AttributeValue::S(item.message.to_string()));
    set(ITEM, AttributeValue::S(item.name));
    set("ttl", AttributeValue::N(item.ttl_s.to_string()));
    if let Some(events) = item.events {
        set(EVENTS, AttributeValue::S(events));
    }
    if let Some(found_by) = item.found_by {
        set(CUSTOMER_DAY, AttributeValue::S(found_by.customer_day));
        set(AT, AttributeValue::S(found_by.at));
        if let Some(handset_day) = found_by.handset_day {
            set(HANDSET_DAY, AttributeValue::S(handset_day));
        }
    }
    attributes
}
