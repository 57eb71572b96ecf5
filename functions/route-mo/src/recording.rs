//! How handsets' wishes get into table `opt_outs`, as a state machine: read, write on the condition
//! that nobody wrote meanwhile, and again where somebody did.
//!
//! **A wish comes into force at a time that lies behind its write** ([`domain::mo::opt_out`]), so that
//! all runs over a message see the same. A write that is not confirmed in time may be made later than
//! that: it is given up, and the wish is made anew with a new time, also if it is found made then. The
//! new write has another writer and another version read, so the old one cannot undo it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::id::MessageId;
use domain::mo::opt_out::{Change, SETTLING_MS, in_force_ms};
use platform::opt_outs::{Key, Put, Stored};

/// A write has to be confirmed within this long after the clock was read, milliseconds. The rest of
/// [`SETTLING_MS`] is for clocks that differ.
pub const PATIENCE_MS: u64 = SETTLING_MS / 2;
/// No message whose attempt began longer ago is routed any more: the topics keep records for 18 days
/// (design, section 3).
const OLDEST_MS: u64 = 21 * 24 * 3_600 * 1000;
/// Until the batch fails and is retried.
const ROUNDS_MAX: u32 = 6;

/// A wish, under one of its subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The item.
    pub key: Key,
    /// The handset's message.
    pub by: MessageId,
    /// STOP; else START.
    pub stop: bool,
    /// When that message came, Unix milliseconds.
    pub wrote_ms: u64,
}

/// What is to be done next. The machine goes on when it is told that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read these consistently, then [`Recording::read`] with the time after the read.
    Read(Vec<Key>),
    /// Write these as a writer of a new name, then [`Recording::written`]; if that takes longer than
    /// [`PATIENCE_MS`] or fails, [`Recording::given_up`].
    Write(Vec<Put>),
    /// All wishes are in the table.
    Done,
    /// It was not to be had within the rounds there are: the batch fails and is retried.
    Contended,
}

/// The wishes of one batch.
#[derive(Debug)]
pub struct Recording {
    /// What is not in the table yet.
    wanted: BTreeMap<Key, Vec<Wanted>>,
    /// Keys of which a write was given up: what it wrote may come into force before it is made.
    doubtful: BTreeSet<Key>,
    /// Under way, and since when (Unix milliseconds).
    puts: Option<(Vec<Put>, u64)>,
    rounds: u32,
}

impl Recording {
    /// Nothing is recorded yet.
    #[must_use]
    pub fn new(wishes: Vec<Wanted>) -> Self {
        let mut wanted: BTreeMap<Key, Vec<Wanted>> = BTreeMap::new();
        for wish in wishes {
            wanted.entry(wish.key.clone()).or_default().push(wish);
        }
        Self { wanted, doubtful: BTreeSet::new(), puts: None, rounds: 0 }
    }

    /// What is to be done now; the same until it is answered.
    #[must_use]
    pub fn step(&self) -> Step {
        match &self.puts {
            _ if self.wanted.is_empty() => Step::Done,
            Some((puts, _)) => Step::Write(puts.clone()),
            None if self.rounds >= ROUNDS_MAX => Step::Contended,
            None => Step::Read(self.wanted.keys().cloned().collect()),
        }
    }

    /// What was found; the clock was read at `now_ms`, after it was.
    pub fn read(&mut self, mut found: HashMap<Key, Stored>, now_ms: u64) {
        self.rounds += 1;
        let mut puts = Vec::new();
        let doubtful = &self.doubtful;
        self.wanted.retain(|key, wishes| {
            let Stored { version, history: before } = found.remove(key).unwrap_or_default();
            let mut history = before.clone();
            for wish in wishes.iter() {
                if doubtful.contains(key) {
                    history.withdraw(wish.by);
                }
                history.add(wish.change(now_ms), now_ms.saturating_sub(OLDEST_MS));
            }
            let changed = history != before;
            if changed {
                puts.push(Put { key: key.clone(), read_version: version, history });
            }
            changed
        });
        self.puts = (!puts.is_empty()).then_some((puts, now_ms));
    }

    /// Which of the writes were made, in their order; confirmed at `now_ms`.
    pub fn written(&mut self, made: &[bool], now_ms: u64) {
        let Some((puts, since_ms)) = self.puts.take() else { return };
        if now_ms.saturating_sub(since_ms) > PATIENCE_MS {
            self.puts = Some((puts, since_ms));
            return self.given_up();
        }
        for (put, _) in puts.iter().zip(made).filter(|(_, made)| **made) {
            self.wanted.remove(&put.key);
        }
    }

    /// The writes were not confirmed in time.
    pub fn given_up(&mut self) {
        let (puts, _) = self.puts.take().unwrap_or_default();
        self.doubtful.extend(puts.into_iter().map(|put| put.key));
    }
}

impl Wanted {
    fn change(&self, now_ms: u64) -> Change {
        let in_force_ms = in_force_ms(now_ms);
        Change { by: self.by, stop: self.stop, wrote_ms: self.wrote_ms, in_force_ms }
    }
}
