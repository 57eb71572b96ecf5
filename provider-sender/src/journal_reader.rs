//! Reads stretches of `submit-journal` for the slots of this task: at takeover, over gaps, and for
//! idle looks. One thread and one consumer for all slots; requests are served in turn.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use journal::JournalRecord;
use platform::kafka::{self, Context, KafkaSettings};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use wire::topics::SUBMIT_JOURNAL;

/// Requests that wait; a slot has one at a time.
const REQUESTS_MAX: usize = 1024;
/// Records handed over at once.
const BATCH: usize = 512;
const ASK: Duration = Duration::from_secs(5);
/// Without a record for this long the request is begun anew.
const SILENCE: Duration = Duration::from_secs(5);

/// A stretch to be read.
#[derive(Debug)]
pub struct Request {
    /// The slot: the partition.
    pub slot: u32,
    /// First offset.
    pub from: u64,
    /// Up to here, exclusive; none: what is the end now.
    pub to: Option<u64>,
    /// Where it goes. The slot that asked again drops the old receiver, which ends a request.
    pub into: mpsc::Sender<Read>,
}

/// What was read.
#[derive(Debug)]
pub enum Read {
    /// In order.
    Records(Vec<JournalRecord>),
    /// All of `from..to` that exists was delivered.
    End {
        /// Later than asked if the journal begins later.
        from: u64,
        /// Up to here, exclusive.
        to: u64,
    },
}

/// The reader's thread takes requests from here.
pub type Requests = mpsc::Sender<Request>;

/// Starts the reader. It ends when the last sender of requests is gone.
///
/// # Errors
/// A setting is wrong.
pub fn start(settings: &KafkaSettings) -> anyhow::Result<Requests> {
    let mut config = settings.client();
    config
        .set("group.id", "provider-sender-journal-reader")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.queue.backoff.ms", "5");
    let consumer = kafka::consumer(&config, settings.context())?;
    let (sender, mut requests) = mpsc::channel(REQUESTS_MAX);
    std::thread::Builder::new().name("journal-reader".into()).spawn(move || {
        while let Some(request) = requests.blocking_recv() {
            serve(&consumer, &request);
        }
    })?;
    Ok(sender)
}

/// Until it is served, or nobody waits for it any more.
fn serve(consumer: &BaseConsumer<Context>, request: &Request) {
    while !request.into.is_closed() {
        match read(consumer, request) {
            Ok(()) => return,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(event = "journal_unreadable", slot = request.slot, error);
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
}

fn read(consumer: &BaseConsumer<Context>, request: &Request) -> anyhow::Result<()> {
    let partition = i32::try_from(request.slot)?;
    // The client asks for its IAM token when it is polled, and only then.
    if let Some(Err(error)) = consumer.poll(Duration::ZERO) {
        tracing::debug!(event = "journal_reader_idle", %error);
    }
    let (low, high) = consumer.fetch_watermarks(SUBMIT_JOURNAL, partition, ASK)?;
    let from = request.from.max(u64::try_from(low)?);
    let to = request.to.unwrap_or(u64::try_from(high)?).max(from);
    if to > from {
        assign(consumer, partition, from)?;
        deliver(consumer, request, from, to)?;
        consumer.unassign()?;
    }
    // A slot that asked anew does not want it.
    let _unwanted = request.into.blocking_send(Read::End { from, to });
    Ok(())
}

fn assign(consumer: &BaseConsumer<Context>, partition: i32, from: u64) -> anyhow::Result<()> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(SUBMIT_JOURNAL, partition, Offset::Offset(i64::try_from(from)?))?;
    consumer.assign(&list).context("assign the journal's partition")
}

fn deliver(
    consumer: &BaseConsumer<Context>,
    request: &Request,
    from: u64,
    to: u64,
) -> anyhow::Result<()> {
    let mut next = from;
    let mut heard = Instant::now();
    let mut batch = Vec::with_capacity(BATCH);
    while next < to && !request.into.is_closed() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                heard = Instant::now();
                let offset = u64::try_from(message.offset())?;
                next = offset + 1;
                if offset < to {
                    batch.push(record(&message, offset));
                }
                if batch.len() < BATCH && next < to {
                    continue;
                }
            }
            // The end before `to`: what is missing was removed, or is not there yet.
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => {
                let (_, high) =
                    consumer.fetch_watermarks(SUBMIT_JOURNAL, i32::try_from(request.slot)?, ASK)?;
                if u64::try_from(high)? >= to {
                    break;
                }
            }
            Some(Err(error)) => return Err(error.into()),
            None => anyhow::ensure!(heard.elapsed() < SILENCE, "nothing came for {SILENCE:?}"),
        }
        if !batch.is_empty() {
            let _unwanted = request.into.blocking_send(Read::Records(std::mem::take(&mut batch)));
        }
    }
    if !batch.is_empty() {
        let _unwanted = request.into.blocking_send(Read::Records(batch));
    }
    Ok(())
}

fn record(message: &rdkafka::message::BorrowedMessage<'_>, offset: u64) -> JournalRecord {
    let time_ms = message.timestamp().to_millis().and_then(|ms| u64::try_from(ms).ok());
    let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
    JournalRecord::read(offset, time_ms.unwrap_or(0), key, value)
}
