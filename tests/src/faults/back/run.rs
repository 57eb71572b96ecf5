//! One run of the way back: a gateway of its own, a load that wants its receipts, floods of handsets'
//! messages for two customers, a fault in their midst, and the verdict.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use simulator::check::{Outcome, Sent};
use simulator::load::came::Came;
use simulator::smsc::delivered::RunDelivered;

use super::books::Books;
use super::drain;
use super::verdict::{Back, judge};
use crate::faults::doubts;
use crate::faults::load::{Expected, Load, Plan};
use crate::faults::run::{self, Options};
use crate::faults::scenario::{Fault, Scenario};
use crate::faults::verdict::{self, Verdict};
use crate::stack::Stack;
use crate::{control, store};

/// Of the rate of the way there: each submit is followed by its receipt.
const RATE: f64 = 0.3;
/// Handsets' messages for the customer, each of two parts, for each of its submits; and for another,
/// which is not bound meanwhile.
const HANDSETS: f64 = 0.2;
const OTHERS: f64 = 0.1;
const PARTS: u64 = 2;
/// What happened to each message, and how long after the end it may take to stand there.
const RECORDED: &str = "local-messages";
const LOOK_EVERY: Duration = Duration::from_secs(1);
const RECORD_MAX: Duration = Duration::from_secs(60);
/// How often a customer binds again for what may still wait in its mailbox, and how many seconds of
/// silence end each time.
const AGAIN_MAX: u32 = 3;
const SILENCE_S: u32 = 35;

/// Runs a scenario.
///
/// # Errors
/// It could not be carried out; a broken promise is no error but in the verdict.
pub fn run(scenario: &Scenario, options: &Options) -> anyhow::Result<Verdict> {
    let mut stack = start(scenario, options)?;
    let judged = match scenario.fault {
        Fault::Park { messages } => drain::drained(&stack, messages, options),
        _ => under_load(scenario, options, &mut stack),
    };
    let judged = judged.with_context(|| format!("the gateway said:\n{}", stack.said()))?;
    stack.stop()?;
    Ok(judged)
}

fn start(scenario: &Scenario, options: &Options) -> anyhow::Result<Stack> {
    let brokers = format!("--brokers={}", scenario.brokers);
    let edges = format!("--edges={}", scenario.edges);
    let heap = if scenario.brokers > 1 { "--kafka-heap-mb=256" } else { "--kafka-heap-mb=128" };
    let mut arguments = vec!["--config=tests/faults.yaml", "--senders=2", heap, &brokers, &edges];
    arguments.extend(["--smsc-arg=--numbers", "--smsc-arg=--latency=20"]);
    if !scenario.store_on_disk {
        arguments.push("--store-in-memory");
    }
    let stack = Stack::start(&options.programs, &arguments)?;
    // Receipts come late and early, over another bind, some twice, some of failures.
    let settings = json!({"receipts": {
        "delay": {"exponential": {"mean_ms": 300, "max_ms": 3000}},
        "before_response": 0.1, "other_bind": 0.3, "twice": 0.05,
        "states": [{"state": "expired", "error": 27, "probability": 0.1}],
    }});
    control::post(stack.fact("/smsc/control"), "/settings", &settings)?;
    Ok(stack)
}

fn under_load(
    scenario: &Scenario,
    options: &Options,
    stack: &mut Stack,
) -> anyhow::Result<Verdict> {
    let mut chance = fastrand::Rng::with_seed(options.seed);
    let (share, lasts) = (run::share(scenario) * RATE, scenario.load);
    let rate = options.rate * share;
    let floods = Floods::of(chance.u32(1..1 << 30), rate, lasts);
    let back = Some(Expected { parts: floods.acme * PARTS });
    let plan = Plan { rate, lasts, run: floods.run, back };
    let mut load = Load::start(stack, plan)?;
    floods.begin(stack, lasts)?;
    let mut stage = run::stage(scenario, stack, &mut load, plan);
    stage.await_arrivals(run::first_blow(plan, &mut chance))?;
    let fault = stage.inject(scenario.fault)?;
    let mut came = load.came();
    let (sent, report) = load.finish()?;
    let counts = run::settle(stack, plan.run, &sent)?;
    let recorded = doubts::read(stack.fact("/kafka/bootstrap"))?;
    let times = run::times(stack, plan, fault, &report)?;
    let there = verdict::judge(&sent, &counts, &doubts::named(&recorded, &sent), times);
    let twice_sent = counts.iter().filter(|(_, times)| **times > 1).map(|(key, _)| *key).collect();
    let mut acme = Books { customer: "acme", sent, twice_sent, ..Books::default() };
    let mut back = Back::default();
    for time in 0..=AGAIN_MAX {
        acme.came.extend(read(&came)?);
        floods.fill(stack, &mut acme)?;
        back = judge(&acme);
        if back.problems.is_empty() || time == AGAIN_MAX {
            break;
        }
        came = again(stack, ("acme", "secret"), floods.acme * PARTS, "again.jsonl")?;
    }
    let beta = floods.other(stack)?;
    let mut verdict = Verdict { back: Some(sum(back, beta)), ..there };
    verdict.problems.extend(unrecorded(stack, &acme.sent)?);
    verdict.problems.extend(verdict.back.iter().flat_map(|back| back.problems.clone()));
    Ok(verdict)
}

