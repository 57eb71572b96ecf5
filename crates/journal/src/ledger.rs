//! What the journal tells of the slot's messages: a fold over its records in the order of offsets.

use std::collections::{BTreeMap, VecDeque};

use wire::submit_journal::{
    At, Body, Drain, Ending, Fate, Intended, Outcomes, PRIORITIES, Part, PartAt, Resolution,
    Unknown, Unsent, UnsentWhy, Writer,
};

use super::event::{Message, Publication};
use super::part::{Entry, Loaded};
use super::progress::Progress;
use super::repeats::Repeats;
use super::rules::{Rule, Rules};

/// The state of a slot's messages at a place of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ledger<H> {
    pub(super) messages: [BTreeMap<u64, Entry<H>>; PRIORITIES],
    pub(super) progress: [Progress; PRIORITIES],
    pub(super) drain: Drain,
    pub(super) repeats: Repeats,
    /// Takeovers, seen or named by another record, in order; of old ones only the last.
    pub(super) takeovers: VecDeque<u64>,
    pub(super) rules: Rules,
}

/// Where a record stands and what of it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) time_ms: u64,
    pub(super) writer: Option<Writer>,
    /// From `as_of` on: what it says changes the state.
    pub(super) applies: bool,
    /// From `published_to` on: what it says is published.
    pub(super) publishes: bool,
}

/// What follows from a record.
#[derive(Clone, Debug)]
pub(super) struct Effects<H> {
    pub(super) publications: Vec<Publication<H>>,
    /// Parts that changed: they may be sendable, their message may have ended.
    pub(super) touched: Vec<PartAt>,
}

impl<H> Default for Effects<H> {
    fn default() -> Self {
        Self { publications: Vec::new(), touched: Vec::new() }
    }
}

/// What was made of a message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Never seen before.
    New,
    /// The journal spoke of it.
    Resumed,
    /// Ended long ago, or read already.
    Past,
    Repeat,
}

impl<H> Ledger<H> {
    /// Knows nothing.
    pub(super) fn new(repeats: Repeats, rules: Rules) -> Self {
        Self {
            messages: Default::default(),
            progress: Default::default(),
            drain: Drain::default(),
            repeats,
            takeovers: VecDeque::new(),
            rules,
        }
    }

    pub(super) fn get(&self, at: At) -> Option<&Entry<H>> {
        self.messages[usize::from(at.priority)].get(&at.offset)
    }

    pub(super) fn get_mut(&mut self, at: At) -> Option<&mut Entry<H>> {
        self.messages[usize::from(at.priority)].get_mut(&at.offset)
    }

    /// Forgets a message once its summary is confirmed. Whether it did.
    pub(super) fn forget(&mut self, at: At) -> bool {
        let forgettable = self.get(at).is_some_and(Entry::forgettable);
        if forgettable {
            self.messages[usize::from(at.priority)].remove(&at.offset);
        }
        forgettable
    }

    /// A message was read from its outgoing partition.
    pub(super) fn read(&mut self, message: Message<H>) -> Read {
        let Message { at, id, attempt, parts, attempt_began_ms, expires_at_ms, was_read, handle } =
            message;
        let progress = &mut self.progress[usize::from(at.priority)];
        let messages = &mut self.messages[usize::from(at.priority)];
        let loaded = Loaded { handle, expires_at_ms };
        if let Some(entry) = messages.get_mut(&at.offset) {
            if entry.loaded.is_some() {
                return Read::Past;
            }
            entry.load(parts, loaded);
            return Read::Resumed;
        }
        if progress.begun(at.offset) {
            return Read::Past;
        }
        // What is at hand for longer than the set reaches back is in it no more.
        let is_late = attempt_began_ms < self.repeats.reaches_back_to_ms();
        let at_hand = || messages.values().any(|it| it.message == id && it.attempt == attempt);
        if was_read || (is_late && at_hand()) || !self.repeats.read(id, attempt) {
            progress.begin(at.offset);
            return Read::Repeat;
        }
        let mut entry = Entry::new(id, attempt);
        entry.load(parts, loaded);
        messages.insert(at.offset, entry);
        Read::New
    }

    /// Since when the set of repeats knows everything, if it cannot tell whether a copy of this
    /// message was read before.
    pub(super) fn late(&self, message: &Message<H>) -> Option<u64> {
        let Message { at, id, attempt, attempt_began_ms, .. } = *message;
        let (priority, reach_ms) = (usize::from(at.priority), self.repeats.reaches_back_to_ms());
        let is_late = attempt_began_ms < reach_ms
            && !self.messages[priority].contains_key(&at.offset)
            && !self.progress[priority].begun(at.offset)
            && !self.repeats.has(id, attempt);
        is_late.then_some(reach_ms)
    }

