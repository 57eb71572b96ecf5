//! The rate that a provider agreed to counts parts (hazards: a long message counted as one).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::time::{Duration, Instant};

use gateway_tests::control;
use gateway_tests::stack::{Stack, programs};

const MESSAGES: u64 = 1_000;
const PARTS: u64 = 3;
/// What the provider of `bench/paced.yaml` agreed to, parts per second.
const AGREED: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// The first part may be read late by as much, on a busy machine; parts that count as one message
/// are two seconds early.
const READ_LATE: Duration = Duration::from_secs(1);

#[test]
fn every_part_of_a_long_message_takes_its_share_of_the_agreed_rate() {
    let stack =
        Stack::start(&programs(), &["--store-in-memory", "--config=bench/paced.yaml"]).unwrap();
    let load = Command::new(programs().join("simulator"))
        .args(["load", "--connect", stack.fact("/edge/0/smpp"), "--system-id=acme"])
        .args(["--connections=2", "--window=100", "--spread", "--deadline=60"])
        .args(["--parts", &PARTS.to_string(), "--count", &MESSAGES.to_string()])
        .env("SIMULATOR_PASSWORD", "secret")
        .output()
        .unwrap();
    assert!(load.status.success(), "{}", String::from_utf8_lossy(&load.stderr));

    let parts = MESSAGES * PARTS;
    let deadline = Instant::now() + PATIENCE;
    let summary = loop {
        let summary = control::get(stack.fact("/smsc/control"), "/summary").unwrap();
        let accepted = summary["accepted"].as_u64().unwrap();
        if accepted >= parts {
            assert_eq!(accepted, parts, "{summary}");
            break summary;
        }
        assert!(Instant::now() < deadline, "{accepted} of {parts} parts arrived");
        std::thread::sleep(Duration::from_millis(100));
    };
    let at_us = |name: &str| summary[name].as_u64().unwrap();
    let span = Duration::from_micros(at_us("last_us") - at_us("first_us"));
    let agreed = Duration::from_millis(parts * 1_000 / AGREED);
    assert!(span + READ_LATE >= agreed, "{parts} parts within {span:?}: agreed were {agreed:?}");
    stack.stop().unwrap();
}
