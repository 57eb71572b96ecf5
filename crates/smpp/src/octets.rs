//! Octets of a customer: text, numbers, credentials. They are never shown.

use std::{borrow::Cow, fmt, ops::Deref};

use bytes::Bytes;

/// Octets as they stood in a PDU, sharing the read buffer's memory: what is kept for long is copied
/// (`copy_from`), else a few octets hold a whole buffer. `Debug` shows their number only.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Octets(Bytes);

impl Octets {
    pub const fn new() -> Self {
        Self(Bytes::new())
    }

    pub const fn from_static(octets: &'static [u8]) -> Self {
        Self(Bytes::from_static(octets))
    }

    pub fn copy_from(octets: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(octets))
    }

    /// The octets as text; what is not UTF-8 becomes U+FFFD.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{} octets]", self.0.len())
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Octets {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets.into())
    }
}

impl From<String> for Octets {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Octets {
    fn from(text: &str) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_length_and_nothing_else() {
        assert_eq!(format!("{:?}", Octets::from("491701234567")), "[12 octets]");
    }
}
