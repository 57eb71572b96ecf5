//! What the handler needs of the world: two narrow ports. An error fails the batch, which is
//! retried for as long as it takes.

use std::future::Future;
use std::sync::Arc;

use domain::config::Document;

use crate::output::Output;

/// Table `config`.
pub trait Versions {
    /// The document of a version; none if that version was never written.
    fn load(
        &self,
        version: u64,
    ) -> impl Future<Output = anyhow::Result<Option<Arc<Document>>>> + Send;
}

/// Kafka, to write. One invocation at a time: begin, publish …, then flush or abandon.
pub trait Outputs {
    /// Begins an invocation.
    fn begin(&self);
    /// Hands a record over; confirmed by [`Outputs::flush`] only.
    fn publish(&self, output: &Output) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Waits until all in-sync replicas have everything.
    fn flush(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// After a failure: nothing is left in a queue of ours.
    fn abandon(&self) -> impl Future<Output = ()> + Send;
}
