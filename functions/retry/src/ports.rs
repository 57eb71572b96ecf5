//! What the handler needs of the world besides Kafka's topics and the configuration's versions. An
//! error lets the message come again.

use std::collections::HashMap;
use std::future::Future;

use serde::{Deserialize, Serialize};
use wire::V;
use wire::provider_outgoing::Origin;
use wire::retries::Retry;

/// Records by where they stand; none: Kafka keeps it no more. One that is not there could not be read
/// in time.
pub type Found = HashMap<Origin, Option<Vec<u8>>>;

/// Topic `customer-incoming-messages`, to read back.
pub trait Bodies {
    /// The values of the records at `origins`.
    fn read(&self, origins: Vec<Origin>) -> impl Future<Output = anyhow::Result<Found>>;
}

/// By what an attempt's successor is decided, the same for each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// Version.
    pub v: V<1>,
    /// The configuration version.
    pub config: u64,
    /// When the attempt ended and the next begins, Unix milliseconds.
    pub at_ms: u64,
}

/// Where that is kept.
pub trait Grounds {
    /// Keeps `proposed` for what follows the attempt that `retry` names, unless something was kept
    /// before; what is kept then.
    fn settle(
        &self,
        retry: &Retry,
        proposed: Ground,
    ) -> impl Future<Output = anyhow::Result<Ground>>;
}
