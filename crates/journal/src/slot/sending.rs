//! What an owner does with parts: intends, sends, and journals what became of them.

use std::collections::HashSet;
use std::sync::Arc;

use wire::submit_journal::{At, Body, Doubt, Fate, Outcome, Outcomes, Part, PartAt, WholeResult};

use super::{Phase, Releasing, Slot};
use crate::event::{Action, Message, Publication};
use crate::ledger::Read;
use crate::part::Summary;
use crate::rules::Rule;

impl<H: Clone> Slot<H> {
    /// Every open intent is an earlier owner's: nobody can know its fate, unless its answer is here.
    pub(super) fn doubt_foreign(&mut self) {
        let answered: HashSet<(PartAt, u64)> = self
            .answers
            .iter()
            .flat_map(|outcomes| outcomes.parts.iter().map(|o| (o.at, outcomes.intent)))
            .collect();
        let open: Vec<Doubt> = self
            .ledger
            .parts()
            .filter_map(|(at, entry)| {
                let open = entry.parts[usize::from(at.part)].known.open?;
                let part = entry.named(at);
                Some(Doubt { intent: open.offset, part })
            })
            .filter(|doubt| !answered.contains(&(doubt.part.at, doubt.intent)))
            .collect();
        for doubt in open {
            let at = doubt.part.at;
            let Some(entry) = self.ledger.get_mut(at.at) else { continue };
            let part = entry.part_mut(at.part);
            if self.settings.rules.hold(Rule::UnknownBeforeResend) {
                part.busy = true;
                self.doubts.push(doubt);
            } else {
                part.known.open = None;
            }
        }
    }

    pub(super) fn message(&mut self, message: Message<H>) {
        let Phase::Active { releasing: Releasing::No } = self.phase else { return };
        let (at, parts) = (message.at, message.parts);
        match self.ledger.read(message) {
            Read::Past => return,
            Read::Repeat => {
                self.counters.repeats += 1;
                return;
            }
            Read::New => self.queue.push(at, parts),
            Read::Resumed => (0..parts).for_each(|part| self.queue_again(PartAt { at, part })),
        }
        self.load.messages[usize::from(at.priority)] += 1;
        self.summarise(at);
        if at.offset < self.ledger.drain.before[usize::from(at.priority)] {
            (0..parts).for_each(|part| self.drain(PartAt { at, part }));
        }
    }

    /// So that positions do not list everything that comes after it.
    pub(super) fn passed(&mut self, at: At) {
        if let Phase::Active { .. } = self.phase {
            self.ledger.progress[usize::from(at.priority)].begin(at.offset);
        }
    }

    /// A record was about this part: it may be sendable again, its message may have ended.
    pub(super) fn touched(&mut self, part: PartAt) {
        self.queue_again(part);
        self.summarise(part.at);
    }

    fn queue_again(&mut self, part: PartAt) {
        if self.ledger.get(part.at).is_some_and(|entry| entry.sendable(part.part)) {
            self.queue.push_again(part);
        }
    }

    /// A message's attempt ends with one summary.
    fn summarise(&mut self, at: At) {
        let Some(entry) = self.ledger.get_mut(at).filter(|e| e.summary == Summary::Due) else {
            return;
        };
        let (Some(ends), Some(loaded)) = (entry.ends(), &entry.loaded) else { return };
        let (message, attempt) = (entry.message, entry.attempt);
        let handle = loaded.handle.clone();
        entry.summary = Summary::Published;
        let number = self.publishing.of_summary(at);
        let publication = Publication::Summary { at, message, attempt, ends, handle };
        self.actions.push_back(Action::Publish { number, publication });
    }

    pub(super) fn published(&mut self, up_to: u64) {
        for at in self.publishing.confirm(up_to) {
            if let Some(entry) = self.ledger.get_mut(at) {
                entry.summary = Summary::Confirmed;
            }
            self.forget(at);
        }
    }

    fn forget(&mut self, at: At) {
        if self.ledger.forget(at) {
            let messages = &mut self.load.messages[usize::from(at.priority)];
            *messages = messages.saturating_sub(1);
        }
    }

    /// An own record counts from now on: what waited for it goes on.
    pub(super) fn own_landed(&mut self, offset: u64, body: &Body) {
        match body {
            Body::Intent(parts) => {
                self.load.intended = self.load.intended.saturating_sub(parts.len());
                for part in parts {
                    self.idle(part.at);
                    self.send(part.at, offset);
                }
            }
            Body::Unsent(unsent) => unsent.parts.iter().for_each(|part| self.idle(part.at)),
            Body::Unknown(unknown) => {
                self.counters.doubts += unknown.parts.len() as u64;
                unknown.parts.iter().for_each(|doubt| self.idle(doubt.part.at));
            }
            _ => {}
        }
    }

    /// Rule 4: acknowledged and contiguous; what became final in between is left out.
    fn send(&mut self, part: PartAt, intent: u64) {
        let Some(entry) = self.ledger.get(part.at) else { return };
        let open = entry.parts.get(usize::from(part.part)).and_then(|state| state.known.open);
        let (Some(loaded), true) = (&entry.loaded, open.is_some_and(|o| o.offset == intent)) else {
            return;
        };
        let handle = loaded.handle.clone();
        self.load.unanswered += 1;
        self.load.allowance = self.load.allowance.saturating_sub(1);
        self.actions.push_back(Action::Send { part, intent, handle });
    }

