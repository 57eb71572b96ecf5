//! Model test of assembly (design, section 5; hazards): the real machines, joins and closes in a
//! world that can redeliver, overlap, delay, lose and kill at every step. Exhaustive for small
//! logs, random for larger ones; and with each rule left out, so that the test itself is tested.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod actor;
mod explore;
mod log;
mod mutant;
mod telling;
mod world;

use std::rc::Rc;

use assemble::held::Source;
use explore::{Violation, exhaust, wander};
use log::Log;
use mutant::Mutant;

/// Logs that two faults are tried on: two messages under one reference one after the other and
/// crossing, resends, repeats, late parts around the deadline.
const HARD: [&str; 14] = [
    "A1 A2",
    "A2 A1",
    "A1 > A2",
    "A1 | A2",
    "A1 < A2",
    "A1 a1 A2",
    "A1 A1 A2",
    "A1 A2 A1",
    "A1 A2 B1",
    "A1 B1 A2",
    "A1 B1 > A2",
    "A1 | B1 B2",
    "A1 > B1 B2",
    "a1 > A1 A2",
];

/// Every log of up to four parts over this alphabet, with one fault.
const ALPHABET: [&str; 5] = ["A1", "A2", "a1", "B1", "B2"];

fn explore(text: &str, mutant: Option<Mutant>, faults: u8) -> Result<usize, Violation> {
    exhaust(&Rc::new(Log::parse(text, 2, Source::Customers)), mutant, faults)
}

fn report(found: Result<usize, Violation>) -> usize {
    found.unwrap_or_else(|violation| panic!("{violation}"))
}

/// Logs that differ only in the letters of their messages count once.
fn logs(length: usize) -> Vec<String> {
    let mut logs = vec![String::new()];
    for _ in 0..length {
        let longer = |log: &String| ALPHABET.map(|word| format!("{log} {word}"));
        logs = logs.iter().flat_map(longer).collect();
    }
    logs.retain(|log| log.trim_start().starts_with(['A', 'a']));
    logs
}

/// `make faults` sets `ASSEMBLE_MODEL_LARGE`: two faults, minutes.
fn is_large() -> bool {
    std::env::var_os("ASSEMBLE_MODEL_LARGE").is_some()
}

#[test]
fn every_way_through_the_hard_logs_with_faults_ends_each_part_once() {
    let faults = if is_large() { 2 } else { 1 };
    let states: usize = HARD.iter().map(|text| report(explore(text, None, faults))).sum();
    eprintln!("{states} states");
    assert!(states > 10_000, "{states}");
}

/// The machines are those of customers' parts; what differs is the key, the topic that is asked for, and
/// how parts end at the deadline.
#[test]
fn every_way_through_the_hard_logs_of_handsets_parts_ends_each_part_once() {
    let way =
        |text: &&str| report(exhaust(&Rc::new(Log::parse(text, 2, Source::Handsets)), None, 1));
    let states: usize = HARD.iter().map(way).sum();
    eprintln!("{states} states");
    assert!(states > 10_000, "{states}");
}

#[test]
fn every_way_through_all_logs_of_three_parts_with_one_fault_ends_each_part_once() {
    let mut states = 0;
    for text in logs(3) {
        states += report(explore(&text, None, 1));
    }
    eprintln!("{states} states");
    assert!(states > 100_000);
}

#[test]
fn every_way_through_all_logs_of_four_parts_without_faults_ends_each_part_once() {
    let mut states = 0;
    for text in logs(4) {
        states += report(explore(&text, None, 0));
    }
    eprintln!("{states} states");
    assert!(states > 100_000);
}

#[test]
fn each_rule_left_out_is_noticed() {
    for mutant in Mutant::ALL {
        // Most need no fault to be noticed, or one.
        let with = |faults| HARD.iter().find_map(|text| explore(text, Some(mutant), faults).err());
        let noticed = (0..=2).find_map(with);
        let violation = noticed.unwrap_or_else(|| panic!("{mutant:?} is not noticed"));
        eprintln!("{mutant:?}: {} on {:?}", violation.what, violation.log);
    }
}

#[test]
fn random_ways_through_larger_logs_end_each_part_once() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut steps = 0;
    for _ in 0..4_000 {
        let log = Rc::new(random_log(&mut random));
        steps += report(wander(&log, None, 6, &mut random));
    }
    eprintln!("{steps} steps");
    assert!(steps > 200_000);
}

fn random_log(random: &mut fastrand::Rng) -> Log {
    let words = ["A1", "A2", "A3", "a1", "a2", "B1", "B2", "B3", "b3", "C1", "C2", "C3"];
    let mut text = String::new();
    for _ in 0..random.usize(3..11) {
        let gap = match random.u8(..12) {
            0 => "| ",
            1 => "< ",
            2 => "> ",
            _ => "",
        };
        let gap = if gap != "> " && text.contains(['|', '<', '>']) { "" } else { gap };
        let gap = if text.is_empty() { "" } else { gap };
        text = format!("{text} {gap}{}", random.choice(words).unwrap_or("A1"));
    }
    let source = if random.bool() { Source::Customers } else { Source::Handsets };
    Log::parse(&text, 3, source)
}
