//! `dead-letters`: records that can never be processed, with the reason. Redrivable.

use domain::octets::Octets;
use serde::{Deserialize, Serialize};

use crate::version::V;

/// A record that a program gave up on. Key: source topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Version.
    pub v: V<1>,
    /// Where it was read.
    pub topic: String,
    /// Partition there.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
    /// Program that gave up.
    pub by: String,
    /// Why, in words without the record's content.
    pub reason: String,
    /// The record's key.
    #[serde(default)]
    pub key: Octets,
    /// The record itself.
    pub value: Octets,
    /// Unix milliseconds.
    pub at_ms: u64,
}
