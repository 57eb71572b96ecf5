//! A sandbox: one process of a function and its Runtime API on a port of its own.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use nix::sys::signal::Signal;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::InvokeError;
use super::api::{Api, Invocation, State};
use super::scratch::Scratch;
use crate::process::{Launch, Launcher, Running};

/// Time for init; AWS gives 10 s.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const INIT_MAX: Duration = Duration::from_secs(10);

/// A process of a function.
#[derive(Debug)]
pub(super) struct Sandbox {
    process: Running,
    invocations: mpsc::Sender<Invocation>,
    state: watch::Receiver<State>,
    server: AbortHandle,
    freeze: bool,
    /// Its `/tmp`; free for the next one when it is gone.
    _scratch: Scratch,
}

impl Sandbox {
    /// Starts a process and waits until it asks for an invocation.
    ///
    /// # Errors
    /// [`InvokeError::Init`].
    pub(super) async fn start(
        launcher: &Launcher,
        mut launch: Launch,
        arn: String,
        freeze: bool,
        scratch: Scratch,
    ) -> Result<Self, InvokeError> {
        let init = |error: std::io::Error| InvokeError::Init(error.to_string());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(init)?;
        let address = listener.local_addr().map_err(init)?;
        launch.environment.push(("AWS_LAMBDA_RUNTIME_API".to_owned(), address.to_string()));
        let directory = scratch.path().to_string_lossy().into_owned();
        launch.environment.push(("TMPDIR".to_owned(), directory));
        // One invocation at a time: there is never a second one to keep.
        let (invocations, next) = mpsc::channel(1);
        let (told, state) = watch::channel(State::Starting);
        let api = Arc::new(Api::new(arn, next, told));
        let server = tokio::spawn(api.serve(listener)).abort_handle();
        let process = launcher.start(&launch).map_err(init)?;
        let mut sandbox = Self { process, invocations, state, server, freeze, _scratch: scratch };
        sandbox.until_waiting(INIT_MAX).await?;
        sandbox.rest();
        Ok(sandbox)
    }

    /// Process id.
    #[must_use]
    pub(super) fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// One invocation. After an error other than the function's own the sandbox is spent.
    ///
    /// # Errors
    /// What became of the invocation.
    pub(super) async fn invoke(
        &mut self,
        payload: Bytes,
        limit: Duration,
    ) -> Result<Bytes, InvokeError> {
        if self.freeze {
            self.process.group().signal(Signal::SIGCONT);
        }
        let (answer, answered) = oneshot::channel();
        let id = uuid::Uuid::new_v4().to_string();
        let deadline = SystemTime::now() + limit;
        let invocation = Invocation { id, payload, deadline, answer };
        if self.invocations.send(invocation).await.is_err() {
            return Err(InvokeError::Exited("its API has ended".to_owned()));
        }
        let result = tokio::select! {
            result = answered => {
                result.unwrap_or_else(|_| Err(InvokeError::Exited("without an answer".to_owned())))
            }
            how = self.process.ended() => return Err(InvokeError::Exited(how)),
            () = tokio::time::sleep(limit) => return Err(InvokeError::TimedOut(limit.as_secs())),
        };
        if self.freeze {
            // Lambda freezes once the runtime asks for the next one.
            self.until_waiting(INIT_MAX).await?;
            self.rest();
        }
        result
    }

    /// Whether its process is there no more.
    pub(super) fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// Kills its process and waits for its end, so that no retry meets it.
    pub(super) async fn end(mut self) {
        self.process.kill().await;
    }

    /// Whether it cannot be invoked again.
    #[must_use]
    pub(super) fn is_spent(error: &InvokeError) -> bool {
        !matches!(error, InvokeError::Function(_))
    }

    fn rest(&self) {
        if self.freeze {
            self.process.group().signal(Signal::SIGSTOP);
        }
    }

    async fn until_waiting(&mut self, limit: Duration) -> Result<(), InvokeError> {
        let mut state = self.state.clone();
        let asked = state.wait_for(|state| matches!(state, State::Waiting | State::InitFailed(_)));
        tokio::select! {
            asked = asked => match asked.as_deref() {
                Ok(State::InitFailed(why)) => Err(InvokeError::Init(why.clone())),
                Ok(_) => Ok(()),
                Err(_) => Err(InvokeError::Init("its API has ended".to_owned())),
            },
            how = self.process.ended() => Err(InvokeError::Init(format!("exited: {how}"))),
            () = tokio::time::sleep(limit) => {
                Err(InvokeError::Init(format!("not ready within {} s", limit.as_secs())))
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
