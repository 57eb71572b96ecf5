//! A function for tests of what triggers functions: writes down what it is invoked with, and behaves as
//! the test's plan says. Speaks the Lambda Runtime API through `lambda_runtime`, as the real ones do.
//!
//! Its directory is `RECORDER_DIR`: `log.jsonl` is written, `plan.json` is read at each invocation.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// How often a held invocation looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Values are shown up to here.
const SHOWN: usize = 64;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Plan {
    /// A batch with one of these values fails.
    fail: Vec<String>,
    /// With one of these it never ends.
    hang: Vec<String>,
    /// These messages of a queue are named as failed.
    partial: Vec<String>,
    /// Invocations do not end while this holds.
    hold: bool,
    /// How long each takes, ms.
    takes_ms: u64,
}

/// A record: its partition (of a queue: the message's id), offset, and value.
struct Record {
    lane: String,
    offset: i64,
    value: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let directory =
        PathBuf::from(std::env::var_os("RECORDER_DIR").ok_or("RECORDER_DIR is not set")?);
    let directory = &directory;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let invocation = event.context.request_id;
        let records = records(&event.payload).ok_or("an event of no known kind")?;
        let shown: Vec<_> =
            records.iter().map(|it| json!([it.lane, it.offset, it.value])).collect();
        let octets = event.payload.to_string().len();
        let (pid, scratch) = (std::process::id(), std::env::temp_dir());
        let begin = json!({ "records": shown, "octets": octets, "pid": pid, "scratch": scratch });
        note(directory, &invocation, "begin", begin)?;
        let answer = act(directory, &records).await;
        let how = if answer.is_ok() { "done" } else { "failed" };
        note(directory, &invocation, how, json!({}))?;
        answer
    }))
    .await
}

async fn act(directory: &Path, records: &[Record]) -> Result<Value, Error> {
    let has = |values: &[String]| records.iter().any(|it| values.contains(&it.value));
    let mut plan = read_plan(directory)?;
    if has(&plan.hang) {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(Duration::from_millis(plan.takes_ms)).await;
    while plan.hold {
        tokio::time::sleep(LOOK_EVERY).await;
        plan = read_plan(directory)?;
    }
    if has(&plan.fail) {
        return Err("as planned".into());
    }
    let failed = records.iter().filter(|it| plan.partial.contains(&it.value));
    let failed: Vec<_> = failed.map(|it| json!({ "itemIdentifier": it.lane })).collect();
    Ok(json!({ "batchItemFailures": failed }))
}

fn read_plan(directory: &Path) -> Result<Plan, Error> {
    match std::fs::read(directory.join("plan.json")) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(_) => Ok(Plan::default()),
    }
}

fn records(event: &Value) -> Option<Vec<Record>> {
    if let Some(messages) = event["Records"].as_array() {
        return messages.iter().map(message).collect();
    }
    event["records"]
        .as_object()?
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .map(record)
        .collect()
}

fn message(message: &Value) -> Option<Record> {
    let (lane, value) = (message["messageId"].as_str()?, message["body"].as_str()?);
    Some(Record { lane: lane.to_owned(), offset: 0, value: value.to_owned() })
}

fn record(record: &Value) -> Option<Record> {
    let lane = format!("{}-{}", record["topic"].as_str()?, record["partition"].as_i64()?);
    let mut value = STANDARD.decode(record["value"].as_str()?).ok()?;
    value.truncate(SHOWN);
    let value = String::from_utf8(value).ok()?;
    Some(Record { lane, offset: record["offset"].as_i64()?, value })
}

/// One line, written at once: several of us write to one file.
fn note(directory: &Path, invocation: &str, what: &str, mut line: Value) -> Result<(), Error> {
    let at = SystemTime::now().duration_since(UNIX_EPOCH)?;
    line["invocation"] = json!(invocation);
    line["what"] = json!(what);
    line["at_us"] = json!(u64::try_from(at.as_micros())?);
    let mut file =
        std::fs::OpenOptions::new().create(true).append(true).open(directory.join("log.jsonl"))?;
    Ok(file.write_all(format!("{line}\n").as_bytes())?)
}
