//! The simulated provider's control port.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

/// Asks `GET path` of `address` and reads the JSON that it answers.
///
/// # Errors
/// Nobody answers, or not with JSON.
pub fn get(address: &str, path: &str) -> anyhow::Result<Value> {
    ask(address, "GET", path, "", "")
}

/// Sends `POST path` with a JSON body and reads the JSON that it answers.
///
/// # Errors
/// Nobody answers, not with JSON, or with a refusal.
pub fn post(address: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
    ask(address, "POST", path, "", &body.to_string())
}

/// Calls an operation of an AWS service that is played at `address` (JSON protocol 1.0).
///
/// # Errors
/// Nobody answers, not with JSON, or with a refusal.
pub fn call(address: &str, operation: &str, body: &Value) -> anyhow::Result<Value> {
    let signed = "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/dynamodb/aws4_request, \
                  SignedHeaders=host, Signature=none";
    let headers = format!(
        "X-Amz-Target: {operation}\r\nContent-Type: application/x-amz-json-1.0\r\n\
         Authorization: {signed}\r\nX-Amz-Date: 20260101T000000Z\r\n"
    );
    ask(address, "POST", "/", &headers, &body.to_string())
}

fn ask(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> anyhow::Result<Value> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // HTTP/1.0: the answer ends with the connection, and is not chunked.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let split = answer.windows(4).position(|w| w == b"\r\n\r\n").context("no HTTP answer")?;
    let (head, body) = (&answer[..split], &answer[split + 4..]);
    let head = String::from_utf8_lossy(head);
    anyhow::ensure!(
        head.split(' ').nth(1) == Some("200"),
        "{method} {path}: {}",
        String::from_utf8_lossy(body)
    );
    Ok(serde_json::from_slice(body)?)
}
