//! Who is bound where: `customer-binds` and `edge-nodes`.
//!
//! A bind counts while its own lease and its node's do. The node's is short: it tells that the node
//! lives. The bind's is long: it only covers a removal that failed.

use std::collections::HashMap;
use std::future::Future;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest};
use domain::id::CustomerId;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::attributes::{Attributes, item, number, number_of, text, text_of};
use crate::batches;

use super::AT_ONCE;
use super::lease::RESERVED;

/// TTL of an entry that nobody removes: long after its lease.
const TIDY_AFTER_S: u64 = 24 * 3_600;

/// A receiving bind of a customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bind {
    /// Whose.
    pub customer: CustomerId,
    /// Unique: removing an old bind never removes a new one.
    pub bind: String,
    /// Where.
    pub node: String,
    /// End of its lease, Unix milliseconds.
    pub until_ms: u64,
}

/// A node of the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeNode {
    /// Name, unique to the process.
    pub node: String,
    /// Partitions of `edge-deliveries` that it reads.
    pub partitions: Vec<i32>,
    /// End of its lease, Unix milliseconds.
    pub until_ms: u64,
}

/// A change of `customer-binds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindWrite {
    /// Registered, or its lease renewed.
    Put(Bind),
    /// Gone.
    Remove(CustomerId, String),
}

impl BindWrite {
    /// What it is about.
    #[must_use]
    pub fn key(&self) -> (&CustomerId, &str) {
        match self {
            Self::Put(Bind { customer, bind, .. }) | Self::Remove(customer, bind) => {
                (customer, bind)
            }
        }
    }
}

/// Who is bound where, to be read. An error fails the batch.
pub trait Presence: Sync {
    /// The binds of these customers, whatever their leases; `consistent`: as of now.
    fn binds(
        &self,
        customers: &[CustomerId],
        consistent: bool,
    ) -> impl Future<Output = anyhow::Result<HashMap<CustomerId, Vec<Bind>>>> + Send;
    /// All nodes, whatever their leases.
    fn nodes(&self, consistent: bool)
    -> impl Future<Output = anyhow::Result<Vec<EdgeNode>>> + Send;
}

/// The two tables.
#[derive(Debug, Clone)]
pub struct Binds {
    client: Client,
    binds: String,
    nodes: String,
}

impl Binds {
    /// Tables `binds` and `nodes`.
    #[must_use]
    pub fn new(client: Client, binds: String, nodes: String) -> Self {
        Self { client, binds, nodes }
    }

    /// Makes changes, each key once. Repeating them does no harm.
    ///
    /// # Errors
    /// The table does not answer; some may have been made.
    pub async fn write(&self, writes: &[BindWrite]) -> anyhow::Result<()> {
        let requests = writes.iter().map(request).collect::<anyhow::Result<_>>()?;
        batches::write_all(&self.client, &self.binds, requests).await
    }

    /// Notes what a node owns, and that it lives.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn put_node(&self, node: &EdgeNode) -> anyhow::Result<()> {
        let partitions = node.partitions.iter().map(|p| AttributeValue::N(p.to_string()));
        let attributes = item([
            ("node", text(&node.node)),
            ("partitions", AttributeValue::L(partitions.collect())),
            ("until_ms", number(node.until_ms)),
            ("ttl", number(node.until_ms / 1000 + TIDY_AFTER_S)),
        ]);
        let put = self.client.put_item().table_name(&self.nodes).set_item(Some(attributes));
        put.send().await.context("table edge-nodes does not take a node")?;
        Ok(())
    }

    /// The node is going.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn remove_node(&self, node: &str) -> anyhow::Result<()> {
        let removal = self.client.delete_item().table_name(&self.nodes).key("node", text(node));
        removal.send().await.context("table edge-nodes does not answer")?;
        Ok(())
    }

    async fn binds_of(
        &self,
        customer: CustomerId,
        consistent: bool,
    ) -> anyhow::Result<(CustomerId, Vec<Bind>)> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.binds)
            .consistent_read(consistent)
            .key_condition_expression("customer = :customer AND bind < :reserved")
            .expression_attribute_values(":customer", text(customer.as_str()))
            .expression_attribute_values(":reserved", text(RESERVED))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(attributes) = pages.next().await {
            let attributes = attributes.context("table customer-binds does not answer")?;
            found.push(bind(&attributes)?);
        }
        Ok((customer, found))
    }
}

impl Presence for Binds {
    async fn binds(
        &self,
        customers: &[CustomerId],
        consistent: bool,
    ) -> anyhow::Result<HashMap<CustomerId, Vec<Bind>>> {
        stream::iter(customers.to_vec())
            .map(|customer| self.binds_of(customer, consistent))
            .buffer_unordered(2 * AT_ONCE)
            .try_collect()
            .await
    }

    async fn nodes(&self, consistent: bool) -> anyhow::Result<Vec<EdgeNode>> {
        let scan = self.client.scan().table_name(&self.nodes).consistent_read(consistent);
        let mut pages = scan.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(attributes) = pages.next().await {
            found.push(node(&attributes.context("table edge-nodes does not answer")?)?);
        }
        Ok(found)
    }
}

fn request(write: &BindWrite) -> anyhow::Result<WriteRequest> {
    let request = WriteRequest::builder();
    Ok(match write {
        BindWrite::Put(bind) => {
            let attributes = item([
                ("customer", text(bind.customer.as_str())),
                ("bind", text(&bind.bind)),
                ("node", text(&bind.node)),
                ("until_ms", number(bind.until_ms)),
                ("ttl", number(bind.until_ms / 1000 + TIDY_AFTER_S)),
            ]);
            request.put_request(PutRequest::builder().set_item(Some(attributes)).build()?).build()
        }
        BindWrite::Remove(customer, bind) => {
            let key = item([("customer", text(customer.as_str())), ("bind", text(bind))]);
            let removal = DeleteRequest::builder().set_key(Some(key)).build()?;
            request.delete_request(removal).build()
        }
    })
}

fn bind(item: &Attributes) -> anyhow::Result<Bind> {
    Ok(Bind {
        customer: text_of(item, "customer")?.into(),
        bind: text_of(item, "bind")?.to_owned(),
        node: text_of(item, "node")?.to_owned(),
        until_ms: number_of(item, "until_ms")?,
    })
}

fn node(item: &Attributes) -> anyhow::Result<EdgeNode> {
    let partitions = item.get("partitions").and_then(|value| value.as_l().ok());
    let partitions = partitions.context("a node without partitions")?;
    let partition = |value: &AttributeValue| value.as_n().ok()?.parse().ok();
    Ok(EdgeNode {
        node: text_of(item, "node")?.to_owned(),
        partitions: partitions.iter().filter_map(partition).collect(),
        until_ms: number_of(item, "until_ms")?,
    })
}
