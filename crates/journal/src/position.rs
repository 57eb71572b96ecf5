//! Positions (rule 8): writing them, and starting from one.

use wire::submit_journal::{At, Listed, ListedPart, PRIORITIES, Position};

use super::ledger::Ledger;
use super::part::{Entry, PartState};
use super::progress::Progress;
use super::publishing::Publishing;
use super::repeats::Repeats;
use super::rules::{Rule, Rules};

/// From where a reader of the journal must start with this position.
pub(super) fn start(position: &Position) -> u64 {
    needed(position).min(position.repeats_from)
}

/// Without which record nothing can be told (the set of repeats may reach back less far).
pub(super) fn needed(position: &Position) -> u64 {
    position.as_of.min(position.published_to)
}

impl<H> Ledger<H> {
    /// The position at a place up to which the journal is known without a gap.
    pub(super) fn position(&mut self, as_of: u64, publishing: &Publishing) -> Position {
        let published_to = match self.rules.hold(Rule::PublishedTo) {
            true => publishing.published_to(as_of).min(as_of),
            false => as_of,
        };
        let repeats_from = self.repeats.from().unwrap_or(as_of);
        let smallest = as_of.min(published_to).min(repeats_from);
        let ground = self.ground(smallest);
        self.forget_takeovers(smallest);
        let mut position = Position {
            as_of,
            published_to,
            repeats_from,
            ground,
            next: std::array::from_fn(|priority| self.progress[priority].next),
            drain: self.drain,
            ..Position::default()
        };
        if self.rules.hold(Rule::PositionLists) {
            position.beyond = std::array::from_fn(|priority| {
                self.progress[priority].beyond.iter().copied().collect()
            });
            position.messages = self.listed();
        }
        position
    }

    /// The state that a position tells.
    pub(super) fn restore(position: &Position, repeats: Repeats, rules: Rules) -> Self {
        let mut ledger = Self::new(repeats, rules);
        ledger.takeovers.extend(position.ground);
        ledger.drain = position.drain;
        for priority in 0..PRIORITIES {
            ledger.progress[priority] = Progress {
                next: position.next[priority],
                beyond: position.beyond[priority].iter().copied().collect(),
            };
        }
        for listed in &position.messages {
            ledger.repeats.read(listed.message, listed.attempt);
            let entry = restored(listed);
            ledger.messages[usize::from(listed.at.priority)].insert(listed.at.offset, entry);
        }
        ledger
    }

    /// Where the outgoing partitions must be read from.
    pub(super) fn read_from(&self) -> [u64; PRIORITIES] {
        std::array::from_fn(|priority| {
            let next = self.progress[priority].next;
            self.messages[priority].first_key_value().map_or(next, |(&first, _)| first.min(next))
        })
    }

    fn listed(&self) -> Vec<Listed> {
        let begun = |at: At| self.progress[usize::from(at.priority)].begun(at.offset);
        self.entries()
            .filter(|(at, _)| begun(*at))
            .map(|(at, entry)| Listed {
                at,
                message: entry.message,
                attempt: entry.attempt,
                parts: entry.parts.iter().map(|part| part.known.clone()).collect(),
            })
            .collect()
    }
}

fn restored<H>(listed: &Listed) -> Entry<H> {
    let mut entry = Entry::new(listed.message, listed.attempt);
    let part = |known: &ListedPart| PartState { known: known.clone(), busy: false };
    entry.parts = listed.parts.iter().map(part).collect();
    entry.settle();
    entry
}
