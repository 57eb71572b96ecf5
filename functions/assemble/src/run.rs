//! One run over one batch of parts, as a state machine: the order of its effects is what the
//! promise rests on (design, section 5), so it stands here, apart from I/O, where the model test
//! can stop it between any two of them.
//!
//! **Read, schedule, publish, write**, and again for the keys that somebody else wrote meanwhile.
//! Scheduled first: what is in the table has a deadline. Published before it is written: what the
//! table calls finished is on Kafka. Written under the version that was read: two runs that
//! overlap cannot undo each other.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use platform::time_limit::EXCEEDED;
use wire::V;
use wire::assembly_deadlines::AssemblyDeadline;
use wire::dead_letters::DeadLetter;

use crate::item::Item;
use crate::join::{Arrived, Deadline, Joined, Settings};
use crate::limit::Limit;
use crate::output::Output;
use crate::records::Record;

/// Reads of a key that is written by others all the time, until the batch fails and is retried.
const ROUNDS_MAX: u32 = 8;

/// The function that joins; passed in, so that the model test can pass a wrong one.
pub type Join = fn(&Item, &[Arrived], &Settings) -> Joined;

/// An item and the version that it was read under; 0: it is not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stored {
    /// Counts the writes.
    pub version: u64,
    /// What was read.
    pub item: Item,
}

/// A conditional write.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// Part key.
    pub key: String,
    /// Written only if this is still the version; the new one is the next.
    pub read_version: u64,
    /// What to write.
    pub item: Item,
}

/// What is to be done next. The machine goes on when it is told that it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Read these keys consistently, then [`Run::read`].
    Read(Vec<String>),
    /// Schedule these, confirmed, then [`Run::scheduled`].
    Schedule(Vec<AssemblyDeadline>),
    /// Publish these, confirmed, then [`Run::published`].
    Publish(Vec<Output>),
    /// Write these, each on its condition, then [`Run::written`].
    Write(Vec<Put>),
    /// The batch is done.
    Done,
    /// Others wrote the same keys each time: the batch fails and is retried.
    Contended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Read,
    Schedule,
    Publish,
    Write,
    Done,
}

impl Phase {
    /// What follows if there is nothing to be done in this one.
    fn after(self) -> Self {
        match self {
            Self::Read => Self::Schedule,
            Self::Schedule => Self::Publish,
            Self::Publish => Self::Write,
            Self::Write | Self::Done => Self::Done,
        }
    }
}

/// A run over a batch.
#[derive(Debug, Clone)]
pub struct Run {
    settings: Settings,
    join: Join,
    now_ms: u64,
    phase: Phase,
    rounds: u32,
    /// Keys that are not written yet.
    groups: BTreeMap<String, Group>,
    /// Dead letters that are not published yet.
    letters: Vec<DeadLetter>,
}

#[derive(Debug, Clone, Default)]
struct Group {
    arrived: Vec<Arrived>,
    /// Where each of them was read, for a dead letter.
    records: Vec<Record>,
    read_version: u64,
    joined: Joined,
}

impl Run {
    /// A run over `records` at `now_ms`. Those of one partition come in the order of offsets; those
    /// that `limit` gives up become dead letters unread.
    #[must_use]
    pub fn new(
        records: Vec<Record>,
        settings: Settings,
        join: Join,
        now_ms: u64,
        limit: &impl Limit,
    ) -> Self {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let mut letters = Vec::new();
        for record in records {
            match decode(&record, limit) {
                Ok(arrived) => {
                    let group = groups.entry(arrived.part.key()).or_default();
                    group.arrived.push(arrived);
                    group.records.push(record);
                }
                Err(reason) => letters.push(record.dead_letter(reason, now_ms)),
            }
        }
        let phase = if groups.is_empty() { Phase::Publish } else { Phase::Read };
        Self { settings, join, now_ms, phase, rounds: 0, groups, letters }
    }

    /// What is to be done now; the same until it is answered. Steps without content are left out.
    #[must_use]
    pub fn step(&self) -> Step {
        let mut phase = self.phase;
        loop {
            let step = match phase {
                Phase::Read if self.rounds >= ROUNDS_MAX => return Step::Contended,
                Phase::Read => return Step::Read(self.groups.keys().cloned().collect()),
                Phase::Schedule => self.deadlines(),
                Phase::Publish => self.outputs(),
                Phase::Write => self.puts(),
                Phase::Done => return Step::Done,
            };
            match step {
                Some(step) => return step,
                None => phase = phase.after(),
            }
        }
    }

