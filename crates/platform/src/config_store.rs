//! Table `config`: immutable versions of the document, compressed, in chunks; `current` names one.
//!
//! Items (key `version`, `entity`): (`current`, `pointer`) with `number` and `writer`; (N, `head`)
//! with `writer`; (N, `chunk#writer#000`) … with `data`; (N, `slots#writer`) with `data`: whose slots
//! were whose in any version up to N. Two writers of version N never touch each other's items; the
//! pointer and the head move together, for one of them.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use domain::config::{Document, SlotLedger};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Octets of one chunk; an item may have 400 KB (AWS: DynamoDB constraints).
const CHUNK: usize = 300 * 1024;
/// A document never grows beyond this, uncompressed.
const DOCUMENT_MAX: u64 = 256 * 1024 * 1024;

/// The table.
#[derive(Debug, Clone)]
pub struct ConfigStore {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// Another version became current in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the configuration is at version {current:?}, not at the one that this change was made for"
)]
pub struct Outdated {
    /// The version in force.
    pub current: Option<u64>,
}

/// A version that was never written: waiting does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("configuration version {0} does not exist")]
pub struct NoSuchVersion(pub u64);

impl ConfigStore {
    /// The table named `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { client, table }
    }

    /// The version in force; none before the first `apply`.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn current(&self) -> anyhow::Result<Option<u64>> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("version", AttributeValue::S("current".into()))
            .key("entity", AttributeValue::S("pointer".into()))
            .consistent_read(true)
            .send()
            .await
            .context("table config does not answer")?;
        let Some(item) = found.item else { return Ok(None) };
        let number = item.get("number").and_then(|value| value.as_n().ok());
        Ok(Some(number.context("the pointer has no number")?.parse()?))
    }

    /// The document of a version.
    ///
    /// # Errors
    /// [`NoSuchVersion`], it is broken, or DynamoDB does not answer.
    pub async fn load(&self, version: u64) -> anyhow::Result<Arc<Document>> {
        let writer = self.writer_of(version).await?;
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("version = :v AND begins_with(entity, :chunk)")
            .expression_attribute_values(":v", AttributeValue::S(version.to_string()))
            .expression_attribute_values(":chunk", AttributeValue::S(format!("chunk#{writer}#")))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut packed = Vec::new();
        while let Some(page) = pages.next().await {
            for item in page.context("table config does not answer")?.items() {
                let data = item.get("data").and_then(|value| value.as_b().ok());
                packed.extend_from_slice(data.context("a chunk without data")?.as_ref());
            }
        }
        anyhow::ensure!(!packed.is_empty(), "configuration version {version} has no chunks");
        let document = unpack(&packed)
            .with_context(|| format!("configuration version {version} cannot be read"))?;
        Ok(Arc::new(document))
    }

    /// Who had which slot in any version up to `version`.
    ///
    /// # Errors
    /// [`NoSuchVersion`], it is broken, or DynamoDB does not answer.
    pub async fn slots(&self, version: u64) -> anyhow::Result<SlotLedger> {
        let writer = self.writer_of(version).await?;
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("version", AttributeValue::S(version.to_string()))
            .key("entity", AttributeValue::S(format!("slots#{writer}")))
            .consistent_read(true)
            .send()
            .await
            .context("table config does not answer")?;
        let data = found.item.as_ref().and_then(|item| item.get("data")?.as_b().ok());
        unpack(data.with_context(|| format!("version {version} has no slots"))?.as_ref())
            .with_context(|| format!("the slots of version {version} cannot be read"))
    }

    /// Writes `document` as the version after `previous` and makes it current, if `previous` still
    /// is. `writer` names this change alone (a fresh UUID): its repeat, after an answer that was lost, succeeds.
    ///
    /// # Errors
    /// [`Outdated`], or DynamoDB does not answer.
    pub async fn apply(
        &self,
        previous: Option<u64>,
        document: &Document,
        writer: &str,
    ) -> anyhow::Result<u64> {
        let version = previous.unwrap_or(0) + 1;
        let slots = match previous {
            Some(previous) => self.slots(previous).await?,
            None => SlotLedger::default(),
        };
        let packed = pack(&slots.with(document))?;
        self.put(version, format!("slots#{writer}"), &packed).await?;
        for (index, chunk) in pack(document)?.chunks(CHUNK).enumerate() {
            self.put(version, format!("chunk#{writer}#{index:03}"), chunk).await?;
        }
        self.point_to(previous, version, writer).await?;
        Ok(version)
    }

    async fn put(&self, version: u64, entity: String, data: &[u8]) -> anyhow::Result<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("version", AttributeValue::S(version.to_string()))
            .item("entity", AttributeValue::S(entity))
            .item("data", AttributeValue::B(Blob::new(data)))
            .send()
            .await
            .context("table config does not take the document")?;
        Ok(())
    }

    async fn point_to(
        &self,
        previous: Option<u64>,
        version: u64,
        writer: &str,
    ) -> anyhow::Result<()> {
        let head = Put::builder()
            .table_name(&self.table)
            .item("version", AttributeValue::S(version.to_string()))
            .item("entity", AttributeValue::S("head".into()))
            .item("writer", AttributeValue::S(writer.into()))
            .build()?;
        let moved = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(head).build())
            .transact_items(
                TransactWriteItem::builder().put(self.pointer(previous, version, writer)?).build(),
            )
            .send()
            .await;
        let Err(error) = moved else { return Ok(()) };
        if error.as_service_error().is_some_and(|e| e.is_transaction_canceled_exception()) {
            return Err(Outdated { current: self.current().await? }.into());
        }
        Err(error).context("table config does not take the new version")
    }

    fn pointer(&self, previous: Option<u64>, version: u64, writer: &str) -> anyhow::Result<Put> {
        // A repeat by the same writer finds its own version in place.
        let mine = "(#number = :version AND #writer = :writer)";
        let put = Put::builder()
            .table_name(&self.table)
            .item("version", AttributeValue::S("current".into()))
            .item("entity", AttributeValue::S("pointer".into()))
            .item("number", AttributeValue::N(version.to_string()))
            .item("writer", AttributeValue::S(writer.into()))
            .expression_attribute_names("#writer", "writer")
            .expression_attribute_names("#number", "number")
            .expression_attribute_values(":writer", AttributeValue::S(writer.into()))
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()));
        let put = match previous {
            None => put.condition_expression(format!("attribute_not_exists(version) OR {mine}")),
            Some(previous) => put
                .condition_expression(format!("#number = :previous OR {mine}"))
                .expression_attribute_values(":previous", AttributeValue::N(previous.to_string())),
        };
        Ok(put.build()?)
    }

    async fn writer_of(&self, version: u64) -> anyhow::Result<String> {
        let head = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("version", AttributeValue::S(version.to_string()))
            .key("entity", AttributeValue::S("head".into()))
            .consistent_read(true)
            .send()
            .await
            .context("table config does not answer")?;
        let writer = head.item.as_ref().and_then(|item| item.get("writer")?.as_s().ok());
        writer.cloned().ok_or_else(|| NoSuchVersion(version).into())
    }
}

fn pack(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&serde_json::to_vec(value)?)?;
    Ok(encoder.finish()?)
}

fn unpack<T: DeserializeOwned>(packed: &[u8]) -> anyhow::Result<T> {
    let mut json = Vec::new();
    GzDecoder::new(packed).take(DOCUMENT_MAX).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}
