//! What the handler needs of the world besides Kafka and the configuration: two narrow ports. An
//! error fails the batch, which is retried for as long as it takes.

use std::future::Future;

use platform::correlations::{Item, Place};
use wire::retries::Retry;

/// Table `correlations`. Reads are consistent.
pub trait Store {
    /// Reads items (no place twice); those that are not there are left out.
    fn get(&self, places: &[Place]) -> impl Future<Output = anyhow::Result<Vec<Item>>>;
    /// Reads all items under these keys.
    fn query(&self, keys: &[String]) -> impl Future<Output = anyhow::Result<Vec<Item>>>;
    /// Writes items (no place twice), whatever was there. An error leaves open which were written.
    fn put(&self, items: &[Item]) -> impl Future<Output = anyhow::Result<()>>;
}

/// Queue `retries`.
pub trait Retries {
    /// Sends each, to be received at once.
    fn send(&self, retries: &[Retry]) -> impl Future<Output = anyhow::Result<()>>;
}
