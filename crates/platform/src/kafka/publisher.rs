//! A producer whose every record ends in one of three ways, told to a [`Sink`] on the client's
//! own thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::bindings::{rd_kafka_message_status, rd_kafka_msg_status_t};
use rdkafka::client::OAuthToken;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::{ClientConfig, ClientContext};

use super::client::{Context, KafkaSettings};
use super::watch;

/// The thread that takes outcomes looks so often whether its producer is still wanted. The binding's own
/// looks every 100 ms, and spins for the last millisecond of each wait: 0.8 % of a core, idle.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All in-sync replicas have it.
    Stored {
        /// Partition.
        partition: i32,
        /// Offset there.
        offset: i64,
    },
    /// Kafka does not have it and will not: it never left this process, or was refused.
    NeverLeft,
    /// It may be on Kafka.
    Unknown,
}

/// Where outcomes go. Called on the client's thread: must be short and must not block.
pub trait Sink: Send + Sync + 'static {
    /// The record that was sent with `token` ended.
    fn ended(&self, token: u64, outcome: Outcome);

    /// `record` ended, and is not known to be stored. `purged`: it was thrown out of the queue,
    /// where it waited to be sent, or to be sent again. Most need the outcome only.
    fn failed(&self, record: Record<'_>, outcome: Outcome, _purged: bool) {
        self.ended(record.token, outcome);
    }
}

/// A record to be published.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition; none: by key.
    pub partition: Option<i32>,
    /// Key.
    pub key: &'a [u8],
    /// Value.
    pub value: &'a [u8],
    /// Comes back with the outcome.
    pub token: u64,
}

impl std::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({}, {:?}, {} octets)", self.topic, self.partition, self.value.len())
    }
}

/// The record was not taken; nothing will be told of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue is full: Kafka is slow or down.
    #[error("the producer's queue is full")]
    Full,
    /// Anything else.
    #[error("the producer refused the record: {0}")]
    Other(KafkaError),
}

struct Callbacks<S> {
    context: Context,
    sink: Arc<S>,
}

impl<S: Sink> ClientContext for Callbacks<S> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }

    fn generate_oauth_token(
        &self,
        config: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.context.generate_oauth_token(config)
    }
}

impl<S: Sink> ProducerContext for Callbacks<S> {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let token = token as u64;
        match result {
            // Some results of retried batches carry no offset: stored, but not known where.
            Ok(message) => {
                let (partition, offset) = (message.partition(), message.offset());
                self.sink.ended(token, Outcome::Stored { partition, offset });
            }
            Err((error, message)) => {
                let record = Record {
                    topic: message.topic(),
                    partition: Some(message.partition()).filter(|partition| *partition >= 0),
                    key: message.key().unwrap_or_default(),
                    value: message.payload().unwrap_or_default(),
                    token,
                };
                let purged = error.rdkafka_error_code() == Some(RDKafkaErrorCode::PurgeQueue);
                self.sink.failed(record, fate(message), purged);
            }
        }
    }
}

/// What is known of a record that failed. The error does not tell: what is purged, or times out, in
/// the queue may wait there to be sent again. librdkafka keeps account of it for each message
/// (its INTRODUCTION.md, "Message persistence status").
#[allow(unsafe_code, reason = "the binding has no safe way to ask")]
fn fate(message: &BorrowedMessage<'_>) -> Outcome {
    // SAFETY: reads a field of a message that lives as long as it is borrowed.
    match unsafe { rd_kafka_message_status(message.ptr()) } {
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Outcome::NeverLeft,
        _ => Outcome::Unknown,
    }
}

/// An idempotent producer. Dropped, it sends nothing more, but outcomes still come: it throws out
/// what it has, and its thread, which looks once a second whether it is still wanted, tells the sink
/// what became of that. So the sink is called, and lives, for up to some two seconds after the drop.
/// Outcomes that have not come by then, or when the process ends before, are never told.
pub struct Publisher<S: Sink> {
    producer: Arc<BaseProducer<Callbacks<S>>>,
    dropped: Arc<AtomicBool>,
}

impl<S: Sink> Drop for Publisher<S> {
    /// The thread ends by itself within [`LOOK_EVERY`]: no task waits for it.
    fn drop(&mut self) {
        self.purge();
        self.dropped.store(true, Ordering::Release);
    }
}

impl<S: Sink> std::fmt::Debug for Publisher<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Publisher")
    }
}

impl<S: Sink> Publisher<S> {
    /// A producer with `config` (see [`KafkaSettings::producer`]) that tells `sink`.
    ///
    /// # Errors
    /// A setting is wrong, or the system gives no thread.
    pub fn new(
        settings: &KafkaSettings,
        config: &ClientConfig,
        sink: Arc<S>,
    ) -> anyhow::Result<Self> {
        let callbacks = Callbacks { context: settings.context(), sink };
        let producer = watch::producer(config, callbacks)?;
        let dropped = Arc::new(AtomicBool::new(false));
        let (polled, is_dropped) = (producer.clone(), dropped.clone());
        thread::Builder::new().name("kafka outcomes".to_owned()).spawn(move || {
            while !is_dropped.load(Ordering::Acquire) {
                polled.poll(LOOK_EVERY);
            }
        })?;
        Ok(Self { producer, dropped })
    }

    /// Hands a record over. The outcome follows, exactly once.
    ///
    /// # Errors
    /// It was not taken, and nothing follows.
    pub fn send(&self, record: Record<'_>) -> Result<(), Refused> {
        // 64-bit targets only: a token fits into the opaque.
        #[allow(
            clippy::cast_possible_truncation,
            reason = "usize has 64 bits on every target of ours"
        )]
        let opaque = record.token as usize;
        let mut base =
            BaseRecord::with_opaque_to(record.topic, opaque).key(record.key).payload(record.value);
        base.partition = record.partition;
        self.producer.send(base).map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => Refused::Full,
            _ => Refused::Other(error),
        })
    }

    /// Records that are not ended yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }

    /// Throws out what waits to be sent, or to be sent again; what is on its way stays. It goes on
    /// all the same: when a later record shows Kafka the gap, librdkafka counts anew under the
    /// next epoch (`rd_kafka_handle_idempotent_Produce_error`). Blocks the thread for a moment.
    pub fn purge_queue(&self) {
        self.producer.purge(PurgeConfig::default().queue());
    }

    /// Throws out everything; what is on its way ends as [`Outcome::Unknown`]. A producer purged
    /// so is to be replaced (journal.md, rule 3).
    pub fn purge(&self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }

    /// Waits until all records ended. Blocks the thread.
    ///
    /// # Errors
    /// They did not within `patience`.
    pub fn flush(&self, patience: Duration) -> Result<(), KafkaError> {
        self.producer.flush(patience)
    }

    /// An error after which the producer is of no use.
    #[must_use]
    pub fn fatal_error(&self) -> Option<String> {
        self.producer.client().fatal_error().map(|(code, _)| code.to_string())
    }
}
