//! Reads the partitions of `edge-deliveries` that are this node's: one consumer group (KIP-848), a thread
//! of its own, so that a rebalance never holds up a submit. Offsets are the hub's: what it lets go is
//! committed here, and before a partition is surrendered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use platform::kafka::{self, Context, KafkaSettings};
use rdkafka::client::OAuthToken;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::edge_deliveries::EdgeRecord;
use wire::topics::EDGE_DELIVERIES;

use super::Input;

/// Records handed over at once, at most.
const AT_ONCE: usize = 256;
const POLL: Duration = Duration::from_millis(200);
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// For the hub to let a partition go; it takes 3 s for what is on its way.
const SURRENDER_MAX: Duration = Duration::from_secs(6);

/// What the thread tells the hub's task.
#[derive(Debug)]
pub(crate) enum Change {
    /// Ours from now on.
    Assigned(Vec<i32>),
    /// To be let go; each with the offset to commit.
    Revoked(Vec<i32>, SyncSender<(i32, Option<i64>)>),
    /// Records, in the order of their offsets.
    Read(Vec<Read>),
}

/// A record.
#[derive(Debug)]
pub(crate) struct Read {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) record: Result<EdgeRecord, Poison>,
}

/// It is no record.
pub(crate) struct Poison {
    pub(super) reason: String,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl std::fmt::Debug for Poison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Poison({})", self.reason)
    }
}

/// What the hub's task tells the thread.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// The node has its hands full: read nothing for now.
    pub(super) is_full: AtomicBool,
    commits: Mutex<BTreeMap<i32, i64>>,
}

impl Control {
    /// Everything before `offset` may be committed.
    pub(super) fn commit(&self, partition: i32, offset: i64) {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, offset);
    }

    fn take_commits(&self) -> BTreeMap<i32, i64> {
        std::mem::take(&mut *self.commits.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Callbacks {
    context: Context,
    inputs: mpsc::Sender<Input>,
    control: Arc<Control>,
}

impl ClientContext for Callbacks {
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

impl ConsumerContext for Callbacks {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(list) = rebalance else { return };
        let partitions = partitions(list);
        if partitions.is_empty() {
            return;
        }
        let (answer, answered) = sync_channel(partitions.len());
        let change = Change::Revoked(partitions.clone(), answer);
        // The receiver is gone only when the process ends.
        let _ending = self.inputs.blocking_send(Input::Group(change));
        let deadline = Instant::now() + SURRENDER_MAX;
        let mut offsets = self.control.take_commits();
        for _ in &partitions {
            let left = deadline.saturating_duration_since(Instant::now());
            match answered.recv_timeout(left) {
                Ok((partition, Some(offset))) => drop(offsets.insert(partition, offset)),
                Ok((_, None)) => {}
                Err(_) => break,
            }
        }
        commit(consumer, &offsets, CommitMode::Sync);
        tracing::info!(event = "deliveries_surrendered", ?partitions);
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        let partitions = partitions(list);
        tracing::info!(event = "deliveries_assigned", ?partitions);
        let _ending = self.inputs.blocking_send(Input::Group(Change::Assigned(partitions)));
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            // What is not committed is read again, by us or by the next owner.
            tracing::warn!(event = "offsets_not_committed", %error);
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(|element| element.partition()).collect()
}

fn commit(consumer: &BaseConsumer<Callbacks>, offsets: &BTreeMap<i32, i64>, mode: CommitMode) {
    if offsets.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        if list.add_partition_offset(EDGE_DELIVERIES, *partition, Offset::Offset(*offset)).is_err()
        {
            tracing::error!(event = "offset_impossible", partition, offset);
        }
    }
    if let Err(error) = consumer.commit(&list, mode) {
        tracing::warn!(event = "offsets_not_committed", %error);
    }
}

/// Joins the group until `leave`; leaving takes every partition away first.
///
/// # Errors
/// A setting is wrong.
pub(super) fn join(
    settings: &KafkaSettings,
    group: &str,
    inputs: mpsc::Sender<Input>,
    control: Arc<Control>,
    leave: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let callbacks =
        Callbacks { context: settings.context(), inputs: inputs.clone(), control: control.clone() };
    let mut config = settings.client();
    config
        .set("group.id", group)
        .set("group.protocol", "consumer")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("max.poll.interval.ms", "60000")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.max.messages.kbytes", "16384");
    let consumer = kafka::consumer(&config, callbacks)?;
    consumer.subscribe(&[EDGE_DELIVERIES])?;
    let thread = std::thread::Builder::new().name("deliveries".into()).spawn(move || {
        let mut thread =
            Thread { consumer, inputs, control, committed: Instant::now(), is_held: false };
        while !leave.is_cancelled() {
            thread.turn(POLL);
        }
        thread.leave();
    })?;
    Ok(thread)
}

struct Thread {
    consumer: Arc<BaseConsumer<Callbacks>>,
    inputs: mpsc::Sender<Input>,
    control: Arc<Control>,
    committed: Instant,
    is_held: bool,
}

impl Thread {
    fn turn(&mut self, patience: Duration) {
        self.hold_or_go_on();
        let mut records = Vec::new();
        let mut next = self.consumer.poll(patience);
        while let Some(found) = next {
            match found {
                Ok(record) => records.push(read(&record)),
                Err(error) => {
                    tracing::warn!(event = "deliveries_unreadable", %error);
                    // Errors come at once, again and again, while Kafka is away.
                    std::thread::sleep(POLL);
                    break;
                }
            }
            if records.len() == AT_ONCE {
                break;
            }
            next = self.consumer.poll(Duration::ZERO);
        }
        if !records.is_empty() {
            let _ending = self.inputs.blocking_send(Input::Group(Change::Read(records)));
        }
        if self.committed.elapsed() >= COMMIT_EVERY {
            self.committed = Instant::now();
            commit(&self.consumer, &self.control.take_commits(), CommitMode::Async);
        }
    }

    /// A node with its hands full goes on polling, for the group's sake, and gets nothing.
    fn hold_or_go_on(&mut self) {
        let is_full = self.control.is_full.load(Ordering::Relaxed);
        if !is_full && !self.is_held {
            return;
        }
        let Ok(list) = self.consumer.assignment() else { return };
        if list.count() == 0 {
            return;
        }
        // Again each time while full: partitions may have come meanwhile.
        let done = if is_full { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        match done {
            Ok(()) => self.is_held = is_full,
            Err(error) => tracing::debug!(event = "deliveries_not_held", %error),
        }
    }

    fn leave(mut self) {
        self.consumer.unsubscribe();
        // The revocation arrives as an event of a poll.
        let deadline = Instant::now() + SURRENDER_MAX + Duration::from_secs(2);
        while Instant::now() < deadline {
            self.turn(Duration::from_millis(100));
            if self.consumer.assignment().is_ok_and(|list| list.count() == 0) {
                break;
            }
        }
    }
}

fn read(record: &BorrowedMessage<'_>) -> Read {
    let value = record.payload().unwrap_or_default();
    let poison = |error: wire::Undecodable| Poison {
        reason: error.to_string(),
        key: record.key().unwrap_or_default().to_vec(),
        value: value.to_vec(),
    };
    Read {
        partition: record.partition(),
        offset: record.offset(),
        record: wire::decode(value).map_err(poison),
    }
}
