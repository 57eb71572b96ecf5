//! Model test of the join (design, section 7; hazards): the real machine and the real decisions in a
//! world that can overlap runs, repeat, delay, lose and kill at every step. Exhaustive for small
//! logs; and with each rule left out, so that the test itself is tested.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod actor;
mod explore;
mod log;
mod mutant;
mod world;

use std::rc::Rc;

use explore::{Violation, exhaust};
use log::Log;
use mutant::Mutant;

/// Results (A, B, C) and receipts (a, b) under one key. `|`: another partition, so that the two sides
/// overlap without a fault (results under one key are always in one). C is a second message to the
/// handset of A: its receipt is one of A too.
const LOGS: [&str; 14] = [
    "A a",
    "a A",
    "A | a",
    "a | A a",
    "A | a a",
    "A B | a",
    "A B | b",
    "A B | a b",
    "B A a",
    "a b A B",
    "b A B",
    "A C | a",
    "A a C",
    "B | a",
];
/// Those whose ways with a fault take minutes.
const LARGE: [&str; 2] = ["A B | a", "A B | a b"];
/// Those on which two faults are tried.
const HARD: [&str; 2] = ["A | a", "A a"];

fn explore(text: &str, mutant: Option<Mutant>, faults: u8) -> Result<usize, Violation> {
    exhaust(&Rc::new(Log::parse(text)), mutant, faults)
}

fn report(found: Result<usize, Violation>) -> usize {
    found.unwrap_or_else(|violation| panic!("{violation}"))
}

/// `make faults` sets `CORRELATE_MODEL_LARGE`: a fault on every log.
fn is_large() -> bool {
    std::env::var_os("CORRELATE_MODEL_LARGE").is_some()
}

#[test]
fn every_way_with_a_fault_ends_with_each_receipt_told_to_its_message_only() {
    let mut states = 0;
    for text in LOGS {
        let faults = u8::from(is_large() || !LARGE.contains(&text));
        states += report(explore(text, None, faults));
    }
    eprintln!("{states} states");
    assert!(states > 500_000, "{states}");
}

#[test]
fn every_way_through_the_hard_logs_with_two_faults_does_too() {
    let states: usize = HARD.iter().map(|text| report(explore(text, None, 2))).sum();
    eprintln!("{states} states");
    assert!(states > 200_000, "{states}");
}

#[test]
fn each_rule_left_out_is_noticed() {
    for mutant in Mutant::ALL {
        // Most need no fault to be noticed.
        let with = |faults| LOGS.iter().find_map(|text| explore(text, Some(mutant), faults).err());
        let noticed = (0..=1).find_map(with);
        let violation = noticed.unwrap_or_else(|| panic!("{mutant:?} is not noticed"));
        eprintln!("{mutant:?}: {} on {:?}", violation.what, violation.log);
    }
}
