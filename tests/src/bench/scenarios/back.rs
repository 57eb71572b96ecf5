//! The way back: receipts from the provider to the customer, and messages from handsets.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use simulator::load::ledger::Got;
use simulator::smsc::delivered::RunDelivered;

use super::Reading;
use super::through::{WARM_UP, WARM_UP_SHAPE, flood};
use crate::bench::processes::{self, Program, Snapshot};
use crate::bench::running::{Setting, end, now_us, pid};
use crate::stack::Stack;
use crate::{control, store, topics};

/// Fewer than for the way there: what they leave to be recorded stands before what is measured.
const WARM_UP_MESSAGES: u64 = 50_000;
/// Tables that are appended to for every message: their items are what was written.
const APPENDED: [&str; 2] = ["local-correlations", "local-messages"];
const CAUGHT_UP_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The group of function `record`.
const RECORD: &str = "record";

/// Messages submitted flat out, each asking for its receipt: until the last one is at the customer and
/// everything that happened is in the table.
pub(super) fn receipts(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.whole_for_minutes("bench/open.yaml")?;
    warm_up(setting, &stack)?;
    let messages = setting.count(100_000);
    receipts_once(&stack, WARM_UP + 1, messages / 4)?;
    let readings = setting.each_run(|run| receipts_once(&stack, run, messages))?;
    end(stack);
    Ok(readings)
}

fn warm_up(setting: &Setting, stack: &Stack) -> anyhow::Result<()> {
    flood(stack, WARM_UP_SHAPE, WARM_UP, setting.count(WARM_UP_MESSAGES), 1)?;
    topics::await_read(stack.fact("/kafka/bootstrap"), RECORD, CAUGHT_UP_MAX)
}

fn receipts_once(stack: &Stack, run: u32, messages: u64) -> anyhow::Result<Reading> {
    let written = items(stack)?;
    let before = Snapshot::of_tree(pid(stack)?)?;
    let load_before = processes::of_ended_children()?;
    let started = Instant::now();
    let arguments = format!(
        "--connections=16 --window=100 --receipts --run={run} --count={messages} --deadline=300"
    );
    let report = stack.load(arguments.split_ascii_whitespace())?;
    let receipts = &report.receipts;
    ensure!(receipts.matched == messages && receipts.doubled == 0, "not each once: {report}");
    topics::await_read(stack.fact("/kafka/bootstrap"), RECORD, CAUGHT_UP_MAX)?;
    let wall = started.elapsed().as_secs_f64();
    let mut used = Snapshot::of_tree(pid(stack)?)?.since(&before)?;
    let load = processes::of_ended_children()?.saturating_sub(load_before);
    *used.entry(Program::Simulator).or_default() += load;
    let store_s = used.get(&Program::Store).map_or(0.0, Duration::as_secs_f64);
    let costs = super::through::costs(&used, messages);
    let cpu = costs.iter().find(|(name, _)| *name == "cpu_us_per_message");
    let (_, cpu) = cpu.context("what a message costs")?;
    let items = items(stack)?.saturating_sub(written);
    let messages = messages as f64;
    Ok(vec![
        ("receipts_per_s", messages / wall),
        ("receipts_per_s_without_store", 2.0 * messages / (2.0 * wall - store_s)),
        ("cpu_us_per_message_with_receipt", *cpu),
        ("table_writes_per_message", items as f64 / messages),
    ])
}

fn items(stack: &Stack) -> anyhow::Result<u64> {
    APPENDED.iter().map(|table| store::items(stack.fact("/store/url"), table)).sum()
}

/// From the receipt that the provider writes to the customer that reads it, paced.
pub(super) fn receipt_latency(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.whole_for_minutes("bench/open.yaml")?;
    warm_up(setting, &stack)?;
    receipt_latency_once(&stack, WARM_UP + 1, 3_000)?;
    let readings =
        setting.each_run(|run| receipt_latency_once(&stack, run, setting.count(20_000)))?;
    end(stack);
    Ok(readings)
}

