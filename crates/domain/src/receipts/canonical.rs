//! One spelling for a provider's message id, whichever way it came.
//!
//! Providers write the id of one message in two ways: `33E95179` in `submit_sm_resp`, `0870928761`
//! in the receipt. Where settings say that the ids are numbers, the canonical form is the number in
//! decimal digits without leading zeros; everything else stays text.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::{IdForm, IdSettings, Letters, Zeros};

/// A provider's message id as both sides of a message have it. Only comparable with ids of the same
/// provider. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CanonicalId(String);

impl CanonicalId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanonicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an id stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `submit_sm_resp` or `data_sm_resp`.
    Response,
    /// A receipt: TLV `receipted_message_id`, or `id:` in its text.
    Receipt,
}

/// The canonical form of `id`; none if there is nothing but blanks and NULs. Total: what is no
/// number of the form that settings name stays as it is, and so does a number of 2²⁵⁶ or more (ids
/// have 64 characters at most, SMPP 3.4, section 5.2.23).
#[must_use]
pub fn canonical_id(id: &str, side: Side, settings: &IdSettings) -> Option<CanonicalId> {
    let id = id.trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace());
    let form = match side {
        Side::Response => settings.response,
        Side::Receipt => settings.receipt,
    };
    let number = match form {
        IdForm::AsIs => None,
        IdForm::Decimal => Number::parse(id, 10),
        IdForm::Hexadecimal => {
            let digits = id.strip_prefix("0x").or_else(|| id.strip_prefix("0X"));
            Number::parse(digits.unwrap_or(id), 16)
        }
    };
    let canonical = number.map_or_else(|| text(id, settings), |number| number.decimal());
    (!canonical.is_empty()).then_some(CanonicalId(canonical))
}

fn text(id: &str, settings: &IdSettings) -> String {
    let mut id = id;
    if settings.leading_zeros == Zeros::Ignore && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        let significant = id.trim_start_matches('0');
        // All zeros: one stays.
        id = if significant.is_empty() { id.get(..1).unwrap_or(id) } else { significant };
    }
    match settings.case {
        Letters::Keep => id.to_owned(),
        Letters::Ignore => id.to_ascii_lowercase(),
    }
}

/// 256 bits in limbs of 32, the lowest first: more than 64 hexadecimal digits hold, without
/// allocation, and so without a cost that the other side could raise.
struct Number([u32; 8]);

/// As many decimal digits as surely fit into a limb's division.
const CHUNK: u64 = 1_000_000_000;
const CHUNK_DIGITS: usize = 9;

impl Number {
    /// `digits` in `radix`; none if something else is in it, there is nothing, or it is too large.
    fn parse(digits: &str, radix: u32) -> Option<Self> {
        let mut number = Self([0; 8]);
        for digit in digits.chars() {
            number.multiply_add(radix, digit.to_digit(radix)?)?;
        }
        (!digits.is_empty()).then_some(number)
    }

    fn multiply_add(&mut self, factor: u32, term: u32) -> Option<()> {
        let mut carry = u64::from(term);
        for limb in &mut self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = low_half(carry);
            carry >>= 32;
        }
        (carry == 0).then_some(())
    }

    /// Divides by [`CHUNK`]; what remains.
    fn divide(&mut self) -> u64 {
        self.0.iter_mut().rev().fold(0, |rest, limb| {
            let here = (rest << 32) | u64::from(*limb);
            *limb = low_half(here / CHUNK);
            here % CHUNK
        })
    }

    fn decimal(mut self) -> String {
        let mut chunks = Vec::with_capacity(9);
        while self.0 != [0; 8] {
            chunks.push(self.divide());
        }
        let mut chunks = chunks.into_iter().rev();
        let first = chunks.next().unwrap_or(0).to_string();
        chunks.fold(first, |text, chunk| format!("{text}{chunk:0CHUNK_DIGITS$}"))
    }
}

fn low_half(wide: u64) -> u32 {
    u32::try_from(wide & u64::from(u32::MAX)).unwrap_or(0)
}
