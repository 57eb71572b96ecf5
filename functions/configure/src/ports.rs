//! What the handler needs of the world.

use std::future::Future;
use std::sync::Arc;

use domain::config::{Document, SlotLedger};
use platform::kafka::TopicNeed;

/// Table `config`.
pub trait Store {
    /// The version in force; none before the first.
    fn current(&self) -> impl Future<Output = anyhow::Result<Option<u64>>> + Send;
    /// A version's document; none if there is no such version.
    fn load(
        &self,
        version: u64,
    ) -> impl Future<Output = anyhow::Result<Option<Arc<Document>>>> + Send;
    /// Who had which slot in any version up to this one.
    fn slots(&self, version: u64) -> impl Future<Output = anyhow::Result<SlotLedger>> + Send;
    /// Makes `document` the version after `previous`, if that still is in force; else tells the
    /// one that is. A repeat by the same writer succeeds.
    fn apply(
        &self,
        previous: Option<u64>,
        document: &Document,
        writer: &str,
    ) -> impl Future<Output = anyhow::Result<Applied>> + Send;
}

/// What became of an [`Store::apply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// This version is in force.
    Version(u64),
    /// Another one came first; this one is in force.
    Outdated(Option<u64>),
}

/// Kafka: topics and the journals' beginnings.
pub trait Topics {
    /// Creates what is missing, grows what is small.
    fn ensure(&self, needs: &[TopicNeed]) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Writes the first position of each slot whose journal is empty.
    fn found_journals(&self, slots: &[u32]) -> impl Future<Output = anyhow::Result<()>> + Send;
}
