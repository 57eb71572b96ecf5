//! Model test of deliveries (design, section 8; hazards): the real state machine of two nodes and the real
//! steps of `dispatch`, in a world that can redeliver, overlap, stall, cut and kill at every step. And with
//! each rule left out, so that the test itself is tested.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, clippy::cast_possible_truncation)]

#[path = "../common/mod.rs"]
mod common;
mod steps;
mod tables;
mod troubles;
mod world;

use std::collections::HashSet;

use smpp_edge::deliveries::hub::Settings;
use world::{Do, Mutant, World};

/// What went wrong, and how it came to that.
struct Violation {
    what: String,
    trace: Vec<Do>,
}

impl std::fmt::Debug for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} after {:#?}", self.what, self.trace)
    }
}

/// Visits every state; tells how many there are.
fn exhaust(start: World) -> Result<usize, Violation> {
    let mut visited = HashSet::new();
    let mut ways: Vec<(usize, Do)> = Vec::new();
    let mut stack = vec![(start, usize::MAX)];
    while let Some((world, node)) = stack.pop() {
        let violation = |what: String, last: Option<Do>| {
            let mut trace = Vec::new();
            let mut node = node;
            while let Some((parent, action)) = ways.get(node) {
                trace.push(*action);
                node = *parent;
            }
            trace.reverse();
            trace.extend(last);
            Err(Violation { what, trace })
        };
        if world.is_over() {
            continue;
        }
        let actions = world.actions();
        if actions.is_empty() {
            return violation("it stands still with something undelivered".into(), None);
        }
        let mut new = Vec::new();
        for action in actions {
            let mut next = world.clone();
            if let Err(what) = next.apply(action) {
                return violation(what, Some(action));
            }
            if visited.insert(next.fingerprint()) {
                new.push((next, action));
            }
        }
        for (next, action) in new {
            ways.push((node, action));
            stack.push((next, ways.len() - 1));
        }
    }
    Ok(visited.len())
}

fn settings(timer: bool) -> Settings {
    let look_every_ms = if timer { 30_000 } else { 10_000_000 };
    Settings { load_max: 0, queue_least: 2, fetch_max: 1, look_every_ms, ..Settings::default() }
}

/// One delivery on its way, a customer that comes, goes and comes again, here or there.
fn dispatched(mutant: Option<Mutant>, timer: bool) -> World {
    World::new(vec![common::delivery(1)], Vec::new(), mutant, settings(timer))
}

/// One on its way while another is in the mailbox.
fn both(mutant: Option<Mutant>) -> World {
    let (log, parked) = (vec![common::delivery(2)], vec![common::delivery(1)]);
    World::new(log, parked, mutant, settings(false))
}

/// Two deliveries in the mailbox.
fn parked(mutant: Option<Mutant>) -> World {
    let parked = vec![common::delivery(1), common::delivery(2)];
    World::new(Vec::new(), parked, mutant, settings(true))
}

fn report(found: Result<usize, Violation>) {
    let states = found.unwrap_or_else(|violation| panic!("{violation:?}"));
    eprintln!("{states} states");
}

#[test]
fn without_faults_each_delivery_comes_once_and_needs_no_timer() {
    report(exhaust(dispatched(None, false).with(0, 2, 1)));
    report(exhaust(both(None).with(0, 1, 0)));
    report(exhaust(both(None).with(0, 2, 1)));
}

#[test]
fn with_a_fault_at_any_step_each_delivery_comes_and_again_only_where_an_answer_was_hidden() {
    report(exhaust(dispatched(None, true).with(1, 1, 1)));
}

#[test]
fn two_nodes_drain_one_mailbox_with_a_fault_at_any_step() {
    report(exhaust(parked(None).with(1, 2, 0)));
}

#[test]
fn each_rule_left_out_is_noticed() {
    let without_timer = |mutant| dispatched(Some(mutant), false).with(0, 2, 1);
    let with_another = |mutant| both(Some(mutant)).with(0, 1, 0);
    let with_a_fault = |mutant| dispatched(Some(mutant), true).with(1, 1, 1);
    let drained = |mutant| parked(Some(mutant)).with(1, 2, 0);
    let table: [(Mutant, &dyn Fn(Mutant) -> World); 8] = [
        (Mutant::NoLookAgain, &without_timer),
        (Mutant::DrainBeforeRegister, &without_timer),
        (Mutant::HintNotKept, &with_another),
        (Mutant::NoClaim, &drained),
        (Mutant::NoLeaseCheck, &drained),
        (Mutant::NoGiveBack, &with_a_fault),
        (Mutant::CommitAtRead, &with_a_fault),
        (Mutant::CopyEndsWithItsGiveBack, &with_a_fault),
    ];
    for (mutant, world) in table {
        let noticed = exhaust(world(mutant)).err();
        let violation = noticed.unwrap_or_else(|| panic!("{mutant:?} is not noticed"));
        eprintln!("{mutant:?}: {} after {} steps", violation.what, violation.trace.len());
    }
}
