//! Where outcomes come back: a token names a connection and a sequence, the connection's inbox holds
//! what has ended until the connection takes it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use platform::clock::unix_ms;
use platform::kafka::{Outcome, Record, Sink};
use tokio::sync::{Notify, mpsc};

use super::again::{Again, Copied};
use crate::doubts::Doubt;

/// Outcomes for one connection. Bounded by the connection's window: each submit puts in one.
#[derive(Debug, Default)]
pub struct Inbox {
    ended: Mutex<Vec<(u32, Outcome)>>,
    arrived: Notify,
}

impl Inbox {
    /// Waits until an outcome is there.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes all outcomes (sequence number and what became of the record) into `into`.
    pub fn take(&self, into: &mut Vec<(u32, Outcome)>) {
        into.clear();
        std::mem::swap(&mut *lock(&self.ended), into);
    }

    fn put(&self, sequence: u32, outcome: Outcome) {
        let mut ended = lock(&self.ended);
        ended.push((sequence, outcome));
        if ended.len() == 1 {
            self.arrived.notify_one();
        }
    }
}

/// Inboxes of the connections that are there. Numbers are not reused while the process lives.
#[derive(Debug)]
pub(super) struct Inboxes {
    open: RwLock<HashMap<u32, Arc<Inbox>>>,
    /// Unix milliseconds of the last sign of life of Kafka.
    alive_ms: AtomicU64,
    /// Records whose submits have no answer yet.
    waiting: AtomicU64,
    again: Mutex<Again>,
    retry_for: Duration,
    doubts: mpsc::Sender<Doubt>,
}

impl Inboxes {
    /// What may have left is published again for `retry_for`; `doubts` are told what stays unknown.
    pub(super) fn new(retry_for: Duration, doubts: mpsc::Sender<Doubt>) -> Self {
        Self {
            open: RwLock::default(),
            alive_ms: AtomicU64::default(),
            waiting: AtomicU64::default(),
            again: Mutex::default(),
            retry_for,
            doubts,
        }
    }

    pub(super) fn open(&self, connection: u32) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox::default());
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(connection, inbox.clone());
        inbox
    }

    pub(super) fn close(&self, connection: u32) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&connection);
    }

    /// A record is handed over: it will end, unless [`Inboxes::withdraw`] says that it was not taken.
    pub(super) fn expect(&self) {
        // The stall's clock starts with the first record that waits: before it counts, so that nobody
        // sees it wait since long ago.
        if self.waiting() == 0 {
            self.alive_ms.store(unix_ms(), Ordering::Relaxed);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.alive_ms.store(unix_ms(), Ordering::Relaxed);
        }
    }

    pub(super) fn withdraw(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Something waits, and nothing was stored for so long.
    pub(super) fn is_silent_for(&self, time: Duration) -> bool {
        let silent_ms = unix_ms().saturating_sub(self.alive_ms.load(Ordering::Relaxed));
        self.waiting() > 0 && u128::from(silent_ms) >= time.as_millis()
    }

    /// What is to be published again.
    pub(super) fn take_again(&self) -> Vec<Copied> {
        lock(&self.again).take()
    }
}

