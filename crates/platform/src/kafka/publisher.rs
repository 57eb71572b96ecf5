//! A producer whose every record ends in one of three ways, told to a [`Sink`] on the client's
//! own thread.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::client::OAuthToken;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use super::client::{Context, KafkaSettings};

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
    /// It never left this process.
    NeverLeft,
    /// It may be on Kafka.
    Unknown,
}

/// Where outcomes go. Called on the client's thread: must be short and must not block.
pub trait Sink: Send + Sync + 'static {
    /// The record that was sent with `token` ended.
    fn ended(&self, token: u64, outcome: Outcome);
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
        let outcome = match result {
            // Some results of retried batches carry no offset: stored, but not known where.
            Ok(message) => {
                Outcome::Stored { partition: message.partition(), offset: message.offset() }
            }
            Err((error, _)) => match error.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::PurgeQueue
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownPartition
                    | RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::TopicAuthorizationFailed,
                ) => Outcome::NeverLeft,
                _ => Outcome::Unknown,
            },
        };
        self.sink.ended(token as u64, outcome);
    }
}

/// An idempotent producer.
pub struct Publisher<S: Sink> {
    producer: ThreadedProducer<Callbacks<S>>,
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
    /// A setting is wrong.
    pub fn new(
        settings: &KafkaSettings,
        config: &ClientConfig,
        sink: Arc<S>,
    ) -> Result<Self, KafkaError> {
        let callbacks = Callbacks { context: settings.context(), sink };
        Ok(Self { producer: config.create_with_context(callbacks)? })
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

    /// Throws away what never left; those end as [`Outcome::NeverLeft`], and what is on its way as
    /// [`Outcome::Unknown`]. A purged producer is to be replaced (journal.md, rule 3).
    pub fn purge(&self) {
        self.producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
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
