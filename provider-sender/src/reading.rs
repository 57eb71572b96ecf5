//! Reads one slot's outgoing partitions, one of each priority, by manual assignment. What is read
//! is bounded by the slot's room; what waits on Kafka stays there.

use std::sync::Arc;
use std::time::Duration;

use domain::id::ProviderId;
use domain::message::Priority;
use journal::Message;
use platform::kafka::{self, Context, KafkaSettings};
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Notify;
use wire::provider_outgoing::OutgoingMessage;
use wire::submit_journal::{At, PRIORITIES};
use wire::topics;

/// A message with its body, as the slot's state machine carries it.
pub type Outgoing = Arc<OutgoingMessage>;

/// A record that is no message: a dead letter.
#[derive(Debug)]
pub struct Poison {
    /// Where it stands.
    pub topic: String,
    /// Partition there.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// Itself.
    pub value: Vec<u8>,
    /// Why it is none.
    pub reason: String,
}

/// The open partitions of a slot.
pub struct Reading {
    consumer: Arc<BaseConsumer<Context>>,
    queues: Vec<PartitionQueue<Context>>,
    /// Records that were read and could not be taken yet, at most one of each priority.
    put_back: [Option<Taken>; PRIORITIES],
}

/// A record of an outgoing partition.
pub type Taken = Result<Message<Outgoing>, Poison>;

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({} partitions)", self.queues.len())
    }
}

impl Reading {
    /// Opens the partitions of `bind` at the offsets `from`; `arrived` is notified when something
    /// is there.
    ///
    /// # Errors
    /// Kafka's client refuses.
    pub fn open(
        settings: &KafkaSettings,
        provider: &ProviderId,
        bind: u32,
        from: [u64; PRIORITIES],
        arrived: &Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let consumer = consumer(settings)?;
        let partition = i32::try_from(bind)?;
        let mut list = TopicPartitionList::new();
        let mut queues = Vec::with_capacity(PRIORITIES);
        for (priority, from) in Priority::ALL.into_iter().zip(from) {
            let topic = topics::provider_outgoing(provider, priority);
            list.add_partition_offset(&topic, partition, Offset::Offset(i64::try_from(from)?))?;
            let mut queue = consumer
                .split_partition_queue(&topic, partition)
                .ok_or_else(|| anyhow::anyhow!("no queue for {topic}"))?;
            let arrived = arrived.clone();
            queue.set_nonempty_callback(move || arrived.notify_one());
            queues.push(queue);
        }
        consumer.assign(&list)?;
        Ok(Self { consumer, queues, put_back: Default::default() })
    }

    /// Serves the client's own events; to be called now and then.
    pub fn tick(&self) {
        if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
            tracing::warn!(event = "outgoing_unreadable", %error);
        }
    }

    /// What is to be taken before [`Reading::next`].
    pub fn take_back(&mut self, priority: usize) -> Option<Taken> {
        self.put_back.get_mut(priority).and_then(Option::take)
    }

    /// A record that could not be taken: see [`Reading::take_back`].
    pub fn put_back(&mut self, priority: usize, taken: Taken) {
        if let Some(place) = self.put_back.get_mut(priority) {
            *place = Some(taken);
        }
    }

    /// The next record of a priority that is there already.
    pub fn next(&mut self, priority: usize) -> Option<Taken> {
        match self.queues.get(priority)?.poll(Duration::ZERO)? {
            Ok(record) => Some(message(&record, priority)),
            Err(KafkaError::PartitionEOF(_)) => None,
            Err(error) => {
                tracing::warn!(event = "outgoing_unreadable", %error);
                None
            }
        }
    }
}

impl Drop for Reading {
    /// Dropping a consumer can take seconds: not on a task's thread.
    fn drop(&mut self) {
        let consumer = self.consumer.clone();
        self.queues.clear();
        std::thread::spawn(move || drop(consumer));
    }
}

fn consumer(settings: &KafkaSettings) -> KafkaResult<Arc<BaseConsumer<Context>>> {
    let mut config = settings.client();
    config
        .set("group.id", "provider-sender-outgoing")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A position that retention has overtaken must be seen, not skipped over silently.
        .set("auto.offset.reset", "earliest")
        // Idle, a slot asks so often; a record ends the wait. The socket time-out has to be 1 s longer.
        .set("fetch.wait.max.ms", "2000")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.max.messages.kbytes", "8192");
    kafka::consumer(&config, settings.context())
}

fn message(record: &BorrowedMessage<'_>, priority: usize) -> Result<Message<Outgoing>, Poison> {
    let value = record.payload().unwrap_or_default();
    let poison = |reason: String| Poison {
        topic: record.topic().to_owned(),
        partition: record.partition(),
        offset: record.offset(),
        key: record.key().unwrap_or_default().to_vec(),
        value: value.to_vec(),
        reason,
    };
    let outgoing: OutgoingMessage =
        wire::decode(value).map_err(|error| poison(error.to_string()))?;
    let parts = u16::try_from(outgoing.message.parts.len()).ok().filter(|parts| *parts > 0);
    let attempt = u16::try_from(outgoing.message.attempt).ok();
    let (Some(parts), Some(attempt)) = (parts, attempt) else {
        return Err(poison("a message without parts, or of too many parts or attempts".into()));
    };
    let at = At {
        priority: u8::try_from(priority).unwrap_or(u8::MAX),
        offset: u64::try_from(record.offset()).unwrap_or_default(),
    };
    Ok(Message {
        at,
        id: uuid::Uuid::from_u128(outgoing.message.id.as_u128()),
        attempt,
        parts,
        attempt_began_ms: outgoing.message.attempt_ms,
        was_read: false,
        expires_at_ms: outgoing.message.envelope.valid_until_ms,
        handle: Arc::new(outgoing),
    })
}
