//! Every way the world can go, and random ways through larger ones.

use std::collections::HashSet;
use std::rc::Rc;

use crate::log::Log;
use crate::mutant::Mutant;
use crate::world::{Action, World};

/// What was found: how much was looked at, or what went wrong and how it came to that.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) log: String,
    pub(crate) what: String,
    pub(crate) trace: Vec<Action>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on log {:?}, after {:#?}", self.what, self.log, self.trace)
    }
}

/// Visits every state that `faults` faults can lead to; tells how many there are.
pub(crate) fn exhaust(
    log: &Rc<Log>,
    mutant: Option<Mutant>,
    faults: u8,
) -> Result<usize, Violation> {
    let expected = log.expected();
    let mut visited = HashSet::new();
    let mut ways: Vec<(usize, Action)> = Vec::new();
    let start = World::new(log.clone(), mutant, faults, 1);
    let mut stack = vec![(start, usize::MAX)];
    while let Some((world, node)) = stack.pop() {
        let violation = |what: String, last: Option<Action>| {
            let mut trace = path(&ways, node);
            trace.extend(last);
            Err(Violation { log: log.text.clone(), what, trace })
        };
        if world.is_over() {
            if *world.outcome != expected {
                let what = format!("{:?} instead of {expected:?}", world.outcome);
                return violation(what, None);
            }
            continue;
        }
        let actions = world.actions();
        if actions.is_empty() {
            return violation("it stands still".into(), None);
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

fn path(ways: &[(usize, Action)], mut node: usize) -> Vec<Action> {
    let mut path = Vec::new();
    while let Some((parent, action)) = ways.get(node) {
        path.push(*action);
        node = *parent;
    }
    path.reverse();
    path
}

/// One random way through `log` to its end; tells the number of steps.
pub(crate) fn wander(
    log: &Rc<Log>,
    mutant: Option<Mutant>,
    faults: u8,
    random: &mut fastrand::Rng,
) -> Result<usize, Violation> {
    let mut world = World::new(log.clone(), mutant, faults, 2);
    let mut trace = Vec::new();
    let violation = |what: String, trace: &[Action]| {
        Err(Violation { log: log.text.clone(), what, trace: trace.to_vec() })
    };
    while !world.is_over() {
        let actions = world.actions();
        let Some(action) = random.choice(&actions).copied() else {
            return violation("it stands still".into(), &trace);
        };
        // Faults seldom and time slowly, or it is over before anything has overlapped.
        let rare = !matches!(action, Action::Step(_) | Action::Receive { .. } | Action::Sweep);
        if rare && actions.len() > 1 && random.u8(..) < 150 {
            continue;
        }
        trace.push(action);
        if let Err(what) = world.apply(action) {
            return violation(what, &trace);
        }
        if trace.len() > 20_000 {
            return violation("it does not end".into(), &trace);
        }
    }
    let expected = log.expected();
    if *world.outcome != expected {
        let what = format!("{:?} instead of {expected:?}", world.outcome);
        return violation(what, &trace);
    }
    Ok(trace.len())
}
