//! What comes back to a load, over whichever of its connections: receipts, matched by message id
//! with what was acknowledged, and handsets' messages by their numbers. Shared; locked once for
//! each batch that was read from a socket.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::receipts::MessageState;
use serde::{Deserialize, Serialize};

use super::plan::Item;
use crate::{
    arrivals::{Run, RunArrivals, RunSummary},
    check::Key,
    clock::Now,
    latency::{Latencies, Percentiles},
    number::Numbered,
};

/// What a load waits for after its last submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// A final receipt for each submit that is acknowledged.
    pub receipts: bool,
    /// Messages from handsets, each part for itself.
    pub messages: u64,
    /// It ends when nothing came for so long.
    pub patience: Duration,
    /// When all is there, it waits so long for copies.
    pub linger: Duration,
}

impl Default for Expected {
    fn default() -> Self {
        let (patience, linger) = (Duration::from_secs(30), Duration::ZERO);
        Self { receipts: false, messages: 0, patience, linger }
    }
}

/// A receipt as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub id: Vec<u8>,
    pub state: Option<MessageState>,
    pub is_final: bool,
    /// Text and TLV name different ids.
    pub ids_differ: bool,
}

/// What one connection learned since it told last.
#[derive(Debug, Default)]
pub struct Batch {
    pub acknowledged: Vec<(Vec<u8>, Item, Instant)>,
    /// Answered OK.
    pub receipts: Vec<Receipt>,
    pub messages: Vec<Numbered>,
    pub counts: Counts,
}

/// Deliveries that are only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages from handsets without a number.
    pub unnumbered: u64,
    /// Receipts without an id.
    pub nameless: u64,
    /// Deliveries that were refused, as asked for.
    pub refused: u64,
    /// Deliveries that were not answered, as asked for.
    pub ignored: u64,
}

#[derive(Debug)]
pub struct Ledger {
    expected: Expected,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    /// Connections that still submit.
    sending: usize,
    known: HashMap<Vec<u8>, Known>,
    /// Receipts of ids that no answer has named yet.
    early: HashMap<Vec<u8>, Vec<(Receipt, Now)>>,
    /// Acknowledged, without a final receipt.
    open: u64,
    /// Without copies.
    messages: u64,
    runs: BTreeMap<u32, Run>,
    report: Receipts,
    latencies: Latencies,
    last_receipt: Option<Instant>,
    /// Of anything.
    last: Instant,
}

#[derive(Debug)]
struct Known {
    item: Item,
    written: Instant,
    /// A bit for each state that was told, by its number.
    seen: u16,
    /// Of the first final one.
    received: Option<(MessageState, u64)>,
}

/// What a load says of its receipts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Receipts {
    /// Answered OK, copies included.
    pub received: u64,
    /// Submits that had a final one.
    pub matched: u64,
    /// Submits that were acknowledged and had none.
    pub missing: u64,
    pub intermediate: u64,
    /// The same id and state again.
    pub doubled: u64,
    /// Another final state than the first.
    pub contradicting: u64,
    /// Of ids that no answer gave.
    pub foreign: u64,
    /// Text and TLV name different ids.
    pub ids_differ: u64,
    /// First final receipts, by state.
    pub states: BTreeMap<String, u64>,
    /// From the first submit to the last final receipt.
    pub seconds: f64,
    pub per_s: f64,
    /// From written to its first final receipt.
    pub after_submit: Percentiles,
    #[serde(flatten)]
    pub counts: Counts,
}

/// A submit's first final receipt: a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Got {
    pub number: u64,
    pub part: u8,
    pub state: MessageState,
    /// Microseconds since 1970.
    pub at_us: u64,
}

impl Got {
    /// Reads a load's file of receipts. Errors: a line that is none.
    pub fn from_lines(lines: &str) -> serde_json::Result<Vec<Self>> {
        lines.lines().map(serde_json::from_str).collect()
    }

    pub const fn key(&self) -> Key {
        (self.number, self.part)
    }
}

impl Ledger {
    /// For so many connections that submit.
    pub fn new(expected: Expected, sending: usize, now: Instant) -> Self {
        let books = Books {
            sending,
            known: HashMap::new(),
            early: HashMap::new(),
            open: 0,
            messages: 0,
            runs: BTreeMap::new(),
            report: Receipts::default(),
            latencies: Latencies::default(),
            last_receipt: None,
            last: now,
        };
        Self { expected, books: Mutex::new(books) }
    }

    pub const fn expects_receipts(&self) -> bool {
        self.expected.receipts
    }

