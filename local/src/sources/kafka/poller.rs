//! A poller: reads, gathers a batch, has it delivered, commits. A thread, because the consumer's calls
//! block; decisions are in `delivery`, `gathering`, `assignment` and `chaos`.
//!
//! The group is served between invocations only. So a partition is given away when nothing of it is
//! under way and what was processed is committed: its next owner goes on exactly there, and no two
//! invocations of a partition meet. (KIP-848 lets the group wait for that partition alone.)

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use platform::kafka::{self, KafkaSettings};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, OwnedMessage};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::assignment::{Assignment, Epoch};
use super::batch::{Batch, Cluster, Selection};
use super::chaos::{Chaos, Redelivery};
use super::delivery::{After, Answer, Delivery, Policy, read_response};
use super::gathering::Gathering;
use super::{Settings, Share};
use crate::runtime::{Function, InvokeError};
use crate::template::KafkaMapping;

/// How long a read waits for a first record, and a pause for what the group wants.
const READ_WAIT: Duration = Duration::from_millis(100);
/// How often Kafka is told how far we are while there is always more: each time costs it a write.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
/// How long to wait to be told of the topics' partitions; only who waits to be ready wants to know.
const METADATA_WAIT: Duration = Duration::from_secs(10);

/// A member of a mapping's group.
pub(super) struct Poller {
    consumer: Arc<BaseConsumer<Assignment>>,
    function: Arc<Function>,
    mapping: KafkaMapping,
    cluster: Cluster,
    chaos: Chaos,
    stop: CancellationToken,
    runtime: Handle,
    /// Read, but not in a batch yet, and since when its partition is ours: at most a record that did not
    /// fit, and one for each partition that came while reading was paused.
    waiting: VecDeque<(OwnedMessage, Option<Epoch>)>,
    /// Reading is paused for the partitions that were ours after so many changes.
    paused: Option<u64>,
    /// A batch that chaos delivers again after the next one.
    previous: Option<Batch>,
    share: Share,
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
        share: Share,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let cluster = settings.cluster.clone();
        let mut config = KafkaSettings::local(&cluster.bootstrap).client();
        config
            .set("group.id", &mapping.group)
            .set("group.protocol", "consumer")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", if mapping.from_start { "earliest" } else { "latest" })
            // An invocation takes as long as it takes; we stay a member meanwhile.
            .set("max.poll.interval.ms", "86400000")
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "16384");
        let consumer = kafka::consumer(&config, Assignment::new(share.clone()))?;
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
            paused: None,
            previous: None,
            share,
        })
    }

    /// Until stopped.
    pub(super) fn run(mut self) {
        self.count_partitions();
        let mut committed = Instant::now();
        while !self.stop.is_cancelled() {
            let gathered = self.gather();
            let is_idle = gathered.batch().is_empty();
            if !is_idle && self.deliver(&gathered) {
                self.done(&gathered);
                self.repeat(gathered.into_batch());
            }
            self.resume();
            if is_idle || committed.elapsed() >= COMMIT_EVERY {
                self.consumer.context().commit(&self.consumer, CommitMode::Async);
                committed = Instant::now();
            }
        }
        self.consumer.context().commit(&self.consumer, CommitMode::Sync);
    }

    fn count_partitions(&self) {
        let count = |topic: &String| {
            let told = self.consumer.fetch_metadata(Some(topic), METADATA_WAIT);
            told.map(|told| told.topics().iter().map(|it| it.partitions().len()).sum::<usize>())
        };
        match self.mapping.topics.iter().map(count).sum::<Result<usize, _>>() {
            Ok(partitions) => self.share.tell_all(partitions),
            Err(error) => tracing::warn!(event = "partitions_unknown", %error),
        }
    }

    /// Reads until the batch is full, the window over or, without a window, nothing more is there.
    fn gather(&mut self) -> Gathering {
        let size = usize::try_from(self.mapping.batch_size).unwrap_or(usize::MAX);
        let mut gathering = Gathering::new(size);
        while let Some((message, epoch)) = self.waiting.pop_front() {
            let now = self.epoch(&message);
            if now.is_some() && now == epoch && !gathering.add(&message, || epoch) {
                self.waiting.push_front((message, epoch));
                return gathering;
            }
        }
        let changes = self.consumer.context().changes();
        let mut until = None;
        if !gathering.batch().is_empty() {
            until = Some(Instant::now() + self.mapping.window);
        }
        while !gathering.is_full() && !self.stop.is_cancelled() {
            let patience = match until {
                None => READ_WAIT,
                Some(until) => until.saturating_duration_since(Instant::now()).min(READ_WAIT),
            };
            let read = self.read(patience);
            if self.consumer.context().changes() != changes {
                // What was read before is of another assignment than what comes from now on.
                let read = read.map(|message| (self.epoch(&message), message.detach()));
                self.waiting.extend(read.map(|(epoch, message)| (message, epoch)));
                return gathering;
            }
            let Some(message) = read else {
                if until.is_none_or(|until| until <= Instant::now()) {
                    break;
                }
                continue;
            };
            until.get_or_insert_with(|| Instant::now() + self.mapping.window);
            if !gathering.add(&message, || self.epoch(&message)) {
                let (epoch, message) = (self.epoch(&message), message.detach());
                self.waiting.push_back((message, epoch));
                break;
            }
        }
        gathering
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

    fn epoch(&self, message: &impl rdkafka::Message) -> Option<Epoch> {
        self.consumer.context().epoch(message.topic(), message.partition())
    }

    /// Delivers until all is done, given up, or no longer ours. False: we are to stop before that.
    fn deliver(&mut self, gathered: &Gathering) -> bool {
        let policy = self.policy();
        let batch = gathered.batch();
        let mut delivery = Delivery::new(policy, self.chaos.pieces(batch.all()));
        loop {
            delivery.retain(|records| self.still_wanted(gathered, records));
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

    /// Notes how far each partition is; the next commit tells Kafka.
    fn done(&self, gathered: &Gathering) {
        let context = self.consumer.context();
        for (index, lane) in gathered.batch().lanes().iter().enumerate() {
            if let Some(since) = gathered.since(index) {
                context.done(&lane.topic, lane.partition, since, lane.next_offset());
            }
        }
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
    fn still_wanted(&self, gathered: &Gathering, records: &Selection) -> Selection {
        let oldest_ms = self.mapping.age_max.map(|age| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(i64::MAX)
        });
        let context = self.consumer.context();
        let lanes = gathered.batch().lanes().iter().enumerate();
        let ours: Vec<_> = lanes
            .map(|(index, lane)| {
                let since = gathered.since(index);
                since.is_some() && since == context.epoch(&lane.topic, lane.partition)
            })
            .collect();
        gathered.batch().filter(records, |lane, timestamp_ms| {
            ours[lane] && oldest_ms.is_none_or(|oldest| timestamp_ms >= oldest)
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
        // On a worker of the runtime: a sandbox must not be started from this thread (see `process`).
        let calls = self.runtime.spawn(calls);
        Some(match self.await_end(calls)? {
            Ok(response) => read_response(policy, &response, batch, given),
            Err(error) => {
                let (group, records) = (&self.mapping.group, given.len());
                tracing::warn!(event = "batch_failed", group, records, %error);
                Answer::Failed(given.clone())
            }
        })
    }

    /// Waits for an invocation; once we are to stop, for a bounded time only.
    fn await_end(
        &self,
        mut call: JoinHandle<Result<Bytes, InvokeError>>,
    ) -> Option<Result<Bytes, InvokeError>> {
        let ended = self.runtime.block_on(async {
            tokio::select! {
                ended = &mut call => return Some(ended),
                () = self.stop.cancelled() => {}
            }
            tokio::time::timeout(super::STOP_MAX, &mut call).await.ok()
        });
        match ended {
            Some(Ok(result)) => Some(result),
            Some(Err(error)) => Some(Err(InvokeError::Exited(error.to_string()))),
            None => {
                call.abort();
                None
            }
        }
    }

    /// Lets the client handle what the group wants, without reading records.
    fn serve_for(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.stop.is_cancelled() {
            self.pause();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // Of a partition that came this moment, before it was paused.
            let read = self.read(left.min(READ_WAIT));
            let read = read.map(|message| (self.epoch(&message), message.detach()));
            self.waiting.extend(read.map(|(epoch, message)| (message, epoch)));
        }
    }

    fn pause(&mut self) {
        let changes = self.consumer.context().changes();
        if self.paused.replace(changes) == Some(changes) {
            return;
        }
        let paused = self.consumer.assignment().and_then(|all| self.consumer.pause(&all));
        if let Err(error) = paused {
            tracing::debug!(event = "pause_failed", %error);
        }
    }

    fn resume(&mut self) {
        if self.paused.take().is_none() {
            return;
        }
        let resumed = self.consumer.assignment().and_then(|all| self.consumer.resume(&all));
        if let Err(error) = resumed {
            tracing::debug!(event = "resume_failed", %error);
        }
    }
}
