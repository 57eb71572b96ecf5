//! What the handler needs of the world, besides what all functions need. An error fails the batch,
//! which is retried for as long as it takes.

use std::collections::HashMap;
use std::future::Future;

use platform::opt_outs::{Key, Put, Stored};

/// Table `opt_outs`, to write.
pub trait OptOuts {
    /// Reads these keys consistently; those that are not there are left out.
    fn read(&self, keys: &[Key]) -> impl Future<Output = anyhow::Result<HashMap<Key, Stored>>>;

    /// Writes each on the condition that its version is the one read, or that `writer` has made this
    /// very write before; tells which were made. An error leaves open which were.
    fn write(&self, puts: &[Put], writer: &str) -> impl Future<Output = anyhow::Result<Vec<bool>>>;
}
