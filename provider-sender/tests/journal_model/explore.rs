//! Searching the model: every interleaving, random walks, and the fair end of each state.

use std::collections::HashSet;

use provider_sender::journal::Timer;

use super::world::{Checked, Move, World};

/// Steps within which a fair run must come to rest.
const FAIR_STEPS_MAX: usize = 2_000;

/// A broken promise and how it came to it.
#[derive(Debug)]
pub struct Violation {
    pub what: String,
    pub trace: Vec<Move>,
}

/// What a search has seen.
#[derive(Default)]
pub struct Search {
    seen: HashSet<u64>,
    /// States from which a fair run is known to end well.
    good: HashSet<(bool, u64)>,
    pub steps: u64,
    pub states: usize,
}

impl Search {
    /// Every interleaving, or as many states as asked for.
    pub fn exhaust(&mut self, world: World, states_max: usize) -> Result<(), Violation> {
        let mut stack = vec![(world, Vec::new())];
        while let Some((world, trace)) = stack.pop() {
            if !self.seen.insert(world.digest()) {
                continue;
            }
            self.states += 1;
            if self.states > states_max {
                return Ok(());
            }
            let violated = |what| Violation { what, trace: trace.clone() };
            self.check_fair_end(&world).map_err(violated)?;
            for next in world.moves() {
                let mut after = world.clone();
                let mut trace = trace.clone();
                trace.push(next);
                self.steps += 1;
                match after.apply(next) {
                    Ok(()) => stack.push((after, trace)),
                    Err(what) => return Err(Violation { what, trace }),
                }
            }
        }
        Ok(())
    }

    /// One random walk; the fair end is looked at now and then, and at last.
    pub fn walk(
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

    /// Nobody stands still: if nothing goes wrong from here on, everything ends. First with the
    /// assigned task alone (the others are dead), then with what ghosts still do and then die.
    fn check_fair_end(&mut self, world: &World) -> Checked {
        let mut alone = world.clone();
        if !self.run_fairly(&mut alone, false)? {
            alone.check_all_ended().map_err(|what| format!("alone: {what}"))?;
        }
        let mut world = world.clone();
        if !self.run_fairly(&mut world, true)? {
            world.check_all_ended()?;
            world.check_all_published()?;
        }
        Ok(())
    }

    /// Runs to rest. True: met a state that is known to end well.
    fn run_fairly(&mut self, world: &mut World, ghosts: bool) -> Result<bool, String> {
        let mut path = Vec::new();
        for _ in 0..FAIR_STEPS_MAX {
            let digest = (ghosts, world.digest());
            if self.good.contains(&digest) {
                self.good.extend(path);
                return Ok(true);
            }
            path.push(digest);
            let Some(next) = fair_move(world, ghosts) else {
                // Whoever calls checks it; a state that fails ends the search.
                self.good.extend(path);
                return Ok(false);
            };
            world.apply(next)?;
        }
        Err("no rest".to_owned())
    }
}

/// Ghosts first: the worst for the owner. The look is last, when all else rests.
fn fair_move(world: &World, ghosts: bool) -> Option<Move> {
    let mut moves = Vec::new();
    if ghosts {
        for task in (0..world.tasks.len()).filter(|&task| task != world.assigned) {
            world.own_moves(task, &mut moves);
        }
        moves.extend((0..world.late()).map(Move::LandLate));
    }
    let look = Move::Timer(world.assigned, Timer::Look);
    world.own_moves(world.assigned, &mut moves);
    moves
        .iter()
        .copied()
        .find(|&next| next != look)
        .or_else(|| moves.contains(&look).then_some(look))
}
