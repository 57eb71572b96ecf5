//! Which bind each slot is, by the configuration version in force.

use std::collections::HashMap;
use std::sync::Arc;

use domain::config::{Document, Provider};
use domain::message::Priority;
use wire::topics::provider_outgoing;

/// One slot's bind.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotPlan {
    /// The provider.
    pub provider: Arc<Provider>,
    /// Bind k: the partition of the provider's topics.
    pub bind: u32,
}

/// All slots of a version.
#[derive(Debug, Default)]
pub struct Plan {
    version: u64,
    slots: HashMap<u32, SlotPlan>,
}

impl Plan {
    /// Compiles the document of version `version`.
    #[must_use]
    pub fn compile(version: u64, document: &Document) -> Self {
        let mut slots = HashMap::new();
        for provider in &document.providers {
            let provider = Arc::new(provider.clone());
            for (bind, slot) in (0..).zip(&provider.slots) {
                slots.insert(*slot, SlotPlan { provider: provider.clone(), bind });
            }
        }
        Self { version, slots }
    }

    /// The configuration version that it was made from.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Topics of all providers, sorted.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        let of = |plan: &SlotPlan| {
            Priority::ALL.map(|priority| provider_outgoing(&plan.provider.id, priority))
        };
        let mut topics: Vec<String> = self.slots.values().flat_map(of).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// What slot `slot` is; none: no provider uses it.
    #[must_use]
    pub fn slot(&self, slot: u32) -> Option<&SlotPlan> {
        self.slots.get(&slot)
    }
}
