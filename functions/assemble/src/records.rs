//! A record of a parts topic: its content, or why it can never be processed.

use domain::octets::Octets;
use wire::V;
use wire::dead_letters::DeadLetter;

use crate::held::{Held, Source};
use crate::join::Arrived;
use crate::output::BY;

/// A record as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Where it was read.
    pub topic: String,
    /// Partition there.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
    /// When the broker appended it, Unix milliseconds.
    pub append_ms: u64,
    /// Its key.
    pub key: Octets,
    /// Its value.
    pub value: Octets,
}

impl Record {
    /// The part in it.
    ///
    /// # Errors
    /// It can never be processed; the reason, without its content.
    pub fn decode(&self) -> Result<Arrived, &'static str> {
        let source = Source::of_topic(&self.topic);
        let decoded = std::panic::catch_unwind(|| Held::decode(source, &self.value.0));
        let part = match decoded {
            Ok(Ok(part)) => part,
            Ok(Err(wire::Undecodable::Version { .. })) => return Err("unknown record version"),
            Ok(Err(wire::Undecodable::Malformed { .. })) => {
                return Err("not a record of this topic");
            }
            Err(_) => return Err("decoding it panics"),
        };
        let place = part.concatenation();
        if place.index == 0 || place.index > place.total {
            return Err("the part's index is not between 1 and the number of parts");
        }
        Ok(Arrived { partition: self.partition, append_ms: self.append_ms, part })
    }

    /// The record as a dead letter.
    #[must_use]
    pub fn dead_letter(&self, reason: &str, at_ms: u64) -> DeadLetter {
        DeadLetter {
            v: V,
            topic: self.topic.clone(),
            partition: self.partition,
            offset: self.offset,
            by: BY.to_owned(),
            reason: reason.to_owned(),
            key: self.key.clone(),
            value: self.value.clone(),
            at_ms,
        }
    }
}
