//! Who has ever had a slot: a slot is one bind's for ever, because its journal and its partition
//! tell of that bind's messages (design, section 6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Document;
use crate::id::ProviderId;

/// The bind that a slot belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotOwner {
    /// The provider.
    pub provider: ProviderId,
    /// Its bind: place in the provider's `slots`.
    pub bind: usize,
}

/// Owners of all slots that any version has named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotLedger(pub BTreeMap<u32, SlotOwner>);

impl SlotLedger {
    /// The ledger after `document` came into force; what it says first, stays.
    #[must_use]
    pub fn with(mut self, document: &Document) -> Self {
        for provider in &document.providers {
            for (bind, slot) in provider.slots.iter().enumerate() {
                let owner = SlotOwner { provider: provider.id.clone(), bind };
                self.0.entry(*slot).or_insert(owner);
            }
        }
        self
    }

    /// Slots of `document` that no earlier version has named, ascending.
    #[must_use]
    pub fn new_slots(&self, document: &Document) -> Vec<u32> {
        let slots = document.providers.iter().flat_map(|provider| &provider.slots);
        let mut new: Vec<u32> = slots.copied().filter(|slot| !self.0.contains_key(slot)).collect();
        new.sort_unstable();
        new.dedup();
        new
    }
}
