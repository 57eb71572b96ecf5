//! The sender's three producers. The journal's has no linger, for every message waits for it; what
//! others are told may wait for each other; what providers deliver waits a little, and not for long
//! if Kafka does not take it: the provider keeps it then.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use platform::kafka::{KafkaSettings, Outcome, Publisher, Record, Refused, Sink};
use tokio::sync::Notify;

/// An append that is not answered by then is unknown, and ends the ownership.
const JOURNAL_TIMEOUT_MS: u32 = 10_000;
const EVENTS_LINGER_MS: u32 = 10;
/// Events are tried for as long as the process lives (0: for ever); only then is their outcome
/// republished by a successor.
const EVENTS_TIMEOUT_MS: u32 = 0;
/// The provider waits for its answer.
const DELIVERED_LINGER_MS: u32 = 3;
/// A delivery that is not on Kafka by then is refused, and the provider repeats it.
const DELIVERED_TIMEOUT_MS: u32 = 30_000;
/// In place of a publication's number: a dead letter, which is only counted.
const DEAD_LETTER: u64 = (1 << 40) - 1;

/// What ended, for one slot. Bounded by what the slot has under way.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Appends by sequence.
    appended: Mutex<Vec<(u64, Outcome)>>,
    published: Mutex<Confirmed>,
    dead_letters: AtomicU64,
    /// What the provider delivered, by number. Bounded by what it may have under way.
    delivered: Mutex<Vec<(u64, Outcome)>>,
    arrived: Arc<Notify>,
}

/// Publications that are confirmed: all below `up_to`, and those in `beyond`.
#[derive(Debug, Default)]
struct Confirmed {
    next: u64,
    beyond: BTreeSet<u64>,
    news: bool,
}

impl Confirmed {
    fn confirm(&mut self, number: u64) {
        if number != self.next {
            self.beyond.insert(number);
            return;
        }
        self.next += 1;
        while self.beyond.remove(&self.next) {
            self.next += 1;
        }
        self.news = true;
    }
}

impl Inbox {
    /// An inbox that notifies `arrived`.
    #[must_use]
    pub fn new(arrived: Arc<Notify>) -> Self {
        Self { arrived, ..Self::default() }
    }

    /// Takes the appends that ended, as (number, outcome).
    pub fn take_appended(&self, into: &mut Vec<(u64, Outcome)>) {
        into.clear();
        std::mem::swap(&mut *self.appended.lock().unwrap_or_else(PoisonError::into_inner), into);
    }

    /// Takes the deliveries that ended, as (number, outcome).
    pub fn take_delivered(&self, into: &mut Vec<(u64, Outcome)>) {
        into.clear();
        std::mem::swap(&mut *self.delivered.lock().unwrap_or_else(PoisonError::into_inner), into);
    }

    /// Publication `number` needs no record: what is confirmed before says it.
    pub fn said_already(&self, number: u64) {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).confirm(number);
        self.arrived.notify_one();
    }

    /// Dead letters of the slot that are confirmed, all told.
    #[must_use]
    pub fn dead_letters(&self) -> u64 {
        self.dead_letters.load(Ordering::Acquire)
    }

    /// Number before which all publications are confirmed, if that is news.
    pub fn take_published(&self) -> Option<u64> {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut published.news).then_some(published.next)
    }
}

type Inboxes = RwLock<HashMap<u32, Arc<Inbox>>>;

fn token(slot: u32, number: u64) -> u64 {
    // 2^40 records of one slot in one process's life: more than a century at 300/s.
    (u64::from(slot) << 40) | (number & ((1 << 40) - 1))
}

fn split(token: u64) -> (u32, u64) {
    (u32::try_from(token >> 40).unwrap_or(u32::MAX), token & ((1 << 40) - 1))
}

#[derive(Debug)]
struct JournalSink(Arc<Inboxes>);

impl Sink for JournalSink {
    fn ended(&self, ended: u64, outcome: Outcome) {
        let (slot, number) = split(ended);
        let inboxes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = inboxes.get(&slot) {
            let mut appended = inbox.appended.lock().unwrap_or_else(PoisonError::into_inner);
            appended.push((number, outcome));
            inbox.arrived.notify_one();
        }
    }
}

#[derive(Debug)]
struct EventSink(Arc<Inboxes>);

impl Sink for EventSink {
    fn ended(&self, ended: u64, outcome: Outcome) {
        if !matches!(outcome, Outcome::Stored { .. }) {
            // Only a fatal error of the producer ends a record like this. A fresh process starts
            // clean, and the journal republishes what is not confirmed.
            tracing::error!(event = "producer_fatal", ?outcome);
            std::process::exit(1);
        }
        let (slot, number) = split(ended);
        let inboxes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(inbox) = inboxes.get(&slot) else { return };
        match number {
            DEAD_LETTER => _ = inbox.dead_letters.fetch_add(1, Ordering::AcqRel),
            _ => inbox.published.lock().unwrap_or_else(PoisonError::into_inner).confirm(number),
        }
        inbox.arrived.notify_one();
    }
}

