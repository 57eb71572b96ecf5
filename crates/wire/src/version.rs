//! Encoding and decoding of every record: JSON, with the version checked first.

use serde::Serialize;
use serde::{Deserialize, Deserializer, Serializer};

/// Why a record cannot be processed, ever. Says nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Not JSON, or a field is missing or of the wrong kind.
    #[error("not a record of this topic (line {line}, column {column})")]
    Malformed {
        /// Line of the record.
        line: usize,
        /// Column in that line.
        column: usize,
    },
    /// Written by a newer program.
    #[error("record version is not {expected}")]
    Version {
        /// The version that this program reads.
        expected: u8,
    },
}

/// The version of a record; serialises as the number `N` and refuses any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct V<const N: u8>;

impl<const N: u8> Serialize for V<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(N)
    }
}

impl<'de, const N: u8> Deserialize<'de> for V<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            found if found == N => Ok(Self),
            _ => Err(serde::de::Error::custom(UNKNOWN_VERSION)),
        }
    }
}

const UNKNOWN_VERSION: &str = "unknown record version";

/// Reads a record.
///
/// # Errors
/// [`Undecodable`]: the record can never be processed.
pub fn decode<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<T, Undecodable> {
    serde_json::from_slice(value).map_err(|error| {
        if error.is_data() && error.to_string().starts_with(UNKNOWN_VERSION) {
            Undecodable::Version { expected: 1 }
        } else {
            Undecodable::Malformed { line: error.line(), column: error.column() }
        }
    })
}

/// Writes a record.
#[must_use]
pub fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    let mut value = Vec::with_capacity(512);
    // Records are plain structs with string keys: writing them to memory cannot fail.
    let written = serde_json::to_writer(&mut value, record);
    debug_assert!(written.is_ok());
    value
}
