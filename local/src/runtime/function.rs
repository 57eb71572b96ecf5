//! A function: its sandboxes, made when they are needed, up to its concurrency.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::InvokeError;
use super::sandbox::Sandbox;
use super::scratch::Scratches;
use crate::process::{Backoff, Launch, Launcher};

/// What a function is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Physical name.
    pub name: String,
    /// Its binary.
    pub program: PathBuf,
    /// Its environment, complete but for the Runtime API.
    pub environment: BTreeMap<String, String>,
    /// Time of one invocation.
    pub timeout: Duration,
    /// Sandboxes at most.
    pub concurrency: usize,
    /// ARN that it is told.
    pub arn: String,
    /// Stopped by SIGSTOP between invocations, as Lambda freezes sandboxes.
    pub freeze: bool,
    /// Directory of what its sandboxes keep in `/tmp`.
    pub scratch: PathBuf,
}

/// A function that can be invoked.
#[derive(Debug)]
pub struct Function {
    settings: Settings,
    launcher: Launcher,
    scratches: Arc<Scratches>,
    permits: Semaphore,
    idle: Mutex<Vec<Sandbox>>,
    restart: Mutex<Restart>,
}

/// When the next sandbox may start: at once, but with pauses while they keep dying in init.
#[derive(Debug, Default)]
struct Restart {
    backoff: Backoff,
    not_before: Option<Instant>,
}

impl Function {
    /// A function without sandboxes.
    #[must_use]
    pub fn new(settings: Settings, launcher: Launcher) -> Arc<Self> {
        let permits = Semaphore::new(settings.concurrency);
        let scratches = Scratches::new(settings.scratch.clone());
        let (idle, restart) = (Mutex::default(), Mutex::default());
        Arc::new(Self { settings, launcher, scratches, permits, idle, restart })
    }

    /// Physical name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Invokes it; waits for a free sandbox while all are busy.
    ///
    /// # Errors
    /// What became of the invocation.
    pub async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        let _permit = self.permit().await?;
        let mut sandbox = self.sandbox().await?;
        let result = sandbox.invoke(payload, self.settings.timeout).await;
        match &result {
            Err(error) if Sandbox::is_spent(error) => {
                let (function, pid) = (&self.settings.name, sandbox.pid());
                tracing::warn!(event = "sandbox_ended", function, pid, %error);
                sandbox.end().await;
            }
            _ => self.idle().push(sandbox),
        }
        result
    }

    /// Starts a first sandbox, so that the first invocation finds one.
    ///
    /// # Errors
    /// [`InvokeError::Init`].
    pub async fn warm(&self) -> Result<(), InvokeError> {
        let _permit = self.permit().await?;
        let sandbox = self.sandbox().await?;
        self.idle().push(sandbox);
        Ok(())
    }

    /// Ends all idle sandboxes; invocations under way end theirs when they are dropped.
    pub fn stop(&self) {
        self.permits.close();
        self.idle().clear();
    }

    /// Process ids of the idle sandboxes.
    #[must_use]
    pub fn pids(&self) -> Vec<i32> {
        self.idle().iter().map(Sandbox::pid).collect()
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, InvokeError> {
        self.permits.acquire().await.map_err(|_| InvokeError::Exited("stopping".to_owned()))
    }

    async fn sandbox(&self) -> Result<Sandbox, InvokeError> {
        if let Some(sandbox) = self.idle_one() {
            return Ok(sandbox);
        }
        let not_before = self.restart().not_before;
        if let Some(instant) = not_before {
            tokio::time::sleep_until(instant.into()).await;
        }
        let Settings { name, program, environment, arn, freeze, .. } = &self.settings;
        let launch = Launch {
            name: name.clone(),
            program: program.clone(),
            arguments: Vec::new(),
            environment: environment.clone().into_iter().collect(),
        };
        let started = match self.scratches.take() {
            Ok(scratch) => {
                Sandbox::start(&self.launcher, launch, arn.clone(), *freeze, scratch).await
            }
            Err(error) => Err(InvokeError::Init(error.to_string())),
        };
        let mut restart = self.restart();
        match &started {
            Ok(sandbox) => {
                *restart = Restart::default();
                tracing::debug!(event = "sandbox_started", function = name, pid = sandbox.pid());
            }
            Err(error) => {
                let pause = restart.backoff.died_after(Duration::ZERO);
                restart.not_before = Some(Instant::now() + pause);
                let log = self.launcher.log_path(name);
                tracing::error!(event = "init_failed", function = name, %error, log = %log.display());
            }
        }
        started
    }

    /// One that still runs; those that ended on their own are let go.
    fn idle_one(&self) -> Option<Sandbox> {
        let mut idle = self.idle();
        idle.retain_mut(|sandbox| !sandbox.has_ended());
        idle.pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Sandbox>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn restart(&self) -> std::sync::MutexGuard<'_, Restart> {
        self.restart.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
