//! The event of a Kafka mapping, read without copies: a batch is up to 6 MB of base64, and some
//! functions are on the way of every message. <https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html>

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

/// A batch.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    /// By topic and partition, each in the order of its offsets.
    #[serde(borrow)]
    pub records: HashMap<Cow<'a, str>, Vec<Record<'a>>>,
}

/// A record of it.
#[derive(Deserialize)]
pub struct Record<'a> {
    /// Topic.
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// Partition.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
    /// Base64; none for a record without a key.
    #[serde(borrow, default)]
    pub key: Option<Cow<'a, str>>,
    /// Base64; none for a tombstone.
    #[serde(borrow, default)]
    pub value: Option<Cow<'a, str>>,
}

impl std::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({}/{}/{})", self.topic, self.partition, self.offset)
    }
}
