//! Every way the world can go.

use std::collections::HashSet;

use crate::mutant::Mutant;
use crate::scene::Scene;
use crate::world::{Action, World};

/// What went wrong and how it came to that.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) scene: Scene,
    pub(crate) what: String,
    pub(crate) trace: Vec<Action>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {:?}, after {:#?}", self.what, self.scene, self.trace)
    }
}

/// Visits every state that `faults` faults can lead to; tells how many there are.
pub(crate) fn exhaust(
    scene: Scene,
    faults: u8,
    mutant: Option<Mutant>,
) -> Result<usize, Violation> {
    let mut visited = HashSet::new();
    let mut ways: Vec<(usize, Action)> = Vec::new();
    let mut stack = vec![(World::new(scene, faults, mutant), usize::MAX)];
    while let Some((mut world, node)) = stack.pop() {
        let violation = |what: String, last: Option<Action>| {
            let mut trace = path(&ways, node);
            trace.extend(last);
            Err(Violation { scene, what, trace })
        };
        let actions = world.actions();
        let is_over = world.is_over();
        if is_over && let Err(what) = world.verdict() {
            return violation(what, None);
        }
        if actions.is_empty() && !is_over {
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
