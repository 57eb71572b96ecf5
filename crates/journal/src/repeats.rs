//! The set of repeats: which (message, attempt) were read lately. All parts of a message stand in
//! one record, so that the part need not be in the fingerprint.

use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};

use uuid::Uuid;

/// Fingerprints of what was read; those that the journal knows leave again by age and number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repeats {
    max: usize,
    keep_ms: u64,
    /// Whether the journal knows it.
    seen: HashMap<u64, bool>,
    /// In the order of the journal.
    journalled: VecDeque<Journalled>,
    reaches_back_to_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Journalled {
    fingerprint: u64,
    offset: u64,
    time_ms: u64,
}

impl Repeats {
    pub(super) fn new(max: usize, keep_ms: u64) -> Self {
        let (seen, journalled) = (HashMap::new(), VecDeque::new());
        Self { max, keep_ms, seen, journalled, reaches_back_to_ms: u64::MAX }
    }

    /// A message was read. False: it is a repeat.
    pub(super) fn read(&mut self, message: Uuid, attempt: u16) -> bool {
        let mut new = false;
        self.seen.entry(fingerprint(message, attempt)).or_insert_with(|| {
            new = true;
            false
        });
        new
    }

    pub(super) fn has(&self, message: Uuid, attempt: u16) -> bool {
        self.seen.contains_key(&fingerprint(message, attempt))
    }

    /// A valid intent or end of it stands in the journal.
    pub(super) fn journal(&mut self, message: Uuid, attempt: u16, offset: u64, time_ms: u64) {
        let fingerprint = fingerprint(message, attempt);
        if self.seen.insert(fingerprint, true) == Some(true) {
            return;
        }
        self.journalled.push_back(Journalled { fingerprint, offset, time_ms });
        self.prune(time_ms);
    }

    /// A record of this time was read; the first one says how far back the set reaches.
    pub(super) fn covers(&mut self, time_ms: u64) {
        self.reaches_back_to_ms = self.reaches_back_to_ms.min(time_ms);
    }

    /// Since when every message that the journal speaks of is in the set.
    pub(super) fn reaches_back_to_ms(&self) -> u64 {
        self.reaches_back_to_ms
    }

    /// From where the journal must be read to rebuild the set.
    pub(super) fn from(&self) -> Option<u64> {
        self.journalled.front().map(|first| first.offset)
    }

    fn prune(&mut self, now_ms: u64) {
        while let Some(first) = self.journalled.front() {
            let young = first.time_ms.saturating_add(self.keep_ms) >= now_ms;
            if young && self.journalled.len() <= self.max {
                break;
            }
            self.reaches_back_to_ms = self.reaches_back_to_ms.max(first.time_ms);
            self.seen.remove(&first.fingerprint);
            self.journalled.pop_front();
        }
    }
}

/// What was only read follows from the messages at hand, so that the journalled ones suffice.
impl Hash for Repeats {
    fn hash<S: Hasher>(&self, state: &mut S) {
        self.journalled.hash(state);
    }
}

/// UUIDs carry 74 random bits; folding keeps them.
fn fingerprint(message: Uuid, attempt: u16) -> u64 {
    let (high, low) = message.as_u64_pair();
    let mixed = (high ^ low.rotate_left(23)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ low ^ (u64::from(attempt).wrapping_mul(0xD6E8_FEB8_6659_FD93))
}
