//! A health endpoint over HTTP: 200 while well, 503 with the reason otherwise.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Good,
    /// It does not, and why.
    Bad(&'static str),
}

/// Answers `GET` of any path until `stop`. Returns the address that it listens on.
///
/// # Errors
/// The address is taken.
pub async fn serve(
    listen: SocketAddr,
    health: impl Fn() -> Health + Send + Sync + 'static,
    stop: CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("HEALTH_LISTEN {listen}"))?;
    let address = listener.local_addr()?;
    let health: Arc<dyn Fn() -> Health + Send + Sync> = Arc::new(health);
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            if let Ok((stream, _)) = accepted {
                // One at a time: a balancer asks every few seconds.
                one(TokioIo::new(stream), &health).await;
            }
        }
    });
    Ok(address)
}

async fn one(
    stream: TokioIo<tokio::net::TcpStream>,
    health: &Arc<dyn Fn() -> Health + Send + Sync>,
) {
    let answer =
        service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(respond(health())) });
    let serve = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(2))
        .keep_alive(false)
        .serve_connection(stream, answer);
    if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(3), serve).await {
        tracing::debug!(event = "health_connection", %error);
    }
}

fn respond(health: Health) -> Response<Full<Bytes>> {
    let (status, text) = match health {
        Health::Good => (StatusCode::OK, "ok"),
        Health::Bad(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
