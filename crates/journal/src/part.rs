//! One message and its parts, as the journal tells it (rules 4, 5, 7).

use uuid::Uuid;
use wire::submit_journal::{Doubted, End, Ending, Fate, Intended, ListedPart, Part, PartAt, Word};

/// A message that was read, or of which the journal speaks, and which is not forgotten yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry<H> {
    pub(super) message: Uuid,
    pub(super) attempt: u16,
    /// As many as are known: all, once it is loaded.
    pub(super) parts: Vec<PartState>,
    /// Its body, once the outgoing partition was read up to it.
    pub(super) loaded: Option<Loaded<H>>,
    /// A part ended without being accepted: no further part is sent.
    pub(super) failed: bool,
    pub(super) summary: Summary,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Loaded<H> {
    pub(super) handle: H,
    pub(super) expires_at_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Summary {
    Due,
    Published,
    Confirmed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct PartState {
    pub(super) known: ListedPart,
    /// An own record about it is appended and has not landed: nothing else is begun.
    pub(super) busy: bool,
}

impl<H> Entry<H> {
    pub(super) fn new(message: Uuid, attempt: u16) -> Self {
        let summary = Summary::Due;
        Self { message, attempt, parts: Vec::new(), loaded: None, failed: false, summary }
    }

    pub(super) fn load(&mut self, parts: u16, loaded: Loaded<H>) {
        let parts = usize::from(parts).max(self.parts.len());
        self.parts.resize_with(parts, PartState::default);
        self.loaded = Some(loaded);
        self.settle();
    }

    /// The part, made known if it was not.
    pub(super) fn part_mut(&mut self, part: u16) -> &mut PartState {
        let index = usize::from(part);
        if self.parts.len() <= index {
            self.parts.resize_with(index + 1, PartState::default);
        }
        &mut self.parts[index]
    }

    /// The part, as records name it.
    pub(super) fn named(&self, at: PartAt) -> Part {
        Part { at, message: self.message, attempt: self.attempt }
    }

    pub(super) fn sendable(&self, part: u16) -> bool {
        !self.failed
            && self.loaded.is_some()
            && self.parts.get(usize::from(part)).is_some_and(PartState::sendable)
    }

    /// Rule 4. A part that became final in between is left out.
    pub(super) fn intend(&mut self, part: u16, intent: Intended) {
        let failed = self.failed;
        let part = self.part_mut(part);
        if failed || part.known.end.is_some() {
            return;
        }
        let older = part.known.open.replace(intent);
        // Rule 5: the same owner's newer intent replaces its older one. Another's cannot be open
        // here; if a foreign writer broke that, it must not be forgotten.
        if let Some(older) = older.filter(|older| older.owner != intent.owner) {
            part.known.unknown.push(Doubted { intent: older, held: false });
        }
    }

    /// Rule 5. `by_intent` is true but in the test.
    pub(super) fn outcome(&mut self, part: u16, intent: u64, fate: Fate, by_intent: bool) {
        let known = &mut self.part_mut(part).known;
        let doubts = known.unknown.len();
        let was_open = known.open.is_some_and(|open| open.offset == intent || !by_intent);
        if was_open {
            known.open = None;
        } else {
            known.unknown.retain(|doubt| doubt.intent.offset != intent);
        }
        let named = was_open || known.unknown.len() < doubts;
        if !named || known.end.is_some() {
            return;
        }
        match fate {
            Fate::Accepted => known.finish(Ending::Accepted),
            Fate::Rejected => known.rejected = true,
            Fate::Expired if known.open.is_none() => known.finish(Ending::Expired),
            Fate::Expired | Fate::Returned => {}
        }
        self.settle();
    }

    /// Rule 6: ended without an intent. A valid owner says it only of what is not under way; that is
    /// checked once more here, so that `checked` is true but in the test.
    pub(super) fn unsent(&mut self, part: u16, how: Ending, checked: bool) {
        let known = &mut self.part_mut(part).known;
        if known.end.is_none() && (known.open.is_none() || !checked) {
            known.finish(how);
            self.settle();
        }
    }

    /// Rule 7. Only an intent that is open can be doubted.
    pub(super) fn doubt(&mut self, part: u16, intent: u64, held: bool) {
        let known = &mut self.part_mut(part).known;
        let Some(open) = known.open.take_if(|open| open.offset == intent) else {
            return;
        };
        known.unknown.push(Doubted { intent: open, held });
        self.settle();
    }

    /// An operator's word. Only what waits for it is touched.
    pub(super) fn resolve(&mut self, part: u16, intent: u64, word: Word) {
        let known = &mut self.part_mut(part).known;
        let held = known.unknown.iter_mut().find(|d| d.held && d.intent.offset == intent);
        let Some(doubt) = held else { return };
        match word {
            Word::Resend => doubt.held = false,
            Word::Drop if known.end.is_none() && known.open.is_none() => {
                known.finish(Ending::Dropped);
                self.settle();
            }
            Word::Drop => {}
        }
    }

    /// Ends what can no longer go on: rejected parts without an open intent, and the rest of a
    /// message that failed.
    pub(super) fn settle(&mut self) {
        for part in &mut self.parts {
            if part.known.rejected && part.known.idle() {
                part.known.finish(Ending::Rejected);
            }
        }
        self.failed = self.parts.iter().any(|part| part.known.failed());
        if self.failed {
            for part in self.parts.iter_mut().filter(|part| part.known.idle()) {
                part.known.finish(Ending::Abandoned);
            }
        }
    }

    /// The ends of all parts, once there is nothing more to come and the body is at hand.
    pub(super) fn ends(&self) -> Option<Vec<End>> {
        self.loaded.as_ref()?;
        self.parts.iter().map(|part| part.known.end).collect()
    }

    /// Its summary is confirmed and no own record about it is under way.
    pub(super) fn forgettable(&self) -> bool {
        self.summary == Summary::Confirmed && !self.parts.iter().any(|part| part.busy)
    }
}

impl PartState {
    fn sendable(&self) -> bool {
        !self.busy && self.known.idle() && !self.known.unknown.iter().any(|doubt| doubt.held)
    }
}

/// Questions about what the journal tells of a part.
trait Known {
    /// Neither ended nor under way.
    fn idle(&self) -> bool;
    fn failed(&self) -> bool;
    fn finish(&mut self, how: Ending);
}

impl Known for ListedPart {
    fn idle(&self) -> bool {
        self.end.is_none() && self.open.is_none()
    }

    fn failed(&self) -> bool {
        self.end.is_some_and(|end| end.how != Ending::Accepted)
    }

    fn finish(&mut self, how: Ending) {
        self.end = Some(End { how, doubtful: !self.unknown.is_empty() });
    }
}
