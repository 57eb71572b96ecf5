//! The whole way: from the customer's submit to its arrival at the provider.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Reading;
use crate::bench::processes::{self, Program, Snapshot};
use crate::bench::running::{Setting, end, now_us, pid};
use crate::stack::Stack;

/// Until the broker's just-in-time compiler has settled: on two cores it takes a third of them before.
const WARM_UP_MESSAGES: u64 = 600_000;
pub(super) const WARM_UP_SHAPE: &str = "--connections=16 --window=100";
/// Run number of the load that warms up; no run of a measurement has it, nor the next.
pub(super) const WARM_UP: u32 = 1_000;
/// What the provider of `bench/paced.yaml` agreed to, parts per second.
const AGREED: f64 = 1_000.0;
/// More is offered, so that it is the pacing that limits, not the load.
const OFFERED: u32 = 1_500;
/// Offered longer than measured: the first part arrives after the first was sent.
const OFFERED_LONGER_S: u64 = 6;

/// Messages of one part, as fast as they go through; and what that costs.
pub(super) fn arrived(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.whole("bench/open.yaml")?;
    let shape = WARM_UP_SHAPE;
    flood(&stack, shape, WARM_UP, setting.count(WARM_UP_MESSAGES), 1)?;
    let messages = setting.count(250_000);
    let readings = setting.each_run(|run| {
        let before = Snapshot::of_tree(pid(&stack)?)?;
        let load_before = processes::of_ended_children()?;
        let per_s = flood(&stack, shape, run, messages, 1)?;
        let mut used = Snapshot::of_tree(pid(&stack)?)?.since(&before)?;
        // The load is our child, not the gateway's.
        let load = processes::of_ended_children()?.saturating_sub(load_before);
        *used.entry(Program::Simulator).or_default() += load;
        Ok([vec![("arrived_per_s", per_s)], costs(&used, messages)].concat())
    })?;
    end(stack);
    Ok(readings)
}

/// Messages of three parts, each over two binds.
pub(super) fn arrived_multipart(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.whole("bench/open.yaml")?;
    flood(&stack, WARM_UP_SHAPE, WARM_UP, setting.count(WARM_UP_MESSAGES), 1)?;
    let shape = "--connections=2 --window=200 --parts=3 --spread";
    flood(&stack, shape, WARM_UP + 1, setting.count(50_000), 3)?;
    let messages = setting.count(50_000);
    let readings = setting.each_run(|run| {
        let per_s = flood(&stack, shape, run, messages, 3)?;
        Ok(vec![("arrived_multipart_per_s", per_s)])
    })?;
    end(stack);
    Ok(readings)
}

/// From `submit_sm` written to read at the provider, paced.
pub(super) fn end_to_end(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let stack = setting.whole("bench/open.yaml")?;
    flood(&stack, WARM_UP_SHAPE, WARM_UP, setting.count(WARM_UP_MESSAGES), 1)?;
    let paced = |run: u32, count: u64| {
        let shape = "--connections=4 --window=50 --rate=1000";
        let arguments = format!("{shape} --run={run} --count={count} --deadline=120");
        stack.load(arguments.split_ascii_whitespace())?;
        stack.await_run(run, count)
    };
    paced(WARM_UP + 1, 3_000)?;
    let readings = setting.each_run(|run| {
        let latency = paced(run, setting.count(20_000))?.latency;
        Ok(vec![("end_to_end_p50_ms_1k", latency.p50_ms), ("end_to_end_p99_ms_1k", latency.p99_ms)])
    })?;
    end(stack);
    Ok(readings)
}

/// How well the agreed rate is kept, long messages and short ones mixed. A gateway for each run:
/// the worst second counts from its start.
pub(super) fn paced(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    setting.each_run(|_| {
        let stack = setting.whole("bench/paced.yaml")?;
        let reading = paced_once(setting, &stack)?;
        end(stack);
        Ok(reading)
    })
}

fn paced_once(setting: &Setting, stack: &Stack) -> anyhow::Result<Reading> {
    let measured_s = setting.seconds(60);
    let offered_s = measured_s + OFFERED_LONGER_S;
    let shape = "--connections=4 --window=50 --parts=3 --long-share=0.2 --spread";
    let arguments = format!("{shape} --rate={OFFERED} --seconds={offered_s}");
    stack.load(arguments.split_ascii_whitespace())?;
    // There is still more to send than was sent: the rate is that of the pacing.
    let summary = stack.summary()?;
    let span = Duration::from_micros(summary.last_us.saturating_sub(summary.first_us));
    let is_long_enough = span >= Duration::from_secs(measured_s);
    anyhow::ensure!(is_long_enough, "parts arrived for {span:?} only, not for {measured_s} s");
    anyhow::ensure!(summary.refused.is_empty(), "the provider refused: {:?}", summary.refused);
    let pct = |part: f64| (part / AGREED * 100.0).max(0.0);
    Ok(vec![
        ("pacing_over_pct", pct(summary.worst_second as f64 - AGREED)),
        ("pacing_under_pct", pct(AGREED - summary.mean_per_s)),
    ])
}

/// Parts per second from before the load starts (so a little less than from its first submit) to
/// the last arrival of so many messages.
pub(super) fn flood(
    stack: &Stack,
    shape: &str,
    run: u32,
    messages: u64,
    parts: u64,
) -> anyhow::Result<f64> {
    let started_us = now_us();
    let arguments = format!("{shape} --run={run} --count={messages} --deadline=120");
    stack.load(arguments.split_ascii_whitespace())?;
    let arrived = stack.await_run(run, messages * parts)?;
    let took = Duration::from_micros(arrived.last_us.saturating_sub(started_us));
    Ok((messages * parts) as f64 / took.as_secs_f64())
}

/// Microseconds of processor time per message, by program.
pub(super) fn costs(used: &BTreeMap<Program, Duration>, messages: u64) -> Reading {
    let of = |programs: &[Program]| {
        let spent = programs.iter().filter_map(|program| used.get(program));
        spent.sum::<Duration>().as_secs_f64() * 1e6 / messages as f64
    };
    use Program::{Assemble, Edge, Kafka, Local, OtherFunction, Route, Sender, Simulator, Store};
    vec![
        ("cpu_us_per_message", of(&[Edge, Assemble, Route, OtherFunction, Sender])),
        ("edge_cpu_us_per_message", of(&[Edge])),
        ("assemble_cpu_us_per_message", of(&[Assemble])),
        ("route_cpu_us_per_message", of(&[Route])),
        ("sender_cpu_us_per_message", of(&[Sender])),
        ("local_cpu_us_per_message", of(&[Local])),
        ("kafka_cpu_us_per_message", of(&[Kafka])),
        ("store_cpu_us_per_message", of(&[Store])),
        ("simulator_cpu_us_per_message", of(&[Simulator])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_costs_leaves_out_what_only_plays_aws_and_the_world() {
        let used = [(Program::Edge, 2), (Program::Route, 1), (Program::Kafka, 7)];
        let used = used.map(|(program, seconds)| (program, Duration::from_secs(seconds)));
        let costs: BTreeMap<_, _> = costs(&used.into(), 1_000_000).into_iter().collect();
        assert!((costs["cpu_us_per_message"] - 3.0).abs() < 1e-9);
        assert!((costs["kafka_cpu_us_per_message"] - 7.0).abs() < 1e-9);
        assert!(costs["sender_cpu_us_per_message"].abs() < 1e-9);
    }
}