impl Sink for Inboxes {
    fn ended(&self, token: u64, outcome: Outcome) {
        let token = if Again::is_copy(token) {
            let Some(token) = lock(&self.again).end(token) else { return };
            token
        } else {
            token
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if matches!(outcome, Outcome::Stored { .. }) {
            self.alive_ms.store(unix_ms(), Ordering::Relaxed);
        }
        let [connection, sequence] = split(token);
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = open.get(&connection) {
            inbox.put(sequence, outcome);
        }
    }

    fn failed(&self, record: Record<'_>, outcome: Outcome, purged: bool) {
        // That a copy never left says nothing about the first one.
        let unknown = outcome == Outcome::Unknown || Again::is_copy(record.token);
        if !unknown {
            return self.ended(record.token, outcome);
        }
        if purged && lock(&self.again).keep(record, self.retry_for, Instant::now()) {
            return;
        }
        if let Some(doubt) = Doubt::about(&record, unix_ms()) {
            // The customer is told it failed; should it be on Kafka all the same, this says so.
            let (customer, message) = (&doubt.customer, doubt.message);
            tracing::warn!(event = "publish_doubt", %customer, %message);
            if self.doubts.try_send(doubt).is_err() {
                tracing::error!(event = "doubt_not_recorded", %message);
            }
        }
        self.ended(record.token, Outcome::Unknown);
    }
}

/// The token of a connection's request.
pub(super) fn join(connection: u32, sequence: u32) -> u64 {
    (u64::from(connection) << 32) | u64::from(sequence)
}

fn split(token: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = token.to_be_bytes();
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: Outcome = Outcome::Stored { partition: 0, offset: 1 };

    fn inboxes(retry_for: Duration) -> (Inboxes, mpsc::Receiver<Doubt>) {
        let (doubts, doubted) = mpsc::channel(8);
        (Inboxes::new(retry_for, doubts), doubted)
    }

    fn record(token: u64) -> Record<'static> {
        Record { topic: "t", partition: None, key: b"k", value: b"v", token }
    }

    fn taken(inbox: &Inbox) -> Vec<(u32, Outcome)> {
        let mut taken = Vec::new();
        inbox.take(&mut taken);
        taken
    }

    #[test]
    fn a_token_names_connection_and_sequence() {
        assert_eq!(split(join(7, 0x7fff_ffff)), [7, 0x7fff_ffff]);
        assert_eq!(split(join(u32::MAX, 1)), [u32::MAX, 1]);
    }

    #[test]
    fn an_outcome_for_a_connection_that_is_gone_reaches_nobody_else() {
        let (inboxes, _doubts) = inboxes(Duration::ZERO);
        let inbox = inboxes.open(2);
        inboxes.expect();
        inboxes.expect();
        inboxes.ended(join(1, 5), Outcome::NeverLeft);
        inboxes.ended(join(2, 6), STORED);
        assert_eq!(taken(&inbox), [(6, STORED)]);
        assert_eq!(inboxes.waiting(), 0);
    }

    #[test]
    fn what_never_left_ends_and_what_may_have_left_is_published_again_when_the_queue_is_purged() {
        let (inboxes, _doubts) = inboxes(Duration::from_secs(30));
        let inbox = inboxes.open(1);
        inboxes.expect();
        inboxes.expect();
        inboxes.failed(record(join(1, 1)), Outcome::NeverLeft, true);
        inboxes.failed(record(join(1, 2)), Outcome::Unknown, true);
        assert_eq!(taken(&inbox), [(1, Outcome::NeverLeft)]);
        assert_eq!(inboxes.waiting(), 1, "the other one still waits");
        let copies = inboxes.take_again();
        inboxes.ended(copies[0].record().token, STORED);
        assert_eq!(taken(&inbox), [(2, STORED)]);
        assert_eq!(inboxes.waiting(), 0);
    }

    #[test]
    fn a_copy_that_never_left_is_a_doubt_because_the_first_one_may_have() {
        let (inboxes, _doubts) = inboxes(Duration::from_secs(30));
        let inbox = inboxes.open(1);
        inboxes.expect();
        inboxes.failed(record(join(1, 2)), Outcome::Unknown, true);
        let copies = inboxes.take_again();
        inboxes.failed(copies[0].record(), Outcome::NeverLeft, false);
        assert_eq!(taken(&inbox), [(2, Outcome::Unknown)]);
    }

    #[test]
    fn what_stays_unknown_when_its_time_is_over_ends() {
        let (inboxes, _doubts) = inboxes(Duration::ZERO);
        let inbox = inboxes.open(1);
        inboxes.expect();
        inboxes.failed(record(join(1, 2)), Outcome::Unknown, true);
        let copies = inboxes.take_again();
        inboxes.failed(copies[0].record(), Outcome::Unknown, true);
        assert_eq!(taken(&inbox), [(2, Outcome::Unknown)]);
        assert!(inboxes.take_again().is_empty());
    }
}
