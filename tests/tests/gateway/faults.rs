//! The bounded part of `make faults`: each program killed and terminated under load, and the ghost.
//! Faults that need three brokers, and the longer ones, are in `make faults` only.

use std::time::Duration;

use gateway_tests::faults::run::{Options, run};
use gateway_tests::faults::scenario::named;
use gateway_tests::faults::verdict::Verdict;
use gateway_tests::stack::programs;

/// Submits per second that a development build on two cores carries with ease.
const RATE: f64 = 300.0;
/// Always the same moments: a failure is met again.
const SEED: u64 = 4;

fn keeps_the_promise(name: &str) -> Verdict {
    let options = Options { programs: programs(), rate: RATE, seed: SEED };
    let verdict = run(named(name).unwrap(), &options).unwrap();
    assert!(verdict.problems.is_empty(), "{name}: {verdict:#?}");
    verdict
}

#[test]
fn an_edge_that_is_killed_under_load_loses_nothing_it_acknowledged() {
    keeps_the_promise("edge-killed");
}

#[test]
fn an_edge_that_is_terminated_under_load_answers_what_it_took() {
    let verdict = keeps_the_promise("edge-terminated");
    assert_eq!(verdict.report.unanswered, 0, "it drains: {verdict:#?}");
}

#[test]
fn functions_that_are_killed_under_load_lose_and_double_nothing() {
    let verdict = keeps_the_promise("functions-killed");
    assert_eq!(verdict.report.doubled_with_doubt, []);
}

#[test]
fn functions_that_are_terminated_under_load_lose_and_double_nothing() {
    let verdict = keeps_the_promise("functions-terminated");
    assert_eq!(verdict.report.doubled_with_doubt, []);
}

#[test]
fn what_a_killed_sender_may_have_sent_is_on_record_before_it_comes_twice() {
    let verdict = keeps_the_promise("sender-killed");
    assert!(verdict.doubts > 0, "it had something under way: {verdict:#?}");
}

#[test]
fn a_sender_that_is_terminated_under_load_finishes_its_window() {
    let verdict = keeps_the_promise("sender-terminated");
    assert_eq!(verdict.report.doubled_with_doubt, []);
}

#[test]
fn a_runner_that_is_killed_takes_everything_along_and_goes_on_from_what_is_on_disk() {
    keeps_the_promise("runner-killed");
}

#[test]
fn queues_that_are_killed_are_there_again_and_hold_up_nobody() {
    keeps_the_promise("queues-killed");
}

#[test]
fn a_ghost_sends_nothing_that_its_successor_has_not_recorded() {
    let verdict = keeps_the_promise("ghost");
    // The stopped sender's messages waited for the takeover: it did hold slots.
    assert!(verdict.times.slowest > Duration::from_secs(1), "{verdict:#?}");
}