/// A problem, if `record` has not written of every message that was acknowledged.
fn unrecorded(stack: &Stack, sent: &[Sent]) -> anyhow::Result<Option<String>> {
    let deadline = Instant::now() + RECORD_MAX;
    loop {
        let items = store::all(stack.fact("/store/url"), RECORDED)?;
        let known: BTreeSet<&str> =
            items.iter().filter_map(|item| item["message"]["S"].as_str()).collect();
        let is_unknown = |one: &&Sent| match &one.outcome {
            Outcome::Acknowledged(id) => !known.contains(id.as_str()),
            _ => false,
        };
        let count = sent.iter().filter(is_unknown).count();
        if count == 0 {
            return Ok(None);
        }
        if Instant::now() > deadline {
            return Ok(Some(format!("nothing is recorded of {count} messages")));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Handsets' messages for two customers, and the load's run.
struct Floods {
    run: u32,
    acme: u64,
    beta: u64,
}

impl Floods {
    fn of(run: u32, rate: f64, lasts: Duration) -> Self {
        let submits = rate * lasts.as_secs_f64();
        let [acme, beta] = [HANDSETS, OTHERS].map(|share| (submits * share).ceil().max(1.0) as u64);
        Self { run, acme, beta }
    }

    fn begin(&self, stack: &Stack, lasts: Duration) -> anyhow::Result<()> {
        let all = [(1, self.acme, "news", "491700"), (2, self.beta, "beta", "491701")];
        for (run, count, keyword, handset_prefix) in all {
            let flood = json!({
                "count": count, "run": self.run + run, "keyword": keyword, "parts": PARTS,
                "destinations": ["72000"], "handset_prefix": handset_prefix, "text_octets": 70,
                "per_s": count as f64 / lasts.as_secs_f64(),
            });
            control::post(stack.fact("/smsc/control"), "/messages", &flood)?;
        }
        Ok(())
    }

    /// The provider's side of the first customer.
    fn fill(&self, stack: &Stack, books: &mut Books) -> anyhow::Result<()> {
        books.receipts = delivered(stack, "receipts", self.run)?;
        books.messages = delivered(stack, "messages", self.run + 1)?;
        books.posted = self.acme * PARTS;
        books.repeated_by_provider = stack.summary()?.messages.repeated;
        Ok(())
    }

    /// The other customer binds now, and gets what waited for it.
    fn other(&self, stack: &Stack) -> anyhow::Result<Back> {
        let mut books = Books { customer: "beta", posted: self.beta * PARTS, ..Books::default() };
        for _ in 0..AGAIN_MAX {
            let came = again(stack, ("beta", "beta-pw"), self.beta * PARTS, "beta.jsonl")?;
            books.came.extend(read(&came)?);
            books.messages = delivered(stack, "messages", self.run + 2)?;
            books.repeated_by_provider = stack.summary()?.messages.repeated;
            if judge(&books).problems.is_empty() {
                break;
            }
        }
        Ok(judge(&books))
    }
}

/// What the provider says of its deliveries of a run.
pub(super) fn delivered(stack: &Stack, what: &str, run: u32) -> anyhow::Result<RunDelivered> {
    let answer = control::get(stack.fact("/smsc/control"), &format!("/{what}?run={run}"))?;
    let runs: Vec<RunDelivered> = serde_json::from_value(answer)?;
    Ok(runs.into_iter().next().unwrap_or(RunDelivered { run, parts: Vec::new() }))
}

/// Binds a customer that sends nothing, until so many parts came or nothing comes any more; its file of
/// what came.
pub(super) fn again(
    stack: &Stack,
    (system_id, password): (&str, &str),
    parts: u64,
    file: &str,
) -> anyhow::Result<std::path::PathBuf> {
    let path = stack.directory().join(file);
    let mut command = stack.customer("load", stack.fact("/edge/0/smpp"), system_id);
    let output = command
        .env("SIMULATOR_PASSWORD", password)
        .args(["--count=0", "--linger=2", "--deadline=600", "--reconnect"])
        .arg(format!("--expect-messages={parts}"))
        .arg(format!("--receipt-patience={SILENCE_S}"))
        .args(["--deliveries-log".as_ref(), path.as_os_str()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{system_id} could not bind again: {said}");
    Ok(path)
}

pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Came>> {
    Ok(Came::from_lines(&std::fs::read_to_string(path)?)?)
}

fn sum(mut one: Back, other: Back) -> Back {
    one.messages += other.messages;
    one.repeats += other.repeats;
    one.problems.extend(other.problems);
    one
}