/// A delivery that failed is not fatal: the provider still has it.
#[derive(Debug)]
struct DeliveredSink(Arc<Inboxes>);

impl Sink for DeliveredSink {
    fn ended(&self, ended: u64, outcome: Outcome) {
        let (slot, number) = split(ended);
        let inboxes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = inboxes.get(&slot) {
            let mut delivered = inbox.delivered.lock().unwrap_or_else(PoisonError::into_inner);
            delivered.push((number, outcome));
            inbox.arrived.notify_one();
        }
    }
}

/// The producers, shared by all slots.
#[derive(Debug)]
pub struct Producers {
    journal: Publisher<JournalSink>,
    events: Publisher<EventSink>,
    delivered: Publisher<DeliveredSink>,
    inboxes: Arc<Inboxes>,
}

impl Producers {
    /// Connects lazily, at the first record.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let inboxes = Arc::new(Inboxes::default());
        let journal = Publisher::new(
            settings,
            &settings.producer(0, JOURNAL_TIMEOUT_MS),
            Arc::new(JournalSink(inboxes.clone())),
        )?;
        let events = Publisher::new(
            settings,
            &settings.producer(EVENTS_LINGER_MS, EVENTS_TIMEOUT_MS),
            Arc::new(EventSink(inboxes.clone())),
        )?;
        let delivered = Publisher::new(
            settings,
            &settings.producer(DELIVERED_LINGER_MS, DELIVERED_TIMEOUT_MS),
            Arc::new(DeliveredSink(inboxes.clone())),
        )?;
        Ok(Self { journal, events, delivered, inboxes })
    }

    /// From now on outcomes of `slot` go to `inbox`.
    pub fn open(&self, slot: u32, inbox: Arc<Inbox>) {
        self.inboxes.write().unwrap_or_else(PoisonError::into_inner).insert(slot, inbox);
    }

    /// Appends to the slot's journal; exactly one outcome for `number` follows.
    ///
    /// # Errors
    /// It was not taken: certainly not written.
    pub fn append(&self, slot: u32, number: u64, key: &str, value: &[u8]) -> Result<(), Refused> {
        self.journal.send(Record {
            topic: wire::topics::SUBMIT_JOURNAL,
            partition: i32::try_from(slot).ok(),
            key: key.as_bytes(),
            value,
            token: token(slot, number),
        })
    }

    /// Publishes what the slot has to tell as its number `number`, counted from 0 by the caller.
    ///
    /// # Errors
    /// The queue is full: try again later.
    pub fn publish(&self, slot: u32, number: u64, key: &str, value: &[u8]) -> Result<(), Refused> {
        self.event(wire::topics::PROVIDER_EVENTS, key, value, token(slot, number))
    }

    /// Publishes a dead letter that `slot` read on `source`; [`Inbox::dead_letters`] counts it once
    /// it is confirmed.
    ///
    /// # Errors
    /// The queue is full: try again later.
    pub fn dead_letter(&self, slot: u32, source: &str, value: &[u8]) -> Result<(), Refused> {
        self.event(wire::topics::DEAD_LETTERS, source, value, token(slot, DEAD_LETTER))
    }

    /// Publishes what the slot's provider delivered as its number `number`; an empty key is none.
    /// Exactly one outcome for `number` follows.
    ///
    /// # Errors
    /// It was not taken: certainly not written.
    pub fn deliver(
        &self,
        slot: u32,
        number: u64,
        topic: &str,
        key: &str,
        value: &[u8],
    ) -> Result<(), Refused> {
        let token = token(slot, number);
        self.delivered.send(Record { topic, partition: None, key: key.as_bytes(), value, token })
    }

    fn event(&self, topic: &str, key: &str, value: &[u8], token: u64) -> Result<(), Refused> {
        self.events.send(Record { topic, partition: None, key: key.as_bytes(), value, token })
    }

    /// Waits for what is under way. Blocks the thread.
    pub fn flush(&self, patience: std::time::Duration) {
        let flushed = [
            self.journal.flush(patience),
            self.events.flush(patience),
            self.delivered.flush(patience),
        ];
        if flushed.iter().any(Result::is_err) {
            tracing::warn!(event = "flush_incomplete");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirmations_out_of_order_count_only_without_a_gap() {
        let mut confirmed = Confirmed::default();
        confirmed.confirm(1);
        assert!(!confirmed.news);
        confirmed.confirm(0);
        assert_eq!((confirmed.news, confirmed.next), (true, 2));
    }

    #[test]
    fn a_token_names_slot_and_number() {
        assert_eq!(split(token(4_000, 123_456)), (4_000, 123_456));
    }
}
