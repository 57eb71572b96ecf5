//! Publishing from a function: everything that one invocation publishes is confirmed before it
//! returns, on every path; nothing stays in the queue when the sandbox freezes (design, 4.4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::client::KafkaSettings;
use super::publisher::{Outcome, Publisher, Record, Refused, Sink};

/// An invocation's records wait for each other: few, large requests.
const LINGER_MS: u32 = 2;

/// Not everything that was to be published is known to be stored; the batch has to fail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPublished(String);

/// Counts the records of the invocation at hand. A token is the invocation's number: what ends
/// late, after an invocation gave up, does not count for the next.
#[derive(Debug, Default)]
struct Counts {
    invocation: AtomicU64,
    waiting: AtomicU64,
    failed: AtomicU64,
    ended: Notify,
}

impl Sink for Counts {
    fn ended(&self, token: u64, outcome: Outcome) {
        if token != self.invocation.load(Ordering::Acquire) {
            return;
        }
        if !matches!(outcome, Outcome::Stored { .. }) {
            self.failed.fetch_add(1, Ordering::AcqRel);
        }
        if self.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ended.notify_one();
        }
    }
}

/// The producer of a function; one invocation at a time uses it.
#[derive(Debug)]
pub struct Batch {
    publisher: Publisher<Counts>,
    counts: Arc<Counts>,
}

impl Batch {
    /// A producer whose records are given up after `delivery_timeout`: shorter than the function's
    /// time-out by 5 s.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &KafkaSettings, delivery_timeout: Duration) -> anyhow::Result<Self> {
        let counts = Arc::new(Counts::default());
        let timeout_ms = u32::try_from(delivery_timeout.as_millis())?;
        let config = settings.producer(LINGER_MS, timeout_ms);
        let publisher = Publisher::new(settings, &config, counts.clone())?;
        Ok(Self { publisher, counts })
    }

    /// Begins an invocation.
    pub fn begin(&self) {
        self.counts.failed.store(0, Ordering::Release);
        self.counts.waiting.store(0, Ordering::Release);
        self.counts.invocation.fetch_add(1, Ordering::AcqRel);
    }

    /// Publishes to `topic`; confirmed by [`Batch::flush`] only. A full queue waits.
    ///
    /// # Errors
    /// The producer does not take it; the invocation has to fail.
    pub async fn publish(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), NotPublished> {
        let token = self.counts.invocation.load(Ordering::Acquire);
        let record = Record { topic, partition, key, value, token };
        // Counted before it is handed over: it may end before `send` returns.
        self.counts.waiting.fetch_add(1, Ordering::AcqRel);
        loop {
            match self.publisher.send(record) {
                Ok(()) => return Ok(()),
                Err(Refused::Full) => tokio::time::sleep(Duration::from_millis(2)).await,
                Err(error) => {
                    self.counts.waiting.fetch_sub(1, Ordering::AcqRel);
                    return Err(NotPublished(error.to_string()));
                }
            }
        }
    }

    /// Waits until everything published is stored.
    ///
    /// # Errors
    /// Something was not; the queue is empty all the same (purged), and the process ends itself
    /// after a fatal error of the producer: a fresh sandbox starts clean.
    pub async fn flush(&self) -> Result<(), NotPublished> {
        while self.counts.waiting.load(Ordering::Acquire) > 0 {
            self.counts.ended.notified().await;
        }
        if let Some(error) = self.publisher.fatal_error() {
            tracing::error!(event = "producer_fatal", error);
            std::process::exit(1);
        }
        match self.counts.failed.load(Ordering::Acquire) {
            0 => Ok(()),
            failed => Err(NotPublished(format!("{failed} records were not stored"))),
        }
    }

    /// Empties the queue after an invocation failed.
    pub async fn abandon(&self) {
        self.publisher.purge();
        // Purged records end at once; the poll thread of the client tells it.
        while self.counts.waiting.load(Ordering::Acquire) > 0 {
            self.counts.ended.notified().await;
        }
    }
}
