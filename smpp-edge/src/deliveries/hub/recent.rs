//! Deliveries that were answered in the last hour: a copy of one is not sent again.

use std::collections::{HashSet, VecDeque};

use domain::id::DeliveryId;

/// For so long (design, section 8).
const KEPT_MS: u64 = 3_600_000;
/// Remembered at most; beyond, the oldest is forgotten. 48 octets each.
const COUNT_MAX: usize = 1_000_000;

/// The ids, in the order they were answered.
#[derive(Clone, Default)]
pub(super) struct Recent {
    order: VecDeque<(u64, DeliveryId)>,
    ids: HashSet<DeliveryId>,
}

impl std::fmt::Debug for Recent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Recent").field(&self.order).finish()
    }
}

impl Recent {
    /// It was answered now.
    pub(super) fn note(&mut self, id: DeliveryId, now_ms: u64) {
        while let Some((noted_ms, oldest)) = self.order.front() {
            if noted_ms.saturating_add(KEPT_MS) > now_ms && self.order.len() < COUNT_MAX {
                break;
            }
            self.ids.remove(oldest);
            self.order.pop_front();
        }
        if self.ids.insert(id) {
            self.order.push_back((now_ms, id));
        }
    }

    /// Was it?
    #[must_use]
    pub(super) fn has(&self, id: DeliveryId) -> bool {
        self.ids.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::PartId;

    #[test]
    fn what_was_answered_is_known_for_an_hour() {
        let id = |n: u8| PartId::new(1, [n; 10]).delivery("delivered");
        let mut recent = Recent::default();
        recent.note(id(1), 0);
        recent.note(id(2), KEPT_MS - 1);
        assert!(recent.has(id(1)) && recent.has(id(2)) && !recent.has(id(3)));
        recent.note(id(3), KEPT_MS);
        assert!(!recent.has(id(1)) && recent.has(id(2)) && recent.has(id(3)));
    }
}
