//! What the handler needs of the world, besides what all functions need. An error fails the batch,
//! which is retried for as long as it takes.

use std::collections::HashMap;
use std::future::Future;

use platform::opt_outs::{Key, Stored};
use scheduling::park::{Parked, Parking};

/// Table `opt_outs`, to read.
pub trait OptOuts {
    /// Reads these keys (each once) consistently; those that are not there are left out.
    fn read(&self, keys: &[Key]) -> impl Future<Output = anyhow::Result<HashMap<Key, Stored>>>;
}

/// Table `scheduled` and queue `releases`.
pub trait Schedule {
    /// Parks all of them; what came of each, in their order.
    fn park(&self, parkings: &mut [Parking]) -> impl Future<Output = anyhow::Result<Vec<Parked>>>;
}