    /// Applies the record that stands next in the journal.
    pub(super) fn apply(&mut self, place: &Place, body: &Body, effects: &mut Effects<H>) {
        if let Some(takeover) = place.writer.and_then(|writer| writer.takeover) {
            self.takeover(takeover);
        }
        let valid = self.valid(place);
        match body {
            Body::Takeover => self.takeover(place.offset),
            Body::Intent(parts) => self.intent(place, parts, valid, effects),
            Body::Outcomes(outcomes) => {
                outcomes.iter().for_each(|outcomes| self.outcomes(place, outcomes, effects));
            }
            Body::Unsent(unsent) if valid || !self.rules.hold(Rule::UnsentChecked) => {
                self.unsent(place, unsent, effects);
            }
            Body::Unknown(unknown) if valid => self.unknown(place, unknown, effects),
            Body::Resolution(resolution) if place.applies => self.resolve(resolution, effects),
            Body::Drain(drain) if place.applies => self.drain_before(drain),
            Body::Position(_)
            | Body::Unsent(_)
            | Body::Unknown(_)
            | Body::Resolution(_)
            | Body::Drain(_) => {}
        }
    }

    fn drain_before(&mut self, drain: &Drain) {
        for (mine, before) in self.drain.before.iter_mut().zip(drain.before) {
            *mine = before.max(*mine);
        }
    }

    /// A takeover was seen or named.
    pub(super) fn takeover(&mut self, offset: u64) {
        if self.takeovers.back().is_none_or(|&last| last < offset)
            && self.rules.hold(Rule::Takeover)
        {
            self.takeovers.push_back(offset);
        }
    }

    /// The newest takeover before an offset.
    pub(super) fn ground(&self, before: u64) -> Option<u64> {
        self.takeovers.iter().rev().copied().find(|&takeover| takeover < before)
    }

    /// Takeovers older than the newest before this offset decide nothing any more.
    pub(super) fn forget_takeovers(&mut self, before: u64) {
        while self.takeovers.get(1).is_some_and(|&second| second < before) {
            self.takeovers.pop_front();
        }
    }

    /// Rule 1: no takeover lies between the owner's and the record. (Records are met in order, so
    /// that the newest takeover known lies before the record.)
    fn valid(&self, place: &Place) -> bool {
        let owner = place.writer.and_then(|writer| writer.takeover);
        self.takeovers.back().is_none_or(|&last| owner.is_some_and(|takeover| takeover >= last))
    }

    fn intent(&mut self, place: &Place, parts: &[Part], valid: bool, effects: &mut Effects<H>) {
        let Some(owner) = place.writer.map(|writer| writer.owner) else { return };
        let intent = Intended { offset: place.offset, owner };
        for part in parts {
            if valid || !self.rules.hold(Rule::VoidIntents) {
                self.repeats.journal(part.message, part.attempt, place.offset, place.time_ms);
            }
            if valid && place.applies {
                if let Some(entry) = self.begun(part) {
                    entry.intend(part.at.part, intent);
                }
                effects.touched.push(part.at);
            }
        }
    }

    fn outcomes(&mut self, place: &Place, outcomes: &Outcomes, effects: &mut Effects<H>) {
        let by_intent = self.rules.hold(Rule::OutcomesByIntent);
        for outcome in &outcomes.parts {
            let Some(fate) = self.believed(outcome.fate) else { continue };
            if place.applies {
                if let Some(entry) = self.get_mut(outcome.at.at) {
                    entry.outcome(outcome.at.part, outcomes.intent, fate, by_intent);
                }
                effects.touched.push(outcome.at);
            }
            if place.publishes && matches!(fate, Fate::Accepted | Fate::Rejected) {
                let result = outcome.result.clone();
                effects.publications.push(Publication::Result { part: outcome.at, result });
            }
        }
    }

    /// The mutant takes `returned` for final.
    fn believed(&self, fate: Fate) -> Option<Fate> {
        let final_too = fate == Fate::Returned && !self.rules.hold(Rule::ReturnedIsOpen);
        Some(if final_too { Fate::Rejected } else { fate })
    }

    fn unsent(&mut self, place: &Place, unsent: &Unsent, effects: &mut Effects<H>) {
        let checked = self.rules.hold(Rule::UnsentChecked);
        let how = match unsent.why {
            UnsentWhy::Expired => Ending::Expired,
            UnsentWhy::Drained => Ending::Drained,
        };
        for part in &unsent.parts {
            self.repeats.journal(part.message, part.attempt, place.offset, place.time_ms);
            if place.applies {
                if let Some(entry) = self.begun(part) {
                    entry.unsent(part.at.part, how, checked);
                }
                effects.touched.push(part.at);
            }
        }
    }

