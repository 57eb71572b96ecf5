//! A part that is kept running: started, watched, started again after a pause when it dies, stopped.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Backoff, Launch, Launcher, Running, Status};

/// A supervised child.
#[derive(Debug)]
pub struct Part {
    name: String,
    stopping: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Part {
    /// Starts it and keeps it running; the launcher's roster is told.
    ///
    /// # Errors
    /// It cannot be started at all.
    pub fn keep(launcher: Launcher, launch: Launch, patience: Duration) -> std::io::Result<Self> {
        let first = launcher.start(&launch)?;
        launcher.roster.tell(&launch.name, Status::Running(first.pid()));
        let name = launch.name.clone();
        let stopping = CancellationToken::new();
        let keeper = Keeper { launcher, launch, patience, stop: stopping.clone() };
        Ok(Self { name, stopping, keeper: tokio::spawn(keeper.run(first)) })
    }

    /// Stops it: SIGTERM, and SIGKILL when that takes too long.
    pub async fn stop(self) {
        self.stopping.cancel();
        if let Err(error) = self.keeper.await {
            tracing::error!(event = "part_keeper_failed", part = self.name, %error);
        }
    }
}

struct Keeper {
    launcher: Launcher,
    launch: Launch,
    patience: Duration,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(self, first: Running) {
        let mut backoff = Backoff::default();
        let mut running = Some(first);
        while let Some(mut child) = running.take() {
            let since = Instant::now();
            self.launcher.roster.tell(&self.launch.name, Status::Running(child.pid()));
            let how = tokio::select! {
                how = child.ended() => how,
                () = self.stop.cancelled() => {
                    let how = child.stop(self.patience).await;
                    tracing::info!(event = "part_stopped", part = self.launch.name, how);
                    break;
                }
            };
            let pause = backoff.died_after(since.elapsed());
            let (part, pause_s) = (&self.launch.name, pause.as_secs());
            let log = self.launcher.log_path(part);
            tracing::warn!(event = "part_died", part, how, pause_s, log = %log.display());
            self.launcher.roster.tell(part, Status::Down { how, pause });
            running = self.again(pause, &mut backoff).await;
        }
        self.launcher.roster.forget(&self.launch.name);
    }

    /// The next one, after a pause; none when we are to stop.
    async fn again(&self, mut pause: Duration, backoff: &mut Backoff) -> Option<Running> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return None,
            }
            match self.launcher.start(&self.launch) {
                Ok(running) => return Some(running),
                Err(error) => {
                    pause = backoff.died_after(Duration::ZERO);
                    tracing::error!(event = "part_not_started", part = self.launch.name, %error);
                }
            }
        }
    }
}
