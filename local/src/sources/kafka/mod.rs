//! Kafka event source mappings: pollers read topics as one consumer group and invoke the function with
//! batches. A poller combines the partitions that it is assigned into one batch, has one invocation
//! under way, retries a failed batch for as long as the mapping says before it goes on, and commits
//! after success only. So each partition is processed in order, one invocation at a time. A partition
//! moves to another poller between invocations, without repeats, unless Kafka took it away unasked.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-msk-configure.html>

mod assignment;
pub mod batch;
pub mod chaos;
pub mod delivery;
mod gathering;
mod poller;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use batch::Cluster;
pub use chaos::Odds;

use crate::runtime::Function;
use crate::template::KafkaMapping;

/// Time for the invocation under way when we stop; then it is given up, uncommitted: it comes again.
const STOP_MAX: Duration = Duration::from_secs(5);
/// Time for a poller to leave its group after that; a consumer's end may hang.
const LEAVE_MAX: Duration = Duration::from_secs(3);

/// What all mappings share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the records come from.
    pub cluster: Cluster,
    /// Test options.
    pub odds: Odds,
    /// Seed of their dice.
    pub seed: u64,
}

/// A mapping at work.
#[derive(Debug)]
pub struct Mapping {
    stop: CancellationToken,
    ended: Vec<oneshot::Receiver<()>>,
    shares: watch::Receiver<Shares>,
}

/// How the partitions of a mapping's topics are shared by its pollers.
#[derive(Debug, Default)]
struct Shares {
    /// Of all topics; 0: not known yet.
    partitions: usize,
    /// Partitions of each poller.
    pollers: Vec<usize>,
}

impl Shares {
    /// Nobody waits for a partition, and no poller for its share.
    fn are_settled(&self) -> bool {
        let busy = self.pollers.iter().filter(|share| **share > 0).count();
        self.partitions > 0
            && self.pollers.iter().sum::<usize>() >= self.partitions
            && busy == self.pollers.len().min(self.partitions)
    }
}

/// One poller's place among them.
#[derive(Debug, Clone)]
struct Share {
    poller: usize,
    shares: watch::Sender<Shares>,
}

impl Share {
    fn tell(&self, partitions: usize) {
        self.shares.send_modify(|shares| {
            if let Some(share) = shares.pollers.get_mut(self.poller) {
                *share = partitions;
            }
        });
    }

    fn tell_all(&self, partitions: usize) {
        self.shares.send_modify(|shares| shares.partitions = partitions);
    }
}

impl Mapping {
    /// Starts the pollers of `mapping`, `pollers` of them, each on a thread of its own.
    ///
    /// # Errors
    /// A consumer cannot be made or subscribed.
    pub fn start(
        mapping: &KafkaMapping,
        pollers: u32,
        function: &Arc<Function>,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let mut ended = Vec::new();
        let pollers = usize::try_from(pollers)?;
        let shares = watch::Sender::new(Shares { partitions: 0, pollers: vec![0; pollers] });
        for number in 0..pollers {
            let poller = poller::Poller::new(
                mapping.clone(),
                function.clone(),
                &Settings { seed: settings.seed.wrapping_add(number as u64), ..settings.clone() },
                Share { poller: number, shares: shares.clone() },
                stop.clone(),
            )?;
            let (end, told) = oneshot::channel();
            ended.push(told);
            std::thread::Builder::new().name(format!("{}-{number}", mapping.group)).spawn(
                move || {
                    poller.run();
                    // Nobody waits any more: it took too long.
                    let _late = end.send(());
                },
            )?;
        }
        Ok(Self { stop, ended, shares: shares.subscribe() })
    }

    /// Waits until its pollers have all partitions between them.
    pub async fn ready(&self) {
        let mut shares = self.shares.clone();
        // They tell until they end.
        let _ended = shares.wait_for(Shares::are_settled).await;
    }

    /// Stops reading, and waits a bounded time for what is under way.
    pub async fn stop(self) {
        self.stop.cancel();
        for ended in self.ended {
            if tokio::time::timeout(STOP_MAX + LEAVE_MAX, ended).await.is_err() {
                tracing::warn!(event = "poller_left_behind");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_settled_when_every_partition_is_read_and_every_poller_has_some() {
        let settled = |partitions, pollers: &[usize]| {
            Shares { partitions, pollers: pollers.to_vec() }.are_settled()
        };
        assert!(settled(8, &[4, 4]) && settled(8, &[8]) && settled(1, &[0, 1]));
        assert!(!settled(8, &[8, 0]), "the second is about to get its share");
        assert!(!settled(8, &[4, 3]) && !settled(0, &[0]));
    }
}
