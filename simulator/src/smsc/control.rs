//! The control port: a small HTTP API to watch the SMSC and to change how it behaves.
//!
//! `GET /summary`, `GET /arrivals[?run=R][&expected=N]`, `GET /settings`, `POST /settings` (JSON of
//! what changes), `POST /reset`, `POST /drop-connections`, `POST /restart-ids`; of the way back
//! `GET /receipts[?run=R]`, `GET /messages[?run=R]`, `POST /messages` (JSON of a flood).

use std::{convert::Infallible, num::ParseIntError, sync::Arc};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, body::Incoming, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{
    delivered::Delivered,
    hub::Hub,
    mo::{self, Flood},
};

const BODY_MAX: usize = 64 << 10;

type Answer = (StatusCode, Value);

/// Serves the control port until the program ends.
pub(super) async fn serve(listener: TcpListener, hub: Arc<Hub>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&hub)))),
            Err(_) => sleep(super::ACCEPT_AGAIN).await,
        }
    }
}

async fn connection(stream: TcpStream, hub: Arc<Hub>) {
    let service = service_fn(|request| {
        let hub = Arc::clone(&hub);
        async move { Ok::<_, Infallible>(respond(request, &hub).await) }
    });
    // A client that goes away in mid-answer is its own affair.
    let _gone = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, hub: &Arc<Hub>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let (status, value) = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => {
            let query = parts.uri.query().unwrap_or_default();
            answer(&parts.method, parts.uri.path(), query, &body.to_bytes(), hub)
        }
        Err(_) => problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
    };
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    response
}

fn answer(method: &Method, path: &str, query: &str, body: &[u8], hub: &Arc<Hub>) -> Answer {
    match (method.as_str(), path) {
        ("GET", "/summary") => (StatusCode::OK, json!(hub.tally().summary())),
        ("GET", "/arrivals") => arrivals(query, hub),
        ("GET", "/settings") => (StatusCode::OK, json!(**hub.settings().borrow())),
        ("POST", "/settings") => settings(body, hub),
        ("GET", "/receipts") => delivered(query, &hub.tally().delivered().receipts),
        ("GET", "/messages") => delivered(query, &hub.tally().delivered().messages),
        ("POST", "/messages") => flood(body, hub),
        ("POST", "/restart-ids") => {
            hub.restart_ids();
            (StatusCode::OK, json!({}))
        }
        ("POST", "/reset") => {
            hub.reset();
            (StatusCode::OK, json!({}))
        }
        ("POST", "/drop-connections") => {
            hub.drop_connections();
            (StatusCode::OK, json!({}))
        }
        _ => problem(StatusCode::NOT_FOUND, "no such path"),
    }
}

fn settings(body: &[u8], hub: &Hub) -> Answer {
    let change = serde_json::from_slice::<Value>(body).map_err(anyhow::Error::from);
    match change.and_then(|change| hub.change(&change)) {
        Ok(settings) => (StatusCode::OK, json!(*settings)),
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// Sends messages from handsets from now on.
fn flood(body: &[u8], hub: &Arc<Hub>) -> Answer {
    let flood = serde_json::from_slice::<Flood>(body).map_err(anyhow::Error::from);
    match flood.and_then(|flood| flood.check().map(|()| flood)) {
        Ok(flood) => {
            tokio::spawn(mo::run(flood, Arc::clone(hub)));
            (StatusCode::OK, json!({}))
        }
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn delivered(query: &str, delivered: &Delivered) -> Answer {
    match parameter(query, "run") {
        Ok(run) => (StatusCode::OK, json!(delivered.runs(run.map(run_of)))),
        Err(_) => problem(StatusCode::BAD_REQUEST, "run is a number"),
    }
}

fn parameter(query: &str, name: &str) -> Result<Option<u64>, ParseIntError> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.parse::<u64>()).transpose()
}

fn run_of(run: u64) -> u32 {
    u32::try_from(run).unwrap_or(u32::MAX)
}

fn arrivals(query: &str, hub: &Hub) -> Answer {
    let (Ok(run), Ok(expected)) = (parameter(query, "run"), parameter(query, "expected")) else {
        return problem(StatusCode::BAD_REQUEST, "run and expected are numbers");
    };
    let runs = hub.tally().arrivals(run.map(run_of));
    let shown = runs.iter().map(|arrivals| match expected {
        None => json!(arrivals),
        Some(expected) => json!({
            "run": arrivals.run,
            "parts": arrivals.parts,
            "missing": arrivals.missing(expected),
            "doubled": arrivals.doubled(),
        }),
    });
    (StatusCode::OK, Value::Array(shown.collect()))
}

fn problem(status: StatusCode, detail: &str) -> Answer {
    (status, json!({"status": status.as_u16(), "detail": detail}))
}