    fn unknown(&mut self, place: &Place, unknown: &Unknown, effects: &mut Effects<H>) {
        for doubt in &unknown.parts {
            let Part { at, message, attempt } = doubt.part;
            if place.applies {
                if let Some(entry) = self.get_mut(at.at) {
                    entry.doubt(at.part, doubt.intent, unknown.hold);
                }
                effects.touched.push(at);
            }
            if place.publishes {
                let (intent, held) = (doubt.intent, unknown.hold);
                let doubt = Publication::Doubt { part: at, message, attempt, intent, held };
                effects.publications.push(doubt);
            }
        }
    }

    fn resolve(&mut self, resolution: &Resolution, effects: &mut Effects<H>) {
        let doubted: Vec<PartAt> = match resolution.part {
            Some(part) => vec![part],
            None => self.doubted(resolution.intent),
        };
        for part in doubted {
            if let Some(entry) = self.get_mut(part.at) {
                entry.resolve(part.part, resolution.intent, resolution.word);
            }
            effects.touched.push(part);
        }
    }

    /// All parts with this unknown intent: only for an operator's word, so the walk does not matter.
    fn doubted(&self, intent: u64) -> Vec<PartAt> {
        let named = |(part, entry): &(PartAt, &Entry<H>)| {
            let unknown = &entry.parts[usize::from(part.part)].known.unknown;
            unknown.iter().any(|doubt| doubt.intent.offset == intent)
        };
        self.parts().filter(named).map(|(part, _)| part).collect()
    }

    /// Every part at hand.
    pub(super) fn parts(&self) -> impl Iterator<Item = (PartAt, &Entry<H>)> {
        self.entries().flat_map(|(at, entry)| {
            let parts = u16::try_from(entry.parts.len()).unwrap_or(u16::MAX);
            (0..parts).map(move |part| (PartAt { at, part }, entry))
        })
    }

    /// Every message at hand.
    pub(super) fn entries(&self) -> impl Iterator<Item = (At, &Entry<H>)> {
        (0_u8..).zip(&self.messages).flat_map(|(priority, messages)| {
            messages.iter().map(move |(&offset, entry)| (At { priority, offset }, entry))
        })
    }

    /// The message of a part that an intent or end begins; none if it ended long ago.
    fn begun(&mut self, part: &Part) -> Option<&mut Entry<H>> {
        let At { priority, offset } = part.at.at;
        let progress = &mut self.progress[usize::from(priority)];
        let messages = &mut self.messages[usize::from(priority)];
        if progress.begun(offset) {
            return messages.get_mut(&offset);
        }
        progress.begin(offset);
        Some(messages.entry(offset).or_insert_with(|| Entry::new(part.message, part.attempt)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NORMAL: u8 = 1;

    fn message(offset: u64, id: u128, attempt_began_ms: u64) -> Message<()> {
        Message {
            at: At { priority: NORMAL, offset },
            id: Uuid::from_u128(id),
            attempt: 0,
            parts: 1,
            attempt_began_ms,
            was_read: false,
            expires_at_ms: u64::MAX,
            handle: (),
        }
    }

    /// Messages 1 and 2 were read and journalled at 10 and at 5,000 ms, and a second is kept.
    fn ledger() -> Ledger<()> {
        let mut ledger = Ledger::new(Repeats::new(10, 1_000), Rules::default());
        ledger.repeats.covers(5);
        for (offset, id, time_ms) in [(0, 1, 10), (1, 2, 5_000)] {
            assert_eq!(ledger.read(message(offset, id, time_ms - 1)), Read::New);
            ledger.repeats.journal(Uuid::from_u128(id), 0, offset, time_ms);
        }
        ledger
    }

    #[test]
    fn late_is_what_began_before_the_set_knows_everything() {
        let ledger = ledger();
        assert_eq!(ledger.late(&message(2, 1, 9)), Some(10), "a copy of what is forgotten");
        assert_eq!(ledger.late(&message(2, 3, 9)), Some(10), "nobody can tell");
        assert_eq!(ledger.late(&message(2, 3, 10)), None, "nothing can have been read before");
        assert_eq!(ledger.late(&message(2, 2, 9)), None, "a copy of what is known");
        assert_eq!(ledger.late(&message(1, 2, 9)), None, "at hand");
    }

    #[test]
    fn what_was_looked_up_and_read_before_is_a_repeat_and_passed_over() {
        let mut ledger = ledger();
        let repeat = || Message { was_read: true, ..message(2, 1, 9) };
        assert_eq!(ledger.read(repeat()), Read::Repeat);
        assert_eq!(ledger.read(repeat()), Read::Past);
        assert_eq!(ledger.read(message(3, 3, 9)), Read::New, "late only");
        assert_eq!(ledger.read(message(4, 1, 9)), Read::Repeat, "forgotten, and still at hand");
    }
}
