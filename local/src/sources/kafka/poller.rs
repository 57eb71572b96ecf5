//! A poller: reads, gathers a batch, has it delivered, commits. A thread, because the consumer's calls
//! block; decisions are in `delivery`, `batch` and `chaos`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use platform::kafka::KafkaSettings;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _, OwnedMessage};
use rdkafka::{Offset, Timestamp, TopicPartitionList};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::assignment::{Assignment, Epoch};
use super::batch::{Batch, Cluster, Record, Selection, octets_max};
use super::chaos::{Chaos, Redelivery};
use super::delivery::{After, Answer, Delivery, Policy, read_response};
use crate::runtime::{Function, InvokeError, PAYLOAD_MAX};
use crate::template::KafkaMapping;

/// How long a read waits for a first record.
const READ_WAIT: Duration = Duration::from_millis(100);
/// Octets of an event around its records.
const ENVELOPE_MAX: usize = 1024;
/// How often the group is served while an invocation runs.
const SERVE_EVERY: Duration = Duration::from_millis(200);

/// Since when each partition of a batch is ours.
type Epochs = HashMap<(String, i32), Epoch>;

/// A member of a mapping's group.
pub(super) struct Poller {
    consumer: BaseConsumer<Assignment>,
    function: Arc<Function>,
    mapping: KafkaMapping,
    cluster: Cluster,
    chaos: Chaos,
    stop: CancellationToken,
    runtime: Handle,
    /// Read, but not in a batch yet: at most a record that did not fit, and what came in while the
    /// group was served.
    waiting: VecDeque<(OwnedMessage, Option<Epoch>)>,
    paused: bool,
    /// A batch that chaos delivers again after the next one.
    previous: Option<Batch>,
}

