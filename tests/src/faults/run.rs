//! One run: a gateway of its own, a load, a fault in its midst, and the verdict.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use simulator::arrivals::RunArrivals;
use simulator::check::{Key, Outcome, Sent};
use simulator::load::report::Report;

use super::back;
use super::doubts;
use super::inject::Stage;
use super::load::{Load, Plan};
use super::scenario::{Fault, Scenario, Way};
use super::verdict::{self, Times, Verdict};
use crate::control;
use crate::stack::Stack;

/// For what was acknowledged to arrive after the load; what has not by then counts as lost.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// Without a further arrival for so long, no copy is under way any more.
const QUIET: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The first blow falls when this share of the load has arrived, by chance in between.
const FIRST_BLOW: std::ops::Range<f64> = 0.1..0.25;
/// The next ones after this share each.
const NEXT_BLOWS: f64 = 0.08;
/// Messages are counted by their numbers. Milliseconds to each answer of the provider: something is under
/// way at any moment.
const PROVIDER: [&str; 2] = ["--numbers", "--latency=20"];
/// Three brokers replicate everything on the same cores.
const RATE_OF_THREE_BROKERS: f64 = 0.4;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Directory of the built programs.
    pub programs: PathBuf,
    /// Submits per second, for one broker.
    pub rate: f64,
    /// What chance starts from: the moment of the first blow.
    pub seed: u64,
}

/// Runs a scenario.
///
/// # Errors
/// It could not be carried out; a broken promise is no error but in the verdict.
pub fn run(scenario: &Scenario, options: &Options) -> anyhow::Result<Verdict> {
    if scenario.way == Way::Back {
        return back::run::run(scenario, options);
    }
    let mut stack = start(scenario, options)?;
    let judged = under_load(scenario, options, &mut stack);
    let judged = judged.with_context(|| format!("the gateway said:\n{}", stack.said()))?;
    stack.stop()?;
    Ok(judged)
}

fn start(scenario: &Scenario, options: &Options) -> anyhow::Result<Stack> {
    let brokers = format!("--brokers={}", scenario.brokers);
    let heap = if scenario.brokers > 1 { "--kafka-heap-mb=256" } else { "--kafka-heap-mb=128" };
    let arguments = ["--senders=2", heap, brokers.as_str()];
    if scenario.fault == Fault::KillRunner {
        // What it kept must be on disk, and the provider remember what it got.
        return Stack::start_apart(&options.programs, &arguments, &PROVIDER);
    }
    let provider = PROVIDER.map(|argument| format!("--smsc-arg={argument}"));
    let provider = provider.each_ref().map(String::as_str);
    let arguments = [&["--store-in-memory"], arguments.as_slice(), &provider].concat();
    Stack::start(&options.programs, &arguments)
}

fn under_load(
    scenario: &Scenario,
    options: &Options,
    stack: &mut Stack,
) -> anyhow::Result<Verdict> {
    let mut chance = fastrand::Rng::with_seed(options.seed);
    let (rate, lasts) = (options.rate * share(scenario), scenario.load);
    let plan = Plan { rate, lasts, run: chance.u32(1..), back: None };
    let mut load = Load::start(stack, plan)?;
    let mut stage = stage(scenario, stack, &mut load, plan);
    stage.await_arrivals(first_blow(plan, &mut chance))?;
    let fault = stage.inject(scenario.fault)?;
    let (sent, report) = load.finish()?;
    anyhow::ensure!(!report.deadline_reached, "the load could not be sent: {report}");
    let counts = settle(stack, plan.run, &sent)?;
    let recorded = doubts::read(stack.fact("/kafka/bootstrap"))?;
    let times = times(stack, plan, fault, &report)?;
    Ok(verdict::judge(&sent, &counts, &doubts::named(&recorded, &sent), times))
}

/// Of the rate for one broker.
pub(super) fn share(scenario: &Scenario) -> f64 {
    if scenario.brokers > 1 { RATE_OF_THREE_BROKERS } else { 1.0 }
}

/// Where the fault happens.
pub(super) fn stage<'a>(
    scenario: &Scenario,
    stack: &'a mut Stack,
    load: &'a mut Load,
    plan: Plan,
) -> Stage<'a> {
    let between = arrivals(plan, NEXT_BLOWS);
    Stage { stack, load, brokers: scenario.brokers, between }
}

/// Arrivals before it.
pub(super) fn first_blow(plan: Plan, chance: &mut fastrand::Rng) -> u64 {
    arrivals(plan, FIRST_BLOW.start + chance.f64() * (FIRST_BLOW.end - FIRST_BLOW.start))
}

/// How long things took.
pub(super) fn times(
    stack: &Stack,
    plan: Plan,
    fault: Duration,
    report: &Report,
) -> anyhow::Result<Times> {
    Ok(Times {
        fault,
        slowest: slowest(stack, plan.run)?,
        load_planned: plan.lasts,
        load_took: Duration::try_from_secs_f64(report.seconds)?,
    })
}

/// So many arrivals are this share of the load.
fn arrivals(plan: Plan, share: f64) -> u64 {
    (plan.submits() * share) as u64
}

/// Waits until all that must arrive has, and nothing more comes.
pub(super) fn settle(stack: &Stack, run: u32, sent: &[Sent]) -> anyhow::Result<BTreeMap<Key, u32>> {
    let accountable = verdict::accountable(sent);
    let must_arrive = accountable.iter().filter_map(|one| match one.outcome {
        Outcome::Acknowledged(_) => Some((one.number, one.part)),
        _ => None,
    });
    let wanted: Vec<Key> = must_arrive.collect();
    let deadline = Instant::now() + SETTLE_MAX;
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let counts = counts(stack, run)?;
        let total: u32 = counts.values().sum();
        if total != last {
            (last, since) = (total, Instant::now());
        }
        let complete = wanted.iter().all(|key| counts.contains_key(key));
        if (complete && since.elapsed() > QUIET) || Instant::now() > deadline {
            return Ok(counts);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn counts(stack: &Stack, run: u32) -> anyhow::Result<BTreeMap<Key, u32>> {
    let answer = control::get(stack.fact("/smsc/control"), &format!("/arrivals?run={run}"))?;
    let runs: Vec<RunArrivals> = serde_json::from_value(answer)?;
    Ok(runs.first().map(RunArrivals::counts).unwrap_or_default())
}

fn slowest(stack: &Stack, run: u32) -> anyhow::Result<Duration> {
    let runs = stack.summary()?.runs;
    let ours = runs.iter().find(|summary| summary.run == run).context("nothing arrived")?;
    Ok(Duration::try_from_secs_f64(ours.latency.max_ms / 1e3)?)
}
