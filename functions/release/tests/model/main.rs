//! Model test of scheduling (design, section 8; hazards): the real machines of park, cancel, replace and
//! release in a world that can overlap, repeat, delay, lose and kill between any two of their steps.
//! Exhaustive for one message and up to two requests; and with each rule left out, so that the test
//! itself is tested.
//!
//! Not rules, as it turned out: that reads are consistent (a conditional write finds out), that the
//! condition of a write names the writer (whoever is refused reads, and finds what it did itself).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod actor;
mod explore;
mod mutant;
mod scene;
mod verdict;
mod world;

use explore::{Violation, exhaust};
use mutant::Mutant;
use scene::{Ask, Manner, Scene};

/// What customers ask: nothing, or up to two things at any moment.
const SCENES: [&[Ask]; 8] = [
    &[],
    &[Ask::Cancel],
    &[Ask::CancelByResend],
    &[Ask::Replace],
    &[Ask::Later],
    &[Ask::Earlier],
    &[Ask::Cancel, Ask::Replace],
    &[Ask::Replace, Ask::Later],
];
/// Those whose ways with a fault take minutes: with a fault in `make faults` only.
const LARGE: [&[Ask]; 2] = [&[Ask::Cancel, Ask::Replace], &[Ask::Replace, Ask::Later]];

/// `make faults` sets `RELEASE_MODEL_LARGE`: a fault on every scene, two on the smaller ones.
fn is_large() -> bool {
    std::env::var_os("RELEASE_MODEL_LARGE").is_some()
}

fn explore(
    asks: &'static [Ask],
    manner: Manner,
    faults: u8,
    mutant: Option<Mutant>,
) -> Result<usize, Violation> {
    exhaust(Scene { asks, manner }, faults, mutant)
}

/// Every scene with a fault, the large ones without; how many states that were.
fn all(manner: Manner) -> usize {
    let mut states = 0;
    for asks in SCENES {
        let faults = u8::from(is_large() || !LARGE.contains(&asks));
        let found = explore(asks, manner, faults, None);
        let found = found.unwrap_or_else(|violation| panic!("{violation}"));
        eprintln!("{asks:?} with {faults} faults: {found} states");
        states += found;
    }
    states
}

#[test]
fn every_way_with_a_fault_ends_with_the_message_sent_once_or_cancelled_and_the_answers_true() {
    let states = all(Manner::HintsStay);
    assert!(states > 50_000, "{states}");
}

#[test]
fn every_way_with_two_faults_does_too() {
    let asks: &[&[Ask]] = if is_large() { &[&[], &[Ask::Cancel], &[Ask::Replace]] } else { &[&[]] };
    for asks in asks {
        let found = explore(asks, Manner::HintsStay, 2, None);
        let states = found.unwrap_or_else(|violation| panic!("{violation}"));
        eprintln!("{asks:?}: {states} states");
        assert!(states > 5_000, "{states}");
    }
}

#[test]
fn hints_that_are_lost_are_found_by_sweep() {
    let states = all(Manner::HintsAreLost);
    assert!(states > 50_000, "{states}");
}

#[test]
fn without_faults_each_message_is_sent_when_its_time_has_come() {
    for asks in SCENES {
        let found = explore(asks, Manner::Prompt, 0, None);
        assert!(found.is_ok(), "{}", found.unwrap_err());
    }
}

#[test]
fn each_rule_left_out_is_noticed() {
    for mutant in Mutant::ALL {
        let with = |manner, faults: u8| {
            let small = |asks: &&&[Ask]| faults == 0 || !LARGE.contains(*asks);
            let scenes = SCENES.iter().filter(small);
            scenes.into_iter().find_map(|asks| explore(asks, manner, faults, Some(mutant)).err())
        };
        // Most need no fault to be noticed.
        let noticed = with(Manner::Prompt, 0)
            .or_else(|| (0..=1).find_map(|faults| with(Manner::HintsStay, faults)));
        let violation = noticed.unwrap_or_else(|| panic!("{mutant:?} is not noticed"));
        eprintln!("{mutant:?}: {} where {:?}", violation.what, violation.scene.asks);
    }
}
