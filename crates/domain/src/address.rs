//! A sender's or handset's address with its type of number and numbering plan.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An address as SMPP carries it (SMPP 3.4, sections 5.2.5 to 5.2.8). `Debug` hides the number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Address {
    /// Type of number: 0 unknown, 1 international, 2 national, 5 alphanumeric, ….
    #[serde(default)]
    pub ton: u8,
    /// Numbering plan indicator: 0 unknown, 1 E.164, ….
    #[serde(default)]
    pub npi: u8,
    /// Digits or an alphanumeric sender.
    #[serde(rename = "addr")]
    pub number: String,
}

impl Address {
    /// The number without a leading `+` or international `00`, as routes and prefixes compare it.
    #[must_use]
    pub fn digits(&self) -> &str {
        let number = self.number.strip_prefix('+').unwrap_or(&self.number);
        match (self.ton, number.strip_prefix("00")) {
            (0 | 1, Some(rest)) => rest,
            _ => number,
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}/{}, {} characters)", self.ton, self.npi, self.number.len())
    }
}
