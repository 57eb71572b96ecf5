//! How items of table `messages` are named and found.

use std::fmt;

use domain::address::Address;
use domain::id::{CustomerId, MessageId};
use sha2::{Digest as _, Sha256};

/// Attributes of an item.
pub use crate::attributes::Attributes;

/// Hash key: whose events.
pub const MESSAGE: &str = "message";
/// Range key: which of its items.
pub const ITEM: &str = "item";
/// The events, JSON.
pub const EVENTS: &str = "events";
/// Hash key of [`CUSTOMER_INDEX`].
pub const CUSTOMER_DAY: &str = "customer_day";
/// Hash key of [`HANDSET_INDEX`].
pub const HANDSET_DAY: &str = "handset_day";
/// Range key of both indexes.
pub const AT: &str = "at";
/// A customer's messages of a day.
pub const CUSTOMER_INDEX: &str = "customer";
/// A handset's messages of a day, to it and from it.
pub const HANDSET_INDEX: &str = "handset";

/// A customer's day is spread over so many keys: one alone takes 1,000 writes a second.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-sharding.html>
pub const SHARDS: u64 = 16;

/// The item that leads from a part's id to its message.
const POINTER: &str = "of ";

/// The range key of the pointer to `message`.
#[must_use]
pub fn pointer_to(message: MessageId) -> String {
    format!("{POINTER}{message}")
}

/// The message that a pointer leads to; none: the item holds events.
pub(super) fn pointed_to(item: &str) -> Option<MessageId> {
    item.strip_prefix(POINTER)?.parse().ok()
}

/// The day of a time (Unix milliseconds) in UTC, `2026-11-21`.
#[must_use]
pub fn day(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX);
    let time = time::OffsetDateTime::from_unix_timestamp(seconds);
    let date = time.unwrap_or(time::OffsetDateTime::UNIX_EPOCH).date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// Where a message stands in its indexes: by time, then by id.
#[must_use]
pub fn at(at_ms: u64, message: MessageId) -> String {
    format!("{at_ms:013}#{message}")
}

/// What [`at`] was made from.
pub(super) fn read_at(at: &str) -> Option<(u64, MessageId)> {
    let (at_ms, message) = at.split_once('#')?;
    Some((at_ms.parse().ok()?, message.parse().ok()?))
}

/// Key of a shard of a customer's day.
#[must_use]
pub fn customer_day(customer: &CustomerId, day: &str, shard: u64) -> String {
    format!("{customer}#{day}#{:02}", shard % SHARDS)
}

/// Key of a handset's day.
#[must_use]
pub fn handset_day(hash: &str, day: &str) -> String {
    format!("{hash}#{day}")
}

/// Hashes numbers with the stage's own pepper: who has the table's keys alone has no number.
#[derive(Clone)]
pub struct NumberHash(Sha256);

impl NumberHash {
    /// Of a stage.
    #[must_use]
    pub fn new(pepper: &str) -> Self {
        Self(Sha256::new().chain_update(pepper).chain_update([0]))
    }

    /// 128 bits, hexadecimal; the same for all spellings of an international number.
    #[must_use]
    pub fn of(&self, address: &Address) -> String {
        let hash = self.0.clone().chain_update(address.digits()).finalize();
        hash.iter().take(16).map(|octet| format!("{octet:02x}")).collect()
    }
}

impl fmt::Debug for NumberHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumberHash(hidden)")
    }
}

impl std::str::FromStr for NumberHash {
    type Err = &'static str;

    fn from_str(pepper: &str) -> Result<Self, Self::Err> {
        match pepper.len() {
            0..16 => Err("it has fewer than 16 characters"),
            _ => Ok(Self::new(pepper)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar_in_utc() {
        let table = [
            (0, "1970-01-01"),
            (1_795_219_199_999, "2026-11-20"),
            (1_795_219_200_000, "2026-11-21"),
            (1_709_164_800_000, "2024-02-29"),
        ];
        for (unix_ms, expected) in table {
            assert_eq!(day(unix_ms), expected);
        }
        assert!(!day(u64::MAX).is_empty());
    }

    #[test]
    fn places_in_an_index_sort_by_time_and_are_read_back() {
        let id = MessageId::new(1, [7; 10]);
        assert!(at(999, id) < at(1_000, id) && at(1_760_000_000_000, id) > at(5, id));
        assert_eq!(read_at(&at(1_760_000_000_000, id)), Some((1_760_000_000_000, id)));
        assert_eq!(read_at("1760000000000"), None);
        assert_eq!(pointed_to(&pointer_to(id)), Some(id));
        assert_eq!(pointed_to("0f"), None);
    }

    #[test]
    fn a_number_is_hashed_alike_however_it_is_spelt_and_otherwise_in_each_stage() {
        let address = |ton, number: &str| Address { ton, npi: 1, number: number.to_owned() };
        let hash = NumberHash::new("the pepper of a stage");
        let of = |ton, number| hash.of(&address(ton, number));
        assert_eq!(of(1, "447700900123"), of(0, "+447700900123"));
        assert_eq!(of(1, "447700900123"), of(1, "00447700900123"));
        assert_ne!(of(1, "447700900123"), of(1, "447700900124"));
        let other = NumberHash::new("the pepper of another").of(&address(1, "447700900123"));
        assert_ne!(of(1, "447700900123"), other);
        assert_eq!(other.len(), 32);
        assert!("short".parse::<NumberHash>().is_err());
    }
}