fn receipt_latency_once(stack: &Stack, run: u32, messages: u64) -> anyhow::Result<Reading> {
    let log = stack.directory().join("receipts.jsonl");
    let shape = "--connections=4 --window=50 --rate=1000 --receipts --deadline=120";
    let arguments = format!("{shape} --run={run} --count={messages}");
    let to = format!("--receipts-log={}", log.display());
    let arguments = arguments.split_ascii_whitespace().chain([to.as_str()]);
    let report = stack.load(arguments)?;
    ensure!(report.receipts.matched == messages, "not every receipt came: {report}");
    let got = Got::from_lines(&std::fs::read_to_string(&log)?)?;
    let path = format!("/receipts?run={run}");
    let sent: Vec<RunDelivered> =
        serde_json::from_value(control::get(stack.fact("/smsc/control"), &path)?)?;
    let sent = sent.first().and_then(|run| run.parts.first()).context("no receipt was sent")?;
    let mut took_us: Vec<u64> = got
        .iter()
        .filter_map(|got| {
            let sent_us = sent.sent_us.get(usize::try_from(got.number).ok()?)?;
            Some(got.at_us.saturating_sub(*sent_us))
        })
        .collect();
    took_us.sort_unstable();
    let percentile = |share: usize| {
        let place = (took_us.len() * share / 100).min(took_us.len().saturating_sub(1));
        took_us.get(place).map_or(f64::NAN, |us| *us as f64 / 1e3)
    };
    Ok(vec![
        ("receipt_latency_p50_ms_1k", percentile(50)),
        ("receipt_latency_p99_ms_1k", percentile(99)),
    ])
}

/// Messages from handsets to a bound customer, as fast as they go.
pub(super) fn from_handsets(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.whole("bench/back.yaml")?;
    let messages = setting.count(100_000);
    handsets_once(&stack, WARM_UP, messages)?;
    let readings = setting.each_run(|run| handsets_once(&stack, run, messages))?;
    end(stack);
    Ok(readings)
}

fn handsets_once(stack: &Stack, run: u32, messages: u64) -> anyhow::Result<Reading> {
    let expect = format!("--expect-messages={messages}");
    let shape = ["--connections=1", "--receivers=4", "--count=1", "--deadline=240", &expect];
    let started_us = now_us();
    let flood = json!({"count": messages, "run": run, "destinations": ["72000"]});
    control::post(stack.fact("/smsc/control"), "/messages", &flood)?;
    let report = stack.load(shape)?;
    let found = report.messages.iter().find(|found| found.run == run).context("none came")?;
    ensure!(found.distinct == messages && found.doubled == 0, "not each once: {report}");
    let took = Duration::from_micros(found.last_us.saturating_sub(started_us));
    Ok(vec![("mo_per_s", messages as f64 / took.as_secs_f64())])
}

/// What waits for a customer that was away, over one bind with a window of 50.
pub(super) fn mailbox(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.whole("bench/back.yaml")?;
    let parked = setting.count(10_000);
    let readings = setting.each_run(|run| mailbox_once(&stack, run, parked))?;
    end(stack);
    Ok(readings)
}

fn mailbox_once(stack: &Stack, run: u32, parked: u64) -> anyhow::Result<Reading> {
    let flood = json!({"count": parked, "run": run, "destinations": ["72000"]});
    control::post(stack.fact("/smsc/control"), "/messages", &flood)?;
    let deadline = Instant::now() + CAUGHT_UP_MAX;
    while store::items(stack.fact("/store/url"), "local-mailboxes")? < parked * u64::from(run) {
        ensure!(Instant::now() < deadline, "not everything is parked within {CAUGHT_UP_MAX:?}");
        std::thread::sleep(LOOK_EVERY);
    }
    let expect = format!("--expect-messages={parked}");
    let started_us = now_us();
    let report =
        stack.load(["--connections=1", "--window=50", "--count=1", "--deadline=120", &expect])?;
    let found = report.messages.iter().find(|found| found.run == run).context("none came")?;
    ensure!(found.distinct == parked && found.doubled == 0, "not each once: {report}");
    let took = Duration::from_micros(found.last_us.saturating_sub(started_us));
    Ok(vec![("mailbox_drain_per_s", parked as f64 / took.as_secs_f64())])
}
