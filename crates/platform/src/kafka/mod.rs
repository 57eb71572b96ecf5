//! Kafka: client settings, producers that say what became of each record, a reader of stretches,
//! topic safety.

mod admin;
mod client;
mod progress;
mod publisher;
mod reader;
mod topics;
mod watch;

pub use admin::{Admin, TopicNeed};
pub use client::{Context, KafkaSettings};
pub use progress::CommittedProgress;
pub use publisher::{Outcome, Publisher, Record, Refused, Sink};
pub use reader::{Found, Reader};
pub use topics::{TopicUnsafe, check_topics};
pub use watch::consumer;

mod batch;
pub use batch::{Batch, NotPublished};