impl Poller {
    /// Joins the group. Needs a Tokio runtime around it.
    ///
    /// # Errors
    /// The consumer cannot be made or subscribed.
    pub(super) fn new(
        mapping: KafkaMapping,
        function: Arc<Function>,
        settings: &Settings,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let cluster = settings.cluster.clone();
        let consumer: BaseConsumer<Assignment> = KafkaSettings::local(&cluster.bootstrap)
            .client()
            .set("group.id", &mapping.group)
            .set("group.protocol", "consumer")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", if mapping.from_start { "earliest" } else { "latest" })
            // A failing batch is retried for as long as it takes; we stay a member meanwhile.
            .set("max.poll.interval.ms", "86400000")
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "16384")
            .create_with_context(Assignment::default())?;
        let topics: Vec<_> = mapping.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        let chaos = Chaos::new(settings.odds, settings.seed);
        Ok(Self {
            consumer,
            function,
            mapping,
            cluster,
            chaos,
            stop,
            runtime: Handle::current(),
            waiting: VecDeque::new(),
            paused: false,
            previous: None,
        })
    }

    /// Until stopped.
    pub(super) fn run(mut self) {
        while !self.stop.is_cancelled() {
            let batch = self.gather();
            if batch.is_empty() {
                continue;
            }
            let epochs = self.epochs(&batch);
            if self.deliver(&batch, &epochs) {
                self.commit(&batch, &epochs);
                self.repeat(batch);
            }
            self.resume();
        }
    }

    /// Reads until the batch is full, the window over or, without a window, nothing more is there.
    fn gather(&mut self) -> Batch {
        let mut batch = Batch::default();
        let size = usize::try_from(self.mapping.batch_size).unwrap_or(usize::MAX);
        while let Some((message, epoch)) = self.waiting.pop_front() {
            if self.consumer.context().epoch(message.topic(), message.partition()) != epoch {
                continue;
            }
            if batch.len() == size || !add(&mut batch, &message) {
                self.waiting.push_front((message, epoch));
                return batch;
            }
        }
        let mut until = None;
        if !batch.is_empty() {
            until = Some(Instant::now() + self.mapping.window);
        }
        while batch.len() < size && !self.stop.is_cancelled() {
            let patience = match until {
                None => READ_WAIT,
                Some(until) => until.saturating_duration_since(Instant::now()).min(READ_WAIT),
            };
            let Some(message) = self.read(patience) else {
                if until.is_none_or(|until| until <= Instant::now()) {
                    break;
                }
                continue;
            };
            until.get_or_insert_with(|| Instant::now() + self.mapping.window);
            if !add(&mut batch, &message) {
                let epoch = self.consumer.context().epoch(message.topic(), message.partition());
                let message = message.detach();
                self.waiting.push_back((message, epoch));
                break;
            }
        }
        batch
    }

    fn read(&self, patience: Duration) -> Option<BorrowedMessage<'_>> {
        match self.consumer.poll(patience)? {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::debug!(event = "read_failed", group = self.mapping.group, %error);
                None
            }
        }
    }

    /// Since when the batch's partitions are ours.
    fn epochs(&self, batch: &Batch) -> Epochs {
        let context = self.consumer.context();
        let epoch = |lane: &super::batch::Lane| {
            let epoch = context.epoch(&lane.topic, lane.partition)?;
            Some(((lane.topic.clone(), lane.partition), epoch))
        };
        batch.lanes().iter().filter_map(epoch).collect()
    }

    /// Delivers until all is done, given up, or no longer ours. False: we are to stop before that.
    fn deliver(&mut self, batch: &Batch, epochs: &Epochs) -> bool {
        let policy = self.policy();
        let mut delivery = Delivery::new(policy, self.chaos.pieces(batch.all()));
        loop {
            delivery.retain(|records| self.still_wanted(batch, epochs, records));
            let Some(given) = delivery.due().cloned() else { return true };
            let Some(answer) = self.invoke(policy, batch, &given) else { return false };
            match delivery.answered(answer) {
                None => {}
                Some(After::Pause(pause)) => self.serve_for(pause),
                Some(After::GivenUp(records)) => {
                    let (group, records) = (&self.mapping.group, records.len());
                    tracing::error!(event = "records_given_up", group, records);
                }
            }
            if self.stop.is_cancelled() && delivery.due().is_some() {
                return false;
            }
        }
    }

    fn policy(&self) -> Policy {
        let KafkaMapping { retries_max, bisect, partial, .. } = self.mapping;
        Policy { retries_max, bisect, partial }
    }

    /// Delivers what succeeded once more, where the dice say so; what comes of it does not matter.
    fn repeat(&mut self, batch: Batch) {
        let policy = self.policy();
        if let Some(previous) = self.previous.take() {
            let _repeated = self.invoke(policy, &previous, &previous.all());
        }
        match self.chaos.redelivery() {
            Redelivery::No => {}
            Redelivery::Now => {
                let _repeated = self.invoke(policy, &batch, &batch.all());
            }
            Redelivery::Later => self.previous = Some(batch),
        }
    }

    /// Records whose partition is still ours and that are not too old.
    fn still_wanted(&self, batch: &Batch, epochs: &Epochs, records: &Selection) -> Selection {
        let oldest_ms = self.mapping.age_max.map(|age| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(i64::MAX)
        });
        let context = self.consumer.context();
        batch.filter(records, |lane, timestamp_ms| {
            let epoch = context.epoch(&lane.topic, lane.partition);
            let ours = epoch.is_some()
                && epoch == epochs.get(&(lane.topic.clone(), lane.partition)).copied();
            ours && oldest_ms.is_none_or(|oldest| timestamp_ms >= oldest)
        })
    }

    /// One invocation, or two at once. None: we are to stop, and it did not end in time.
    fn invoke(&mut self, policy: Policy, batch: &Batch, given: &Selection) -> Option<Answer> {
        let event = Bytes::from(batch.event(given, &self.cluster));
        let twice = self.chaos.overlap();
        let function = self.function.clone();
        let calls = async move {
            if !twice {
                return function.invoke(event).await;
            }
            let both = tokio::join!(function.invoke(event.clone()), function.invoke(event));
            both.0.and(both.1)
        };
        let calls = self.runtime.spawn(calls);
        Some(match self.await_serving(calls)? {
            Ok(response) => read_response(policy, &response, batch, given),
            Err(error) => {
                let (group, records) = (&self.mapping.group, given.len());
                tracing::warn!(event = "batch_failed", group, records, %error);
                Answer::Failed(given.clone())
            }
        })
    }

    /// Waits for an invocation, serving the group meanwhile.
    fn await_serving(
        &mut self,
        mut call: tokio::task::JoinHandle<Result<Bytes, InvokeError>>,
    ) -> Option<Result<Bytes, InvokeError>> {
        let mut ends = None;
        loop {
            let waited =
                self.runtime.block_on(async { tokio::time::timeout(SERVE_EVERY, &mut call).await });
            match waited {
                Ok(Ok(result)) => return Some(result),
                Ok(Err(error)) => return Some(Err(InvokeError::Exited(error.to_string()))),
                Err(_) => self.serve(),
            }
            if self.stop.is_cancelled() {
                let ends = ends.get_or_insert_with(|| Instant::now() + super::STOP_MAX);
                if *ends <= Instant::now() {
                    call.abort();
                    return None;
                }
            }
        }
    }

    /// Lets the client handle what the group wants, without reading records.
    fn serve(&mut self) {
        self.pause();
        let Some(Ok(message)) = self.consumer.poll(Duration::ZERO) else { return };
        // Of a partition that we got this moment, before it was paused.
        let epoch = self.consumer.context().epoch(message.topic(), message.partition());
        let message = message.detach();
        self.waiting.push_back((message, epoch));
        self.pause();
    }

    fn serve_for(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stop.is_cancelled() {
                return;
            }
            std::thread::sleep(left.min(SERVE_EVERY));
            self.serve();
        }
    }

    fn pause(&mut self) {
        self.paused = true;
        let paused = self.consumer.assignment().and_then(|all| self.consumer.pause(&all));
        if let Err(error) = paused {
            tracing::debug!(event = "pause_failed", %error);
        }
    }

    fn resume(&mut self) {
        if !std::mem::take(&mut self.paused) {
            return;
        }
        let resumed = self.consumer.assignment().and_then(|all| self.consumer.resume(&all));
        if let Err(error) = resumed {
            tracing::debug!(event = "resume_failed", %error);
        }
    }

    /// Commits what is still ours.
    fn commit(&self, batch: &Batch, epochs: &Epochs) {
        let context = self.consumer.context();
        let mut offsets = TopicPartitionList::new();
        for lane in batch.lanes() {
            let epoch = context.epoch(&lane.topic, lane.partition);
            if epoch.is_none()
                || epoch != epochs.get(&(lane.topic.clone(), lane.partition)).copied()
            {
                continue;
            }
            let offset = Offset::Offset(lane.next_offset());
            if let Err(error) = offsets.add_partition_offset(&lane.topic, lane.partition, offset) {
                tracing::warn!(event = "offset_refused", %error);
            }
        }
        if offsets.count() == 0 {
            return;
        }
        if let Err(error) = self.consumer.commit(&offsets, CommitMode::Async) {
            tracing::warn!(event = "commit_failed", group = self.mapping.group, %error);
        }
    }
}

/// Adds a record unless the event would be too large with it. One that is too large alone goes alone.
fn add<M: rdkafka::Message>(batch: &mut Batch, message: &M) -> bool {
    let (timestamp_ms, append_time) = match message.timestamp() {
        Timestamp::NotAvailable => (0, false),
        Timestamp::CreateTime(time) => (time, false),
        Timestamp::LogAppendTime(time) => (time, true),
    };
    let record = Record {
        topic: message.topic(),
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms,
        append_time,
        key: message.key(),
        value: message.payload(),
    };
    let headers = || {
        let headers = message.headers().into_iter().flat_map(|it| it.iter());
        headers.map(|it| (it.key, it.value.unwrap_or_default()))
    };
    let room = PAYLOAD_MAX.saturating_sub(batch.octets() + ENVELOPE_MAX);
    if !batch.is_empty() && octets_max(&record, headers()) > room {
        return false;
    }
    batch.push(&record, headers());
    true
}