    /// The keys that were asked for; what is not there is left out.
    pub fn read(&mut self, mut found: HashMap<String, Stored>, limit: &impl Limit) {
        self.rounds += 1;
        for (key, group) in &mut self.groups {
            let stored = found.remove(key).unwrap_or_default();
            group.read_version = stored.version;
            let _inside = limit.enter(&group.records);
            let letters = group.join(&stored.item, self.join, &self.settings, self.now_ms);
            self.letters.extend(letters);
        }
        self.phase = Phase::Schedule;
    }

    /// The deadlines are scheduled.
    pub fn scheduled(&mut self) {
        self.phase = Phase::Publish;
    }

    /// The outputs are confirmed. (Whatever is read again, no record is dead twice.)
    pub fn published(&mut self) {
        self.letters.clear();
        self.phase = Phase::Write;
    }

    /// Which of the writes were made, in their order; the others found another version.
    pub fn written(&mut self, made: &[bool]) {
        let mut made = made.iter();
        self.groups.retain(|_, group| group.joined.changed && made.next() != Some(&true));
        self.phase = if self.groups.is_empty() { Phase::Done } else { Phase::Read };
    }

    fn deadlines(&self) -> Option<Step> {
        let of_group = |(key, group): (&String, &Group)| {
            let deadline = |opened: &Deadline| AssemblyDeadline {
                v: V,
                key: key.clone(),
                due_ms: opened.due_ms,
                partition: Some(opened.partition),
                swept: false,
            };
            group.joined.deadlines.iter().map(deadline).collect::<Vec<_>>()
        };
        let deadlines: Vec<_> = self.groups.iter().flat_map(of_group).collect();
        (!deadlines.is_empty()).then_some(Step::Schedule(deadlines))
    }

    fn outputs(&self) -> Option<Step> {
        let whole = self.groups.values().flat_map(|group| &group.joined.whole);
        let letters = self.letters.iter().cloned().map(Output::DeadLetter);
        let outputs: Vec<_> = letters.chain(whole.cloned()).collect();
        (!outputs.is_empty()).then_some(Step::Publish(outputs))
    }

    /// A key whose parts were all known needs no write: that it was read consistently shows that
    /// somebody wrote it, after scheduling and publishing what follows from it.
    fn puts(&self) -> Option<Step> {
        let changed = self.groups.iter().filter(|(_, group)| group.joined.changed);
        let put = |(key, group): (&String, &Group)| Put {
            key: key.clone(),
            read_version: group.read_version,
            item: group.joined.item.clone(),
        };
        let puts: Vec<_> = changed.map(put).collect();
        (!puts.is_empty()).then_some(Step::Write(puts))
    }
}

impl Group {
    /// Joins its parts to the item; those that cannot be joined become dead letters and are left
    /// out from then on.
    fn join(
        &mut self,
        item: &Item,
        join: Join,
        settings: &Settings,
        now_ms: u64,
    ) -> Vec<DeadLetter> {
        let mut letters = Vec::new();
        loop {
            let (bad, reason) = match caught(join, item, &self.arrived, settings) {
                Some(joined) => {
                    self.joined = joined;
                    (self.joined.refused.clone(), "no room: too many parts of this key wait")
                }
                None => (self.panicking(item, join, settings), "joining it panics"),
            };
            if bad.is_empty() {
                return letters;
            }
            // Without them the outcome may be another: joined again.
            for place in bad.into_iter().rev() {
                self.arrived.remove(place);
                letters.push(self.records.remove(place).dead_letter(reason, now_ms));
            }
        }
    }

    /// Places of the parts that make the join panic.
    fn panicking(&self, item: &Item, join: Join, settings: &Settings) -> Vec<usize> {
        let mut item = item.clone();
        let mut bad = Vec::new();
        for (place, arrived) in self.arrived.iter().enumerate() {
            match caught(join, &item, std::slice::from_ref(arrived), settings) {
                Some(joined) => item = joined.item,
                None => bad.push(place),
            }
        }
        // It panics with all of them together only: none can be told to be innocent.
        if bad.is_empty() { (0..self.arrived.len()).collect() } else { bad }
    }
}

fn decode(record: &Record, limit: &impl Limit) -> Result<Arrived, &'static str> {
    if limit.gives_up(record) {
        return Err(EXCEEDED);
    }
    let _inside = limit.enter(std::slice::from_ref(record));
    record.decode()
}

fn caught(join: Join, item: &Item, arrived: &[Arrived], settings: &Settings) -> Option<Joined> {
    // The join takes references only: whatever it was doing when it panicked is dropped.
    catch_unwind(AssertUnwindSafe(|| join(item, arrived, settings))).ok()
}
