//! What a record leads to.

use std::fmt;
use std::sync::Arc;

/// A record to be published.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition; none: by key.
    pub partition: Option<i32>,
    /// Key.
    pub key: String,
    /// Value.
    pub value: Vec<u8>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({}, {:?}, {} octets)", self.topic, self.partition, self.value.len())
    }
}
