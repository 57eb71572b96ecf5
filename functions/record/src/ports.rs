//! What the handler needs of the world.

use std::future::Future;

use crate::items::Item;

/// Table `messages`.
pub trait Store {
    /// Appends them all. An item that is there already is the same: it is named by its content.
    ///
    /// # Errors
    /// Not all of them are there: the batch has to come again.
    fn append(&self, items: Vec<Item>) -> impl Future<Output = anyhow::Result<()>> + Send;
}