    /// No own record about the part is under way any more.
    fn idle(&mut self, part: PartAt) {
        if let Some(entry) = self.ledger.get_mut(part.at) {
            entry.part_mut(part.part).busy = false;
            self.queue_again(part);
            self.forget(part.at);
        }
    }

    /// An own record was certainly not written.
    pub(super) fn undo(&mut self, body: &Body) {
        match body {
            Body::Intent(parts) => {
                self.load.intended = self.load.intended.saturating_sub(parts.len());
                parts.iter().for_each(|part| self.idle(part.at));
            }
            Body::Unsent(unsent) => unsent.parts.iter().for_each(|part| self.idle(part.at)),
            Body::Unknown(unknown) => self.doubts.extend(&unknown.parts),
            Body::Outcomes(_) => self.keep_answers(body),
            _ => {}
        }
    }

    pub(super) fn keep_answers(&mut self, body: &Body) {
        if let Body::Outcomes(outcomes) = body {
            self.answers.splice(0..0, outcomes.iter().cloned());
        }
    }

    pub(super) fn answered(
        &mut self,
        at: PartAt,
        intent: u64,
        fate: Fate,
        result: Option<WholeResult>,
    ) {
        if self.phase == Phase::Idle {
            return;
        }
        self.left_the_window(intent);
        let outcome = Outcome { at, fate, result };
        match self.answers.last_mut() {
            Some(last) if last.intent == intent => last.parts.push(outcome),
            _ => self.answers.push(Outcomes { intent, parts: vec![outcome] }),
        }
    }

    /// The own intent's fate cannot be known any more: a doubt like any other.
    pub(super) fn unanswered(&mut self, at: PartAt, intent: u64) {
        let Phase::Active { .. } = self.phase else { return };
        self.left_the_window(intent);
        let Some(entry) = self.ledger.get_mut(at.at) else { return };
        let part = entry.named(at);
        let state = entry.part_mut(at.part);
        if state.known.open.is_some_and(|open| open.offset == intent) && !state.busy {
            state.busy = true;
            self.doubts.push(Doubt { intent, part });
        }
    }

    fn left_the_window(&mut self, intent: u64) {
        let mine = self.fence.me.and_then(|me| me.takeover).is_some_and(|from| intent > from);
        if mine {
            self.load.unanswered = self.load.unanswered.saturating_sub(1);
        }
    }

    /// Intends what bucket and window let out. Rule 2: not over an unread gap.
    pub(super) fn intend(&mut self) {
        while self.intents_in_flight() < self.settings.intents_in_flight_max {
            let room = self.load.allowance.saturating_sub(self.load.intended);
            let room = room.min(self.settings.intent_parts_max);
            if room == 0 || (self.fence.gap() && self.settings.rules.hold(Rule::Contiguity)) {
                return;
            }
            let parts = self.pick(room);
            self.flush_ends();
            if parts.is_empty() {
                return;
            }
            self.load.intended += parts.len();
            self.append(Arc::new(Body::Intent(parts)));
        }
    }

    fn intents_in_flight(&self) -> usize {
        let intents = |flight: &&crate::fence::Flight| matches!(*flight.body, Body::Intent(_));
        self.fence.in_flight().iter().filter(intents).count()
    }

    /// The next parts; those that expired are put aside.
    fn pick(&mut self, room: usize) -> Vec<Part> {
        let mut parts = Vec::with_capacity(room.min(64));
        while parts.len() < room {
            let Some(at) = self.queue.pop() else { break };
            let Some(entry) = self.ledger.get_mut(at.at).filter(|e| e.sendable(at.part)) else {
                continue;
            };
            let part = entry.named(at);
            let expires_at_ms = entry.loaded.as_ref().map_or(u64::MAX, |l| l.expires_at_ms);
            entry.part_mut(at.part).busy = true;
            if expires_at_ms <= self.now_ms {
                self.expired.push(part);
            } else {
                parts.push(part);
            }
        }
        parts
    }

    /// Ends a part as drained if nothing of it is under way.
    fn drain(&mut self, at: PartAt) {
        let Some(entry) = self.ledger.get_mut(at.at).filter(|e| e.sendable(at.part)) else {
            return;
        };
        let part = entry.named(at);
        entry.part_mut(at.part).busy = true;
        self.drained.push(part);
    }

    /// An operator's drain: every message at hand is looked at, once.
    pub(super) fn sweep_drained(&mut self) {
        let before = self.ledger.drain.before;
        let waiting: Vec<PartAt> = self
            .ledger
            .parts()
            .filter(|(part, entry)| {
                part.at.offset < before[usize::from(part.at.priority)] && entry.sendable(part.part)
            })
            .map(|(part, _)| part)
            .collect();
        waiting.into_iter().for_each(|part| self.drain(part));
    }
}
