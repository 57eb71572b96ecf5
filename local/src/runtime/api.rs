//! The Runtime API of one sandbox: next, response, error, init error. One invocation at a time.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use super::{InvokeError, PAYLOAD_MAX};

/// Error bodies beyond this are cut off.
const ERROR_MAX: usize = 256 * 1024;

/// An invocation on its way to the function.
#[derive(Debug)]
pub(super) struct Invocation {
    /// Request id.
    pub id: String,
    /// The event.
    pub payload: Bytes,
    /// When the function has to have answered.
    pub deadline: SystemTime,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Bytes, InvokeError>>,
}

/// What the function said when nobody had invoked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Its process was started.
    Starting,
    /// It asks for an invocation.
    Waiting,
    /// It works on one.
    Busy,
    /// It could not start.
    InitFailed(String),
}

/// One sandbox's side of the protocol.
#[derive(Debug)]
pub(super) struct Api {
    arn: String,
    next: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    pending: Mutex<Option<Pending>>,
    state: watch::Sender<State>,
}

#[derive(Debug)]
struct Pending {
    id: String,
    answer: oneshot::Sender<Result<Bytes, InvokeError>>,
}

type Answer = Response<Full<Bytes>>;

impl Api {
    /// An API that hands out what comes through `next` and tells its state.
    #[must_use]
    pub(super) fn new(
        arn: String,
        next: mpsc::Receiver<Invocation>,
        state: watch::Sender<State>,
    ) -> Self {
        Self { arn, next: tokio::sync::Mutex::new(next), pending: Mutex::new(None), state }
    }

    /// Serves until dropped.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            // Without it an answer waits 40 ms for the other side's acknowledgement.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(event = "nodelay_refused", %error);
            }
            let api = self.clone();
            let service = service_fn(move |request| api.clone().handle(request));
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move {
                if let Err(error) = served.await {
                    tracing::debug!(event = "runtime_connection_ended", %error);
                }
            });
        }
    }

    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let path = request.uri().path().to_owned();
        let Some(route) = path.strip_prefix("/2018-06-01/runtime/") else {
            return Ok(status(StatusCode::NOT_FOUND));
        };
        let segments: Vec<_> = route.split('/').collect();
        let answer = match (request.method(), segments.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => self.response(id, request).await,
            (&Method::POST, ["invocation", id, "error"]) => self.error(id, request).await,
            (&Method::POST, ["init", "error"]) => self.init_error(request).await,
            _ => status(StatusCode::NOT_FOUND),
        };
        Ok(answer)
    }

    async fn next(&self) -> Answer {
        self.state.send_replace(State::Waiting);
        let Some(invocation) = self.next.lock().await.recv().await else {
            return status(StatusCode::GONE);
        };
        self.state.send_replace(State::Busy);
        let deadline = invocation.deadline.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let response = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &invocation.id)
            .header("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", &self.arn)
            .header("Lambda-Runtime-Trace-Id", trace_id(deadline))
            .body(Full::new(invocation.payload));
        *self.pending() = Some(Pending { id: invocation.id, answer: invocation.answer });
        response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Answer {
        let body = Limited::new(request.into_body(), PAYLOAD_MAX).collect().await;
        match body {
            Ok(body) => self.finish(id, Ok(body.to_bytes())),
            Err(error) => {
                tracing::warn!(event = "response_refused", %error);
                self.finish(id, Err(InvokeError::ResponseTooLarge(PAYLOAD_MAX)));
                status(StatusCode::PAYLOAD_TOO_LARGE)
            }
        }
    }

    async fn error(&self, id: &str, request: Request<Incoming>) -> Answer {
        let body = error_body(request).await;
        self.finish(id, Err(InvokeError::Function(body)))
    }

    async fn init_error(&self, request: Request<Incoming>) -> Answer {
        let body = error_body(request).await;
        let said = String::from_utf8_lossy(&body).into_owned();
        self.state.send_replace(State::InitFailed(said));
        status(StatusCode::ACCEPTED)
    }

    fn finish(&self, id: &str, result: Result<Bytes, InvokeError>) -> Answer {
        let pending = self.pending().take_if(|pending| pending.id == id);
        let Some(pending) = pending else { return status(StatusCode::BAD_REQUEST) };
        // Nobody waits any more: the source was stopped.
        let _unwanted = pending.answer.send(result);
        status(StatusCode::ACCEPTED)
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Option<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn error_body(request: Request<Incoming>) -> Bytes {
    match Limited::new(request.into_body(), ERROR_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => Bytes::from(error.to_string()),
    }
}

fn status(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// X-Ray's form: version, seconds, 96 random bits.
fn trace_id(now: Duration) -> String {
    let random = fastrand::u128(..) >> 32;
    format!("Root=1-{:08x}-{random:024x};Sampled=0", now.as_secs())
}
