//! Ids: given once when a part is accepted, everything else derived from them (design, section 4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// An id that is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of ours: a UUID is expected")]
pub struct InvalidId;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id (UUIDv7, RFC 9562 section 5.7) from the time of acceptance in Unix
            /// milliseconds and 80 random bits.
            #[must_use]
            pub fn new(unix_ms: u64, random: [u8; 10]) -> Self {
                Self(Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid())
            }

            /// The id's 128 bits.
            #[must_use]
            pub fn as_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// An id that follows from this one and `name`, the same at every run (UUIDv5).
            #[must_use]
            pub fn derive(self, name: &str) -> Self {
                Self(Uuid::new_v5(&self.0, name.as_bytes()))
            }

            /// The time that the id was made from, Unix milliseconds; 0 for a derived id.
            #[must_use]
            pub fn unix_ms(self) -> u64 {
                match self.0.get_version_num() {
                    7 => u64::try_from(self.0.as_u128() >> 80).unwrap_or(0),
                    _ => 0,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }
    };
}

uuid_id! {
    /// A whole message; equal to the id of its part with index 1.
    MessageId
}
uuid_id! {
    /// One part (segment) as a customer handed it over, or as we cut it.
    PartId
}
uuid_id! {
    /// Something for a customer: a receipt or a handset's message.
    DeliveryId
}
uuid_id! {
    /// One thing that happened to a message.
    EventId
}

impl From<PartId> for MessageId {
    fn from(part: PartId) -> Self {
        Self(part.0)
    }
}

impl From<MessageId> for PartId {
    fn from(message: MessageId) -> Self {
        Self(message.0)
    }
}

impl MessageId {
    /// The id's bits mixed (`SplitMix64`'s finaliser): a number that is the same for each run and
    /// well spread in all its bits, for choices among few.
    #[must_use]
    pub fn spread(self) -> u64 {
        let bits = self.as_u128();
        let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)];
        let mut hash = u64::try_from(high ^ low).unwrap_or(0);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    }

    /// The id of what `program` says happened in `attempt`; the same at every run.
    #[must_use]
    pub fn event(self, name: &str, attempt: u32) -> EventId {
        EventId(Uuid::new_v5(&self.0, format!("event {name} {attempt}").as_bytes()))
    }
}

impl PartId {
    /// The id of the delivery that tells the customer about this part in state `state`.
    #[must_use]
    pub fn delivery(self, state: &str) -> DeliveryId {
        DeliveryId(Uuid::new_v5(&self.0, format!("delivery {state}").as_bytes()))
    }
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

name_id! {
    /// A customer (tenant), as the configuration names it.
    CustomerId
}
name_id! {
    /// A provider, as the configuration names it; part of its topics' names.
    ProviderId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_time_and_survives_text() {
        let id = MessageId::new(1_760_000_000_123, [7; 10]);
        assert_eq!(id.unix_ms(), 1_760_000_000_123);
        assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
    }

    #[test]
    fn derived_ids_repeat_and_differ_by_name() {
        let id = MessageId::new(1, [1; 10]);
        assert_eq!(id.derive("a"), id.derive("a"));
        assert_ne!(id.derive("a"), id.derive("b"));
        assert_eq!(id.derive("a").unix_ms(), 0);
    }
}
