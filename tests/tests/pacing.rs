//! The rate that a provider agreed to counts parts (hazards: a long message counted as one).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use gateway_tests::stack::{Stack, programs};

const MESSAGES: u64 = 1_000;
const PARTS: u64 = 3;
/// What the provider of `bench/paced.yaml` agreed to, parts per second.
const AGREED: u64 = 1_000;
/// The first part may be read late by as much, on a busy machine; parts that count as one message
/// are two seconds early.
const READ_LATE: Duration = Duration::from_secs(1);

#[test]
fn every_part_of_a_long_message_takes_its_share_of_the_agreed_rate() {
    let stack =
        Stack::start(&programs(), &["--store-in-memory", "--config=bench/paced.yaml"]).unwrap();
    let (parts_each, count) = (format!("--parts={PARTS}"), format!("--count={MESSAGES}"));
    let shape = ["--connections=2", "--window=100", "--spread", "--deadline=60"];
    stack.load([&shape[..], &[&parts_each, &count]].concat()).unwrap();
    let parts = MESSAGES * PARTS;
    let summary = stack.await_arrivals(parts).unwrap();
    let span = Duration::from_micros(summary.last_us - summary.first_us);
    let agreed = Duration::from_millis(parts * 1_000 / AGREED);
    assert!(span + READ_LATE >= agreed, "{parts} parts within {span:?}: agreed were {agreed:?}");
    stack.stop().unwrap();
}
