//! Table `opt_outs`: what handsets wish about a customer's messages. `route-mo` writes it, `route`
//! reads it.
//!
//! | attribute | holds |
//! |---|---|
//! | `who` (hash) | customer and handset: `acme\|46700000001` |
//! | `subject` (range) | `any`, or `from` and the sender id or number: `from 72000` |
//! | `version`, `writer` | count of writes; who made the last one |
//! | `v` | version of this form |
//! | `changes` | the handset's wishes ([`History`]) as JSON |
//!
//! An item is never deleted: STOP counts until START comes.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::mo::Subject;
use domain::mo::opt_out::History;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::attributes::{Attributes, number};
use crate::batches;

/// Writes of one batch at a time.
const WRITES_AT_ONCE: usize = 16;
/// Version of the form.
const FORM: &str = "1";

/// Names an item. Of one customer always, so that no wish reaches another's messages.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    who: String,
    subject: String,
}

impl Key {
    /// The item of a handset ([`domain::address::Address::digits`]) and a subject. Names of customers
    /// have no `|` in them, so that no two meet.
    #[must_use]
    pub fn new(subject: &Subject<'_>, handset: &str) -> Self {
        let who = format!("{}|{handset}", subject.customer);
        let subject = subject.sender.map_or("any".to_owned(), |sender| format!("from {sender}"));
        Self { who, subject }
    }

    fn attributes(&self) -> Attributes {
        HashMap::from([
            ("who".to_owned(), AttributeValue::S(self.who.clone())),
            ("subject".to_owned(), AttributeValue::S(self.subject.clone())),
        ])
    }
}

impl std::fmt::Debug for Key {
    /// Without the handset and the sender.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// A history and the version that it was read under; 0: there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// Counts the writes.
    pub version: u64,
    /// What was read.
    pub history: History,
}

/// A conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Which item.
    pub key: Key,
    /// Written only if this is still the version; the new one is the next.
    pub read_version: u64,
    /// What to write.
    pub history: History,
}

/// The table.
#[derive(Debug, Clone)]
pub struct OptOutsTable {
    client: Client,
    table: String,
}

impl OptOutsTable {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads these keys (each once) consistently; those that are not there are left out.
    ///
    /// # Errors
    /// DynamoDB does not answer, or holds what is no history.
    pub async fn read(&self, keys: &[Key]) -> anyhow::Result<HashMap<Key, Stored>> {
        let wanted = keys.iter().map(Key::attributes).collect();
        let found = batches::get_all(&self.client, &self.table, wanted).await?;
        found.into_iter().map(decode).collect()
    }

    /// Writes each on the condition that its version is the one read, or that `writer` has made this
    /// very write before; tells which were made.
    ///
    /// # Errors
    /// DynamoDB refused or did not answer: which were made is open.
    pub async fn write(&self, puts: &[Put], writer: &str) -> anyhow::Result<Vec<bool>> {
        let writes = stream::iter(puts).map(|put| self.write_one(put, writer));
        writes.buffered(WRITES_AT_ONCE).try_collect().await
    }

    /// One conditional write. The SDK repeats it after a time-out; the writer's own name in the
    /// condition lets a repeat of what had been made succeed.
    async fn write_one(&self, put: &Put, writer: &str) -> anyhow::Result<bool> {
        let condition = "attribute_not_exists(who) OR (version = :next AND writer = :writer)";
        let mut request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(put, writer)?))
            .expression_attribute_values(":next", number(put.read_version + 1))
            .expression_attribute_values(":writer", AttributeValue::S(writer.to_owned()));
        request = if put.read_version == 0 {
            request.condition_expression(condition)
        } else {
            request
                .condition_expression("version = :read OR (version = :next AND writer = :writer)")
                .expression_attribute_values(":read", number(put.read_version))
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).context("table opt_outs does not take a wish"),
        }
    }
}

fn encode(put: &Put, writer: &str) -> anyhow::Result<Attributes> {
    let changes = serde_json::to_string(&put.history).context("a wish cannot be written")?;
    let mut attributes = put.key.attributes();
    attributes.extend([
        ("version".to_owned(), number(put.read_version + 1)),
        ("writer".to_owned(), AttributeValue::S(writer.to_owned())),
        ("v".to_owned(), AttributeValue::N(FORM.to_owned())),
        ("changes".to_owned(), AttributeValue::S(changes)),
    ]);
    Ok(attributes)
}

fn decode(mut attributes: Attributes) -> anyhow::Result<(Key, Stored)> {
    let form = attributes.get("v").and_then(|value| value.as_n().ok());
    ensure!(form.map(String::as_str) == Some(FORM), "an opt-out in an unknown form");
    let version = attributes.get("version").and_then(|value| value.as_n().ok());
    let version = version.context("an opt-out without a version")?.parse()?;
    let mut text = |name: &str| match attributes.remove(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(anyhow::anyhow!("an opt-out without {name}")),
    };
    let key = Key { who: text("who")?, subject: text("subject")? };
    let history = serde_json::from_str(&text("changes")?)
        .map_err(|error| anyhow::anyhow!("a broken opt-out (column {})", error.column()))?;
    Ok((key, Stored { version, history }))
}
