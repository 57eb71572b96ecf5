//! Searching the model: every interleaving, random walks, and the fair end of each state.

use std::collections::HashSet;

use journal::Timer;

use super::world::{Checked, Move, World};

/// Steps within which a fair run must come to rest.
const FAIR_STEPS_MAX: usize = 2_000;

/// A broken promise and how it came to it.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) what: String,
    pub(crate) trace: Vec<Move>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\nafter {:#?}", self.what, self.trace)
    }
}

/// What a search has seen.
#[derive(Default)]
pub(crate) struct Search {
    seen: HashSet<u64>,
    /// States from which a fair run is known to end well.
    good: HashSet<(Ghosts, u64)>,
    pub(crate) steps: u64,
    pub(crate) states: usize,
}

impl Search {
    /// Every interleaving; false: there are more than this many states, and those were looked at.
    pub(crate) fn exhaust(&mut self, world: World, states_max: usize) -> Result<bool, Violation> {
        // How each state was come to: the state before, and what happened.
        let mut came: Vec<(usize, Option<Move>)> = vec![(0, None)];
        let mut stack = vec![(world, 0)];
        while let Some((world, here)) = stack.pop() {
            if !self.seen.insert(world.digest()) {
                continue;
            }
            self.states += 1;
            let violated = |what| Violation { what, trace: trace(&came, here) };
            if self.states > states_max {
                return Ok(false);
            }
            // The fair runs from here are among the interleavings: it is enough to look at rest.
            check_rest(&world).map_err(violated)?;
            for next in world.moves() {
                let mut after = world.clone();
                self.steps += 1;
                let checked = after.apply(next);
                if checked.is_ok() && self.seen.contains(&after.digest()) {
                    continue;
                }
                came.push((here, Some(next)));
                let there = came.len() - 1;
                checked.map_err(|what| Violation { what, trace: trace(&came, there) })?;
                stack.push((after, there));
            }
        }
        Ok(true)
    }

    /// One random walk; the fair end is looked at now and then, and at last.
    pub(crate) fn walk(
        &mut self,
        mut world: World,
        random: &mut fastrand::Rng,
        steps_max: usize,
    ) -> Result<(), Violation> {
        let mut trace = Vec::new();
        for _ in 0..steps_max {
            let moves = world.moves();
            let Some(&next) = random.choice(&moves) else { break };
            trace.push(next);
            self.steps += 1;
            let checked = world.apply(next).and_then(|()| match random.u8(..) {
                0..8 => self.check_fair_end(&world),
                _ => Ok(()),
            });
            checked.map_err(|what| Violation { what, trace: trace.clone() })?;
        }
        self.good.clear();
        self.check_fair_end(&world).map_err(|what| Violation { what, trace })
    }

    /// Nobody stands still: if nothing goes wrong from here on, everything ends, whatever ghosts do.
    fn check_fair_end(&mut self, world: &World) -> Checked {
        for ghosts in [Ghosts::Dead, Ghosts::First, Ghosts::Last] {
            let mut world = world.clone();
            self.run_fairly(&mut world, ghosts)
                .map_err(|what| format!("ghosts {ghosts:?}: {what}"))?;
        }
        Ok(())
    }

    /// Runs to rest and looks at what is left, or until a state that is known to end well.
    fn run_fairly(&mut self, world: &mut World, ghosts: Ghosts) -> Checked {
        let mut path = Vec::new();
        for _ in 0..FAIR_STEPS_MAX {
            let digest = (ghosts, world.digest());
            if self.good.contains(&digest) {
                self.good.extend(path);
                return Ok(());
            }
            path.push(digest);
            let Some(next) = fair_move(world, ghosts) else {
                world.check_all_ended()?;
                world.check_all_published()?;
                world.check_survey()?;
                self.good.extend(path);
                return Ok(());
            };
            world.apply(next)?;
        }
        Err("no rest".to_owned())
    }
}

/// When the owner has nothing left to do, dead ghosts or not, everything has ended.
fn check_rest(world: &World) -> Checked {
    let mut own = Vec::new();
    world.own_moves(world.assigned, &mut own);
    if !own.is_empty() {
        return Ok(());
    }
    world.check_all_ended()?;
    world.check_all_published()
}

fn trace(came: &[(usize, Option<Move>)], mut here: usize) -> Vec<Move> {
    let mut moves = Vec::new();
    while let (before, Some(next)) = came[here] {
        moves.push(next);
        here = before;
    }
    moves.reverse();
    moves
}

/// What the tasks do that are not assigned the slot, and what is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Ghosts {
    Dead,
    /// Before the owner does anything.
    First,
    /// When the owner rests: only its idle look can notice.
    Last,
}

/// The owner's look comes when all else rests.
fn fair_move(world: &World, ghosts: Ghosts) -> Option<Move> {
    let look = Move::Timer(world.assigned, Timer::Look);
    let mut own = Vec::new();
    world.own_moves(world.assigned, &mut own);
    let mut others = Vec::new();
    for task in (0..world.tasks.len()).filter(|&task| task != world.assigned) {
        world.own_moves(task, &mut others);
    }
    others.extend((0..world.late()).map(Move::LandLate));
    let looks = own.contains(&look).then_some(look);
    let own = own.into_iter().find(|&next| next != look);
    let other = others.first().copied();
    match ghosts {
        Ghosts::Dead => own.or(looks),
        Ghosts::First => other.or(own).or(looks),
        Ghosts::Last => own.or(other).or(looks),
    }
}
