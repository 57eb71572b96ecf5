//! Which offsets of an outgoing partition were begun: intended, ended, or dropped as repeats.

use std::collections::BTreeSet;

/// Everything before `next`, and what is in `beyond`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Progress {
    pub(super) next: u64,
    pub(super) beyond: BTreeSet<u64>,
}

impl Progress {
    pub(super) fn begin(&mut self, offset: u64) {
        if offset > self.next {
            self.beyond.insert(offset);
        }
        if offset != self.next {
            return;
        }
        self.next += 1;
        while self.beyond.first() == Some(&self.next) {
            self.beyond.pop_first();
            self.next += 1;
        }
    }

    pub(super) fn begun(&self, offset: u64) -> bool {
        offset < self.next || self.beyond.contains(&offset)
    }
}
