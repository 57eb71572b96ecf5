//! Which slots are this task's: assignment of `provider-slots` in one consumer group (KIP-848).
//! Nothing is read there; a slot that is taken away first finishes its window.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use platform::kafka::{self, Context, KafkaSettings};
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::topics::PROVIDER_SLOTS;

/// A change of what is ours. Bounded by the number of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Ours from now on.
    Assigned(u32),
    /// To be finished and given back by [`Releases::released`].
    Revoked(u32),
}

/// Slots that were taken away and are not given back yet.
#[derive(Debug, Default)]
pub struct Releases {
    waiting: Mutex<BTreeSet<u32>>,
    changed: Condvar,
}

impl Releases {
    /// The slot is finished with.
    pub fn released(&self, slot: u32) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot);
        self.changed.notify_all();
    }

    fn expect(&self, slot: u32) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(slot);
    }

    /// Until all are given back; after `patience` the group moves on, and a successor doubts what
    /// is unfinished.
    fn wait(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while !waiting.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!(event = "slots_unfinished", count = waiting.len());
                waiting.clear();
                return;
            }
            (waiting, _) =
                self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Callbacks {
    context: Context,
    changes: mpsc::Sender<Change>,
    releases: Arc<Releases>,
    patience: Duration,
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
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(list) = rebalance else { return };
        let slots = slots(list);
        for slot in &slots {
            self.releases.expect(*slot);
            // The receiver is gone only when the process ends.
            let _ending = self.changes.blocking_send(Change::Revoked(*slot));
        }
        self.releases.wait(self.patience);
        tracing::info!(event = "slots_released", ?slots);
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        let slots = slots(list);
        tracing::info!(event = "slots_assigned", ?slots);
        for slot in slots {
            let _ending = self.changes.blocking_send(Change::Assigned(slot));
        }
    }
}

fn slots(list: &rdkafka::TopicPartitionList) -> Vec<u32> {
    list.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect()
}

/// Joins the group on a thread of its own, until `stop`; then leaves it, which takes every slot
/// away first.
///
/// # Errors
/// A setting is wrong.
pub fn join(
    settings: &KafkaSettings,
    group: &str,
    patience: Duration,
    stop: CancellationToken,
) -> anyhow::Result<(mpsc::Receiver<Change>, Arc<Releases>, std::thread::JoinHandle<()>)> {
    let (changes, receiver) = mpsc::channel(1024);
    let releases = Arc::new(Releases::default());
    let callbacks =
        Callbacks { context: settings.context(), changes, releases: releases.clone(), patience };
    let mut config = settings.client();
    config
        .set("group.id", group)
        .set("group.protocol", "consumer")
        .set("enable.auto.commit", "false")
        .set("max.poll.interval.ms", "60000");
    let consumer = kafka::consumer(&config, callbacks)?;
    consumer.subscribe(&[PROVIDER_SLOTS])?;
    let thread = std::thread::Builder::new().name("slot-group".into()).spawn(move || {
        while !stop.is_cancelled() {
            if let Some(Err(error)) = consumer.poll(Duration::from_millis(200)) {
                tracing::warn!(event = "slot_group_trouble", %error);
                // Errors come at once, again and again, while Kafka is away.
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        consumer.unsubscribe();
        // The revocation arrives as an event of a poll.
        let deadline = Instant::now() + patience + Duration::from_secs(2);
        while Instant::now() < deadline {
            let _nothing = consumer.poll(Duration::from_millis(100));
            if consumer.assignment().is_ok_and(|list| list.count() == 0) {
                break;
            }
        }
    })?;
    Ok((receiver, releases, thread))
}
