//! An HTTP API on loopback: routes of the template to functions, payload format 2.0. Where AWS asks for
//! an IAM signature, this asks for the token in the state directory.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

pub mod event;
pub mod routes;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::runtime::Function;
use routes::Routes;

/// Octets of a request's body at most.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const BODY_MAX: usize = 10 * 1024 * 1024;
/// Time for an integration to answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Time for a client to send its headers.
const HEADERS_MAX: Duration = Duration::from_secs(10);

/// The API.
#[derive(Debug)]
pub struct Api {
    routes: Routes<Arc<Function>>,
    token: String,
}

type Answer = Response<Full<Bytes>>;

impl Api {
    /// An API whose callers show `token`.
    #[must_use]
    pub fn new(routes: Routes<Arc<Function>>, token: String) -> Arc<Self> {
        Arc::new(Self { routes, token })
    }

    /// Serves until the handle is aborted.
    pub fn serve(self: Arc<Self>, listener: TcpListener) -> AbortHandle {
        tokio::spawn(self.accept(listener)).abort_handle()
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(event = "accept_failed", %error);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let api = self.clone();
            let service = service_fn(move |request| api.clone().answer(request, peer));
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_MAX)
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move {
                if let Err(error) = served.await {
                    tracing::debug!(event = "connection_ended", %error);
                }
            });
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Answer, Infallible> {
        let handled = self.handle(request, peer).await;
        Ok(handled.unwrap_or_else(problem))
    }

    async fn handle(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Answer, StatusCode> {
        let (head, body) = request.into_parts();
        let route = self.routes.find(head.method.as_str(), head.uri.path());
        let route = route.ok_or(StatusCode::NOT_FOUND)?;
        if !self.is_allowed(&head.headers) {
            return Err(StatusCode::FORBIDDEN);
        }
        let body = Limited::new(body, BODY_MAX).collect().await;
        let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
        let event = event::request(&head, &body, &route, peer);
        let invoked = tokio::time::timeout(ANSWER_MAX, route.target.invoke(event)).await;
        let response = invoked.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let response = response.map_err(|error| {
            tracing::warn!(event = "request_failed", function = route.target.name(), %error);
            StatusCode::INTERNAL_SERVER_ERROR
        })?;
        event::response(&response).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn is_allowed(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let shown = shown.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
        shown.as_bytes().ct_eq(self.token.as_bytes()).into()
    }
}

/// An answer of API Gateway's own. A missing or wrong signature is 403 there, not 401.
fn problem(status: StatusCode) -> Answer {
    let message = match status {
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "Not Found",
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        StatusCode::SERVICE_UNAVAILABLE => "Service Unavailable",
        _ => "Internal Server Error",
    };
    let mut answer = Response::new(Full::from(format!("{{\"message\":\"{message}\"}}")));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    answer
}
