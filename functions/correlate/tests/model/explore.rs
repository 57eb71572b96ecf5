//! Every way the world can go.

use std::collections::HashSet;
use std::rc::Rc;

use crate::log::Log;
use crate::mutant::Mutant;
use crate::world::{Action, World};

/// What went wrong and how it came to that.
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
    let mut visited = HashSet::new();
    let mut ways: Vec<(usize, Action)> = Vec::new();
    let mut stack = vec![(World::new(log.clone(), mutant, faults), usize::MAX)];
    while let Some((world, node)) = stack.pop() {
        let violation = |what: String, last: Option<Action>| {
            let mut trace = path(&ways, node);
            trace.extend(last);
            Err(Violation { log: log.text.clone(), what, trace })
        };
        if world.is_over()
            && let Err(what) = world.verdict()
        {
            return violation(what, None);
        }
        let actions = world.actions();
        if actions.is_empty() && !world.is_over() {
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
