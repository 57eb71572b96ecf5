//! `make demo`: starts everything, sends one short message, one of three parts over two binds and
//! one over each priority, each asking for its receipt; a handset writes one with a keyword. Prints the
//! journey of each, stops everything. Ends well only if all arrived, and every receipt came back.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::id::MessageId;
use gateway_tests::control;
use gateway_tests::journeys;
use gateway_tests::stack::{Stack, programs};
use serde_json::{Value, json};

const TOLD_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What is sent: how it is called, and the arguments for the load.
const SENDINGS: [(&str, &[&str]); 5] = [
    ("a short message", &[]),
    ("a message of three parts over two binds", &["--connections=2", "--parts=3", "--spread"]),
    ("a short message, priority high", &["--priority=high=1"]),
    ("a short message, priority normal", &["--priority=normal=1"]),
    ("a short message, priority bulk", &["--priority=bulk=1"]),
];
/// Parts of all of them.
const PARTS: u64 = 7;
/// What the handset writes to, and how its text begins (`local/config.yaml`).
const NUMBER: &str = "72000";
const KEYWORD: &str = "news";

fn main() -> ExitCode {
    match demonstrate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn demonstrate() -> anyhow::Result<()> {
    say("starting the gateway …");
    let started = Instant::now();
    let stack = Stack::start(&programs(), &["--store-in-memory"])?;
    say(&stack.said());
    say(&format!("everything is up after {:.1} s", started.elapsed().as_secs_f64()));
    let sent: Vec<_> = SENDINGS
        .iter()
        .map(|(name, arguments)| Ok((*name, send(&stack, arguments)?)))
        .collect::<anyhow::Result<_>>()?;
    let arrived = stack.await_arrivals(PARTS);
    from_handset(&stack)?;
    let told = await_journeys(&stack, &sent)?;
    stack.stop()?;
    arrived?;
    anyhow::ensure!(told, "a journey is not complete");
    say(&format!(
        "all {PARTS} parts of {} messages arrived, each once; each receipt and the handset's message came back",
        sent.len()
    ));
    Ok(())
}

/// A handset writes while the customer is away; it gets the message when it binds.
fn from_handset(stack: &Stack) -> anyhow::Result<()> {
    let flood = json!({"count": 1, "run": 1, "keyword": KEYWORD, "destinations": [NUMBER]});
    control::post(stack.fact("/smsc/control"), "/messages", &flood)?;
    let report = stack.load(["--count=1", "--expect-messages=1", "--deadline=60"])?;
    let came = report.messages.iter().any(|run| (run.run, run.distinct) == (1, 1));
    anyhow::ensure!(came, "the handset's message did not come: {report}");
    say(&format!("a handset wrote \"{KEYWORD} …\" to {NUMBER}: the customer has it"));
    Ok(())
}

/// Sends one message; the ids that the gateway gave its parts, the first part's first.
fn send(stack: &Stack, arguments: &[&str]) -> anyhow::Result<Vec<MessageId>> {
    let acked = stack.directory().join("acked.jsonl");
    let acked_to = format!("--acked={}", acked.display());
    let one = ["--count=1", "--text-octets=40", "--deadline=20", "--destinations=4930"];
    let report =
        stack.load([&one[..], &["--source=Demo", "--receipts", &acked_to], arguments].concat())?;
    let receipts = &report.receipts;
    anyhow::ensure!(receipts.matched == report.acknowledged, "a receipt is missing: {report}");
    let lines = std::fs::read_to_string(&acked)?;
    let mut parts: Vec<(u64, MessageId)> = lines.lines().map(part).collect::<Result<_, _>>()?;
    parts.sort_unstable_by_key(|(part, _)| *part);
    Ok(parts.into_iter().map(|(_, id)| id).collect())
}

fn part(line: &str) -> anyhow::Result<(u64, MessageId)> {
    let line: Value = serde_json::from_str(line)?;
    let id = line["acknowledged"].as_str().context("a part was not acknowledged")?;
    Ok((line["part"].as_u64().context("a line without its part")?, id.parse()?))
}

/// Prints the journeys once all are complete; false if they are not in time.
fn await_journeys(stack: &Stack, sent: &[(&str, Vec<MessageId>)]) -> anyhow::Result<bool> {
    let bootstrap = stack.fact("/kafka/bootstrap");
    let wanted: BTreeSet<MessageId> =
        sent.iter().filter_map(|(_, ids)| ids.first().copied()).collect();
    let deadline = Instant::now() + TOLD_MAX;
    loop {
        let found = journeys::read(bootstrap)?;
        let complete =
            |id: &MessageId| found.get(id).is_some_and(|journey| journeys::is_told(journey));
        let all = wanted.iter().all(complete);
        if all || Instant::now() > deadline {
            for (name, ids) in sent {
                say(&format!("\n{name}"));
                for id in ids {
                    if let Some(journey) = found.get(id) {
                        say(&journeys::told(*id, journey));
                    }
                }
            }
            return Ok(all);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[allow(clippy::print_stdout, reason = "a demonstration speaks to its user")]
fn say(line: &str) {
    println!("{line}");
}
