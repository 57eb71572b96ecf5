//! What the gateway knows of one part key: its generations (design, section 5).
//!
//! A reference number is used again and again, so that one key sees many messages. Each is a
//! *generation*: open while parts are missing, closed when its deadline passed, finished when all
//! that was to be published of it is. Of a finished one only the ids stay, to know repeats by.

use domain::id::PartId;
use serde::{Deserialize, Serialize};

use crate::held::Held;

/// All generations of one part key.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Item {
    /// Parts are missing; in the order in which they were opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<Generation>,
    /// The deadline passed, and the customer may not have been told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<Generation>,
    /// Published or reported, oldest first. Encoded apart, as octets.
    #[serde(skip)]
    pub finished: Vec<Finished>,
}

/// A message some of whose parts are still missing. Named by its first part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// No part appended at or after this joins; broker's clock, Unix milliseconds.
    pub deadline_ms: u64,
    /// Partition of the parts topic that its parts are in.
    pub partition: i32,
    /// In the order of the log; each index once.
    pub parts: Vec<Held>,
}

/// The ids of a generation that ended: parts and aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Log time of its end, Unix milliseconds.
    pub at_ms: u64,
    /// What was published or reported.
    pub ids: Vec<PartId>,
}

impl Item {
    /// True if this part is in a generation already, under whatever role.
    #[must_use]
    pub fn knows(&self, id: PartId) -> bool {
        self.open.iter().chain(&self.closed).any(|generation| generation.knows(id))
            || self.finished.iter().rev().any(|finished| finished.ids.contains(&id))
    }

    /// The earliest deadline that something still has to be done for.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        self.open.iter().chain(&self.closed).map(|generation| generation.deadline_ms).min()
    }

    /// Log time of the latest end.
    #[must_use]
    pub fn finished_ms(&self) -> Option<u64> {
        self.finished.iter().map(|finished| finished.at_ms).max()
    }
}

impl Generation {
    /// True if the part is in it, as itself or as an alias.
    #[must_use]
    pub fn knows(&self, id: PartId) -> bool {
        self.ids().any(|known| known == id)
    }

    /// Its parts and their aliases.
    pub fn ids(&self) -> impl Iterator<Item = PartId> {
        self.parts
            .iter()
            .map(Held::part)
            .flat_map(|part| std::iter::once(part.id).chain(part.aliases.iter().copied()))
    }

    /// What is left of it when it ended at `at_ms`.
    #[must_use]
    pub fn finished(&self, at_ms: u64) -> Finished {
        Finished { at_ms, ids: self.ids().collect() }
    }

    /// True if no part is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.parts
            .first()
            .is_some_and(|held| self.parts.len() == usize::from(held.concatenation().total))
    }
}
