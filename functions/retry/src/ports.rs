//! What the handler needs of the world besides Kafka's topics and the configuration's versions. An
//! error lets the message come again.

use std::future::Future;

use serde::{Deserialize, Serialize};
use wire::V;
use wire::provider_outgoing::Origin;
use wire::retries::Retry;

/// Topic `customer-incoming-messages`, to read back.
pub trait Bodies {
    /// The value of the record at `origin`; none: Kafka keeps it no more.
    fn read(&self, origin: Origin) -> impl Future<Output = anyhow::Result<Option<Vec<u8>>>>;
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
