//! Kafka event source mappings: pollers read topics as one consumer group and invoke the function with
//! batches. A poller combines the partitions that it is assigned into one batch, has one invocation
//! under way, retries a failed batch for as long as the mapping says before it goes on, and commits
//! after success only. So each partition is processed in order, one invocation at a time.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-msk-configure.html>

mod assignment;
pub mod batch;
pub mod chaos;
pub mod delivery;
mod poller;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
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
        for number in 0..pollers {
            let poller = poller::Poller::new(
                mapping.clone(),
                function.clone(),
                &Settings { seed: settings.seed.wrapping_add(number.into()), ..settings.clone() },
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
        Ok(Self { stop, ended })
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
