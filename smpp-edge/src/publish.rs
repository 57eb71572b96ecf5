//! Records to Kafka, outcomes back to the connection that waits for them.
//!
//! A submit's token names its connection and sequence. Outcomes are put into the connection's
//! inbox, which holds no more than its window. Kafka that does not answer is noticed within
//! [`STALL`]; from then on submits are refused before they are queued, so memory stays bounded.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use platform::clock::unix_ms;
use platform::kafka::{KafkaSettings, Outcome, Publisher, Record, Refused, Sink};
use tokio::sync::Notify;

/// Nothing ended for this long while something waits: Kafka is down.
const STALL: Duration = Duration::from_secs(3);
/// What left is retried for this long under its id; then the customer is told `ESME_RSYSERR`.
const DELIVERY_TIMEOUT_MS: u32 = 30_000;

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
        std::mem::swap(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner), into);
    }

    fn put(&self, sequence: u32, outcome: Outcome) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push((sequence, outcome));
        if ended.len() == 1 {
            self.arrived.notify_one();
        }
    }
}

/// Inboxes of the connections that are there. Numbers are not reused while the process lives.
#[derive(Debug, Default)]
struct Inboxes {
    open: RwLock<HashMap<u32, Arc<Inbox>>>,
    /// Unix milliseconds of the last sign of life of Kafka.
    alive_ms: AtomicU64,
    waiting: AtomicU64,
}

impl Sink for Inboxes {
    fn ended(&self, token: u64, outcome: Outcome) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if matches!(outcome, Outcome::Stored { .. }) {
            self.alive_ms.store(unix_ms(), Ordering::Relaxed);
        } else {
            // The customer is told it failed; should it be on Kafka all the same, this says so.
            tracing::warn!(event = "publish_doubt", ?outcome);
        }
        let [connection, sequence] = split(token);
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = open.get(&connection) {
            inbox.put(sequence, outcome);
        }
    }
}

fn split(token: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = token.to_be_bytes();
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}

fn join(connection: u32, sequence: u32) -> u64 {
    (u64::from(connection) << 32) | u64::from(sequence)
}

/// The edge's producer.
#[derive(Debug)]
pub struct Records {
    publisher: Publisher<Inboxes>,
    inboxes: Arc<Inboxes>,
    next: AtomicU32,
}

/// Kafka does not take it now; nothing was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl Records {
    /// A producer tuned for short answers: no linger, two requests in flight.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let inboxes = Arc::new(Inboxes::default());
        let mut config = settings.producer(0, DELIVERY_TIMEOUT_MS);
        config
            .set("max.in.flight.requests.per.connection", "2")
            .set("sticky.partitioning.linger.ms", "4");
        let publisher = Publisher::new(settings, &config, inboxes.clone())?;
        Ok(Self { publisher, inboxes, next: AtomicU32::new(1) })
    }

    /// A new connection's inbox.
    pub fn open(self: &Arc<Self>) -> Outbox {
        let connection = self.next.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::new(Inbox::default());
        let mut open = self.inboxes.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(connection, inbox.clone());
        Outbox { records: self.clone(), connection, inbox }
    }

    /// True while Kafka answers, as far as anybody has asked.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let silent_ms = unix_ms().saturating_sub(self.inboxes.alive_ms.load(Ordering::Relaxed));
        self.inboxes.waiting.load(Ordering::Relaxed) == 0
            || u128::from(silent_ms) < STALL.as_millis()
    }

    /// Waits until everything published has ended. Blocks the thread.
    pub fn flush(&self, patience: Duration) {
        if self.publisher.flush(patience).is_err() {
            tracing::error!(event = "flush_incomplete", records = self.publisher.in_flight());
        }
    }

    fn publish(&self, topic: &str, key: &[u8], value: &[u8], token: u64) -> Result<(), Busy> {
        if !self.is_alive() {
            return Err(Busy);
        }
        if self.inboxes.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            // The stall's clock starts with the first record that waits.
            self.inboxes.alive_ms.store(unix_ms(), Ordering::Relaxed);
        }
        let record = Record { topic, partition: None, key, value, token };
        self.publisher.send(record).map_err(|refused| {
            self.inboxes.waiting.fetch_sub(1, Ordering::Relaxed);
            if let Refused::Other(error) = refused {
                tracing::error!(event = "publish_refused", %error);
            }
            Busy
        })
    }
}

/// One connection's way to Kafka and back.
#[derive(Debug)]
pub struct Outbox {
    records: Arc<Records>,
    connection: u32,
    /// Where outcomes come back.
    pub inbox: Arc<Inbox>,
}

impl Outbox {
    /// Publishes; exactly one outcome for `sequence` follows in the inbox.
    ///
    /// # Errors
    /// Kafka is down or full: nothing was published, nothing follows.
    pub fn publish(
        &self,
        sequence: u32,
        topic: &str,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Busy> {
        self.records.publish(topic, key, value, join(self.connection, sequence))
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut open = self.records.inboxes.open.write().unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_connection_and_sequence() {
        assert_eq!(split(join(7, 0x7fff_ffff)), [7, 0x7fff_ffff]);
        assert_eq!(split(join(u32::MAX, 1)), [u32::MAX, 1]);
    }

    #[test]
    fn an_outcome_for_a_connection_that_is_gone_reaches_nobody_else() {
        let inboxes = Inboxes::default();
        let inbox = Arc::new(Inbox::default());
        inboxes.waiting.store(2, Ordering::Relaxed);
        inboxes.open.write().unwrap().insert(2, inbox.clone());
        inboxes.ended(join(1, 5), Outcome::NeverLeft);
        inboxes.ended(join(2, 6), Outcome::Stored { partition: 0, offset: 1 });
        let mut taken = Vec::new();
        inbox.take(&mut taken);
        assert_eq!(taken, [(6, Outcome::Stored { partition: 0, offset: 1 })]);
    }
}
