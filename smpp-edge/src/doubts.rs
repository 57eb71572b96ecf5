//! Submits of which nobody knows whether Kafka has them: their customers were told `ESME_RSYSERR`.
//! Each is told on `message-events` as soon as Kafka takes it.

use std::borrow::Cow;
use std::time::Duration;

use domain::id::{CustomerId, MessageId};
use platform::kafka::{Batch, KafkaSettings, NotPublished, Record};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;
use wire::customer_incoming::{IncomingMessage, IncomingPart};
use wire::message_events::{self, Happened, MessageEvent};
use wire::topics::{CUSTOMER_INCOMING_MESSAGE_PARTS, CUSTOMER_INCOMING_MESSAGES, MESSAGE_EVENTS};

/// Doubts that wait for Kafka; more stand in the log only.
const WAITING_MAX: usize = 100_000;
/// Published and confirmed together.
const AT_ONCE: usize = 1_000;
const TIMEOUT: Duration = Duration::from_secs(10);
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Whose.
    pub customer: CustomerId,
    /// The message; of a part, the part.
    pub message: MessageId,
    /// When it was given up, Unix milliseconds.
    pub at_ms: u64,
}

impl Doubt {
    /// The doubt about a record of one of the edge's topics.
    #[must_use]
    pub fn about(record: &Record<'_>, at_ms: u64) -> Option<Self> {
        let (customer, message) = match record.topic {
            CUSTOMER_INCOMING_MESSAGES => {
                let IncomingMessage { message, .. } = wire::decode(record.value).ok()?;
                (message.envelope.customer, message.id)
            }
            CUSTOMER_INCOMING_MESSAGE_PARTS => {
                let part: IncomingPart = wire::decode(record.value).ok()?;
                (part.envelope.customer, part.part.id.into())
            }
            _ => return None,
        };
        Some(Self { customer, message, at_ms })
    }
}

/// Where doubts are put, and whence [`record`] takes them.
#[must_use]
pub fn channel() -> (Sender<Doubt>, Receiver<Doubt>) {
    mpsc::channel(WAITING_MAX)
}

/// Records doubts until `ended`; then those that wait are tried once more.
pub async fn record(kafka: KafkaSettings, mut doubts: Receiver<Doubt>, ended: CancellationToken) {
    let mut some = Vec::new();
    loop {
        tokio::select! {
            taken = doubts.recv_many(&mut some, AT_ONCE) => if taken == 0 { return },
            () = ended.cancelled() => return last(&kafka, &mut doubts).await,
        }
        while let Err(error) = publish(&kafka, &some).await {
            tracing::warn!(event = "doubts_wait", count = some.len(), %error);
            if ended.is_cancelled() {
                return;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        some.clear();
    }
}

async fn last(kafka: &KafkaSettings, doubts: &mut Receiver<Doubt>) {
    let some: Vec<Doubt> = std::iter::from_fn(|| doubts.try_recv().ok()).collect();
    if !some.is_empty()
        && let Err(error) = publish(kafka, &some).await
    {
        tracing::error!(event = "doubts_not_recorded", count = some.len(), %error);
    }
}

/// By a producer of its own, made for it: doubts are rare, and these must be confirmed.
async fn publish(kafka: &KafkaSettings, doubts: &[Doubt]) -> anyhow::Result<()> {
    let batch = Batch::new(kafka, TIMEOUT)?;
    batch.begin();
    let published = hand_over(&batch, doubts).await;
    if published.is_err() {
        batch.abandon().await;
    }
    Ok(published?)
}

async fn hand_over(batch: &Batch, doubts: &[Doubt]) -> Result<(), NotPublished> {
    let mut events: Vec<_> = doubts.iter().map(event).collect();
    for (key, value) in message_events::records(&mut events) {
        batch.publish(MESSAGE_EVENTS, None, key.as_bytes(), &value).await?;
    }
    batch.flush().await
}

fn event(doubt: &Doubt) -> MessageEvent<'_> {
    let (id, customer) = (doubt.message.event("edge doubt", 0), Cow::Borrowed(&doubt.customer));
    MessageEvent {
        detail: Cow::Borrowed("not known whether Kafka has it; told ESME_RSYSERR"),
        ..MessageEvent::new(id, doubt.message, customer, Happened::Doubt, "smpp-edge", doubt.at_ms)
    }
}
