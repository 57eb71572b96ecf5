//! Table `messages`, to read.

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{CustomerId, MessageId, PartId};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use wire::message_events::MessageEvent;
use wire::message_status::{Standing, merged, standing};

use super::form::{
    AT, Attributes, CUSTOMER_DAY, CUSTOMER_INDEX, EVENTS, HANDSET_DAY, HANDSET_INDEX, ITEM,
    MESSAGE, SHARDS, customer_day, handset_day, pointed_to,
};
use super::page::{Found, Shard, together};

/// Messages of one list that are read at a time.
const READS_AT_ONCE: usize = 8;

/// The table.
#[derive(Debug, Clone)]
pub struct MessagesTable {
    client: Client,
    table: String,
}

/// What happened to one message, or to a part that never became one.
#[derive(Debug, Clone, PartialEq)]
pub struct Journey {
    /// Its id.
    pub message: MessageId,
    /// Each event once, in the order of time; at least one.
    pub events: Vec<MessageEvent<'static>>,
}

/// Which stretch of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Only behind this place: [`Found::next`] of the page before.
    pub after: Option<&'a str>,
    /// So many at most.
    pub limit: usize,
}

impl Journey {
    /// Whose it is. None: nobody said so yet (a doubt, which is from a journal, does not), or events of
    /// several customers meet under one id, which nobody is told of.
    #[must_use]
    pub fn customer(&self) -> Option<&CustomerId> {
        let told = self.events.iter().map(|event| event.customer.as_ref());
        let mut told = told.filter(|customer| !customer.as_str().is_empty());
        let first = told.next()?;
        told.all(|customer| customer == first).then_some(first)
    }

    /// Where it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        standing(self.message, &self.events)
    }
}

impl MessagesTable {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The journey of a message, by its own id or that of one of its parts: all that `record` had
    /// written when this began. None: there is nothing under the id (yet, or any more).
    ///
    /// # Errors
    /// The table does not answer, or holds what cannot be understood.
    pub async fn journey(&self, id: PartId) -> anyhow::Result<Option<Journey>> {
        let (mut events, mut pointers) = self.read(id.into()).await?;
        pointers.sort_unstable();
        pointers.dedup();
        let mut message = id.into();
        for pointer in pointers {
            let (mut of_message, _) = self.read(pointer).await?;
            if !of_message.is_empty() {
                message = pointer;
                events.append(&mut of_message);
            }
        }
        let events = merged(events);
        Ok((!events.is_empty()).then_some(Journey { message, events }))
    }

    /// The journeys of several messages, in their order, without those that are gone.
    ///
    /// # Errors
    /// As [`MessagesTable::journey`].
    pub async fn journeys(&self, ids: &[MessageId]) -> anyhow::Result<Vec<Journey>> {
        let found: Vec<_> = stream::iter(ids.to_vec())
            .map(|id| self.journey(id.into()))
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// A customer's messages of a day (`2026-11-21`, UTC), the earliest first.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn of_customer(
        &self,
        customer: &CustomerId,
        day: &str,
        page: Page<'_>,
    ) -> anyhow::Result<Found> {
        let shard = |shard| {
            let key = customer_day(customer, day, shard);
            self.shard(CUSTOMER_INDEX, CUSTOMER_DAY, key, page)
        };
        let shards: Vec<_> = stream::iter(0..SHARDS)
            .map(shard)
            .buffer_unordered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(together(&shards, page.limit))
    }

    /// Messages of a day to a handset or from it, by its number's hash, the earliest first.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn of_handset(&self, hash: &str, day: &str, page: Page<'_>) -> anyhow::Result<Found> {
        let key = handset_day(hash, day);
        let shard = self.shard(HANDSET_INDEX, HANDSET_DAY, key, page).await?;
        Ok(together(&[shard], page.limit))
    }

    /// What stands under one key: events, and messages that pointers lead to.
    async fn read(
        &self,
        key: MessageId,
    ) -> anyhow::Result<(Vec<MessageEvent<'static>>, Vec<MessageId>)> {
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#message = :message")
            .expression_attribute_names("#message", MESSAGE)
            .expression_attribute_values(":message", AttributeValue::S(key.to_string()))
            .into_paginator()
            .items()
            .send();
        let (mut events, mut pointers) = (Vec::new(), Vec::new());
        while let Some(item) = items.next().await {
            let item = item.context("table messages does not answer")?;
            let name = text(&item, ITEM).context("an item of a message without a name")?;
            match pointed_to(name) {
                Some(message) => pointers.push(message),
                None => events.append(&mut read_events(&item)?),
            }
        }
        Ok((events, pointers))
    }

    async fn shard(
        &self,
        index: &str,
        name: &str,
        key: String,
        page: Page<'_>,
    ) -> anyhow::Result<Shard> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .key_condition_expression("#key = :key AND #at > :after")
            .expression_attribute_names("#key", name)
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":key", AttributeValue::S(key))
            .expression_attribute_values(
                ":after",
                // A place begins with a digit; a key value may not be empty.
                AttributeValue::S(page.after.filter(|it| !it.is_empty()).unwrap_or(" ").to_owned()),
            )
            .limit(i32::try_from(page.limit)?);
        let answer = query.send().await.context("table messages does not answer")?;
        let is_cut = answer.last_evaluated_key.is_some();
        let places = answer.items.unwrap_or_default();
        let place = |item: &Attributes| {
            text(item, AT).map(str::to_owned).context("an entry of the index without a place")
        };
        Ok(Shard { places: places.iter().map(place).collect::<anyhow::Result<_>>()?, is_cut })
    }
}

fn text<'a>(item: &'a Attributes, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

fn read_events(item: &Attributes) -> anyhow::Result<Vec<MessageEvent<'static>>> {
    let json = text(item, EVENTS).context("an item of a message without events")?;
    // serde_json's message may show content: only the place is told.
    serde_json::from_str::<Vec<MessageEvent<'static>>>(json)
        .map_err(|error| anyhow::anyhow!("broken events of a message (column {})", error.column()))
}
