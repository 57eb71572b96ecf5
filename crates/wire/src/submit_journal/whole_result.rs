//! What `provider-events` must be told of an outcome, kept in the journal as the JSON that it is.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The event for `provider-events` as JSON, opaque to the journal. Its `Debug` shows no content.
#[derive(Clone)]
pub struct WholeResult {
    json: Arc<RawValue>,
    /// Not journalled: one that was read from the journal has none.
    key: Option<Arc<str>>,
}

impl WholeResult {
    /// # Errors
    /// If the event has no JSON form.
    pub fn of(event: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(event).map(Self::from)
    }

    /// With the key of its record, which its own process need not read from it again.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(Arc::from(key)), ..self }
    }

    /// The event as JSON text.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// The key of its record, if it was told.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl From<Box<RawValue>> for WholeResult {
    fn from(json: Box<RawValue>) -> Self {
        Self { json: Arc::from(json), key: None }
    }
}

impl fmt::Debug for WholeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WholeResult({} bytes)", self.json().len())
    }
}

impl PartialEq for WholeResult {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl Eq for WholeResult {}

impl Hash for WholeResult {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.json().hash(state);
    }
}

impl Serialize for WholeResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WholeResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}
