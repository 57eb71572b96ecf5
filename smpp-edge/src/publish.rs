//! Records to Kafka, outcomes back to the connection that waits for them.
//!
//! Kafka that does not answer is noticed within [`STALL`]; from then on submits are refused before
//! they are queued, so memory stays bounded. What waits in the queue and never left is refused too;
//! what may have left is tried again for a while ([`again`]), and what then is still unknown is a
//! doubt, logged at once and recorded when Kafka is back ([`crate::doubts`]).

mod again;
mod inboxes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use platform::kafka::{KafkaSettings, Outcome, Publisher, Record, Refused, Sink as _};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use self::inboxes::Inbox;
use self::inboxes::{Inboxes, join};
use crate::doubts::Doubt;

/// Nothing was stored for this long while something waits: Kafka is down.
const STALL: Duration = Duration::from_secs(3);
/// How often it is looked whether Kafka is down.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The queue is purged at this many looks: at the second for those that passed the check for a stall
/// just before the first.
const PURGES: u32 = 2;

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

/// The producer is of no use any more; the process has to end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the producer failed for good: {0}")]
pub struct Fatal(String);

impl Records {
    /// A producer tuned for short answers: no linger, two requests in flight. What left is retried
    /// for `retry_for`; what then is not known goes to `doubts`.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(
        settings: &KafkaSettings,
        retry_for: Duration,
        doubts: mpsc::Sender<Doubt>,
    ) -> anyhow::Result<Self> {
        let inboxes = Arc::new(Inboxes::new(retry_for, doubts));
        let mut config = settings.producer(0, u32::try_from(retry_for.as_millis())?);
        config
            .set("max.in.flight.requests.per.connection", "2")
            .set("sticky.partitioning.linger.ms", "4");
        let publisher = Publisher::new(settings, &config, inboxes.clone())?;
        Ok(Self { publisher, inboxes, next: AtomicU32::new(1) })
    }

    /// A new connection's inbox.
    pub fn open(self: &Arc<Self>) -> Outbox {
        let connection = self.next.fetch_add(1, Ordering::Relaxed);
        let inbox = self.inboxes.open(connection);
        Outbox { records: self.clone(), connection, inbox }
    }

    /// True while Kafka answers, as far as anybody has asked.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.inboxes.is_silent_for(STALL)
    }

    /// Watches for stalls until `ended`: without it nothing is refused before its time-out.
    ///
    /// # Errors
    /// The producer failed for good.
    pub async fn watch(self: Arc<Self>, ended: CancellationToken) -> Result<(), Fatal> {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stalled_for = 0;
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = ended.cancelled() => return Ok(()),
            }
            stalled_for = if self.is_alive() { 0 } else { stalled_for + 1 };
            if let Some(error) = self.publisher.fatal_error() {
                return Err(Fatal(error));
            }
            if (1..=PURGES).contains(&stalled_for) {
                self.clone().purge(stalled_for == 1).await;
            } else {
                self.publish_again();
            }
        }
    }

    /// Waits until everything published has ended. Blocks the thread.
    pub fn flush(&self, patience: Duration) {
        if self.publisher.flush(patience).is_err() {
            tracing::error!(event = "flush_incomplete", records = self.publisher.in_flight());
        }
    }

    async fn purge(self: Arc<Self>, is_news: bool) {
        if is_news {
            tracing::warn!(event = "kafka_stalled", waiting = self.inboxes.waiting());
        }
        let purged = tokio::task::spawn_blocking(move || self.publisher.purge_queue()).await;
        if let Err(error) = purged {
            tracing::error!(event = "purge_failed", %error);
        }
    }

    fn publish_again(&self) {
        for copied in self.inboxes.take_again() {
            let record = copied.record();
            if self.publisher.send(record).is_err() {
                self.inboxes.failed(record, Outcome::Unknown, false);
            }
        }
    }

    fn publish(&self, topic: &str, key: &[u8], value: &[u8], token: u64) -> Result<(), Busy> {
        if !self.is_alive() {
            return Err(Busy);
        }
        self.inboxes.expect();
        let record = Record { topic, partition: None, key, value, token };
        self.publisher.send(record).map_err(|refused| {
            self.inboxes.withdraw();
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
        self.records.inboxes.close(self.connection);
    }
}
