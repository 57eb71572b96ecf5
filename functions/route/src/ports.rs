//! What the handler needs of the world, besides what all functions need. An error fails the batch,
//! which is retried for as long as it takes.

use std::collections::HashMap;
use std::future::Future;

use platform::opt_outs::{Key, Stored};

/// Table `opt_outs`, to read.
pub trait OptOuts {
    /// Reads these keys (each once) consistently; those that are not there are left out.
    fn read(&self, keys: &[Key]) -> impl Future<Output = anyhow::Result<HashMap<Key, Stored>>>;
}