    /// Takes in what a connection learned; empties it.
    pub fn note(&self, batch: &mut Batch, now: Now) {
        if batch.is_empty() {
            return;
        }
        let mut books = self.books();
        books.last = now.instant;
        for (id, item, written) in batch.acknowledged.drain(..) {
            books.acknowledged(id, item, written);
        }
        for receipt in batch.receipts.drain(..) {
            books.report.received += 1;
            books.report.ids_differ += u64::from(receipt.ids_differ);
            books.receipt(receipt, now);
        }
        for numbered in batch.messages.drain(..) {
            let run = books.runs.entry(numbered.run).or_default();
            let is_new = run.arrived(&numbered, now.wall_us);
            books.messages += u64::from(is_new);
        }
        books.report.counts.add(std::mem::take(&mut batch.counts));
    }

    /// A connection has submitted all it had to.
    pub fn sent_all(&self, now: Instant) {
        let mut books = self.books();
        books.sending = books.sending.saturating_sub(1);
        books.last = books.last.max(now);
    }

    /// Whether anything is to be waited for.
    pub fn waits(&self, now: Instant) -> bool {
        let Expected { receipts, messages, patience, linger } = self.expected;
        if !receipts && messages == 0 {
            return false;
        }
        let books = self.books();
        let silent = now.saturating_duration_since(books.last);
        let is_missing = (receipts && books.open > 0) || books.messages < messages;
        books.sending > 0 || silent < if is_missing { patience } else { linger }
    }

    /// The report, from the first submit on.
    pub fn report(&self, first_written: Option<Instant>) -> Receipts {
        let books = self.books();
        let span = books.last_receipt.zip(first_written);
        let span = span.map(|(last, first)| last.saturating_duration_since(first));
        let seconds = span.map_or(0.0, |span| span.as_secs_f64());
        let matched = books.report.matched;
        Receipts {
            missing: books.open,
            foreign: books.early.values().map(|early| early.len() as u64).sum(),
            seconds,
            per_s: if seconds > 0.0 { matched as f64 / seconds } else { 0.0 },
            after_submit: books.latencies.percentiles(),
            ..books.report.clone()
        }
    }

    /// Messages from handsets, by run.
    pub fn messages(&self) -> (Vec<RunSummary>, Vec<RunArrivals>) {
        let books = self.books();
        let summaries = books.runs.iter().map(|(run, arrivals)| arrivals.summary(*run)).collect();
        (summaries, books.runs.iter().map(|(run, arrivals)| arrivals.ranges(*run)).collect())
    }

    /// First final receipts, in the order of their numbers.
    pub fn got(&self) -> Vec<Got> {
        let books = self.books();
        let one = |known: &Known| {
            let (state, at_us) = known.received?;
            Some(Got { number: known.item.number, part: known.item.part, state, at_us })
        };
        let mut got: Vec<Got> = books.known.values().filter_map(one).collect();
        got.sort_unstable_by_key(Got::key);
        got
    }

    /// Counts are whole after every step, also of a thread that panicked.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn acknowledged(&mut self, id: Vec<u8>, item: Item, written: Instant) {
        let early = self.early.remove(&id);
        let known = Known { item, written, seen: 0, received: None };
        // An id that was given twice (the counter restarted): the later one counts.
        if self.known.insert(id, known).is_none_or(|before| before.received.is_some()) {
            self.open += 1;
        }
        for (receipt, at) in early.into_iter().flatten() {
            self.receipt(receipt, at);
        }
    }

    fn receipt(&mut self, receipt: Receipt, at: Now) {
        let Some(known) = self.known.get_mut(&receipt.id) else {
            self.early.entry(receipt.id.clone()).or_default().push((receipt, at));
            return;
        };
        let state = receipt.state.unwrap_or(MessageState::Unknown);
        let bit = 1 << state.smpp();
        if known.seen & bit != 0 {
            self.report.doubled += 1;
            return;
        }
        known.seen |= bit;
        if !receipt.is_final {
            self.report.intermediate += 1;
        } else if known.received.is_some() {
            self.report.contradicting += 1;
        } else {
            known.received = Some((state, at.wall_us));
            self.open -= 1;
            self.report.matched += 1;
            *self.report.states.entry(state.word().to_owned()).or_default() += 1;
            let after = at.instant.saturating_duration_since(known.written);
            self.latencies.record(after.as_micros() as u64);
            self.last_receipt = self.last_receipt.max(Some(at.instant));
        }
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        let Self { acknowledged, receipts, messages, counts } = self;
        acknowledged.is_empty()
            && receipts.is_empty()
            && messages.is_empty()
            && *counts == Counts::default()
    }
}

impl Counts {
    const fn add(&mut self, other: Self) {
        self.unnumbered += other.unnumbered;
        self.nameless += other.nameless;
        self.refused += other.refused;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests;
