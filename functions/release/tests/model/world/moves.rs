//! What can happen next.

use std::rc::Rc;

use super::{Action, Answered, World};
use crate::actor::{Doing, Role};
use crate::scene::Manner;

impl World {
    /// Everything that can happen now.
    pub(crate) fn actions(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let parks = self.count(|role| matches!(role, Role::Park(_)));
        let may_fail = self.faults > 0;
        if !self.is_parked && parks == 0 {
            actions.push(Action::Park(false));
        } else if may_fail && parks < 2 {
            actions.push(Action::Park(true));
        }
        self.hint_actions(&mut actions);
        for place in 0..self.actors.len() {
            actions.push(Action::Step(place));
            // One that dies before its first step might as well not have begun.
            if may_fail && self.actors[place].steps > 0 {
                actions.push(Action::Die(place));
            }
            if may_fail && matches!(self.doing(place), Doing::Write(..)) {
                actions.push(Action::Unheard(place));
                if self.late.is_none() {
                    actions.push(Action::Delay(place));
                }
            }
        }
        if self.late.is_some() {
            actions.push(Action::Arrive);
        }
        // A run goes by the time at which it began, so that time need not pass during it.
        let is_running = !self.actors.is_empty();
        let is_busy = !actions.is_empty() && self.scene.manner == Manner::Prompt;
        for (place, answered) in self.answers.iter().enumerate() {
            if *answered == Answered::NotAsked {
                actions.push(Action::Ask(place));
            }
        }
        if !self.is_last() && !is_busy && !is_running {
            actions.push(Action::Tick);
        }
        actions
    }

    pub(super) fn doing(&mut self, place: usize) -> Doing {
        Rc::make_mut(&mut self.actors[place]).doing()
    }

    fn hint_actions(&self, actions: &mut Vec<Action>) {
        let lossy = self.scene.manner == Manner::HintsAreLost;
        let releases = self.count(|role| matches!(role, Role::Release(..)));
        for (place, queued) in self.queue.iter().enumerate() {
            let is_first = place == 0 || self.queue[place - 1] != *queued;
            let visible = queued.visible_ms <= self.now_ms() || self.is_last();
            if is_first && visible && releases < 2 {
                actions.push(Action::Hint(place, false));
                if self.faults > 0 {
                    actions.push(Action::Hint(place, true));
                }
            }
            if is_first && lossy && self.faults > 0 {
                actions.push(Action::LoseHint(place));
            }
        }
        let is_due = self.due_ms().is_some_and(|due_ms| due_ms <= self.now_ms());
        if lossy && is_due && self.queue.is_empty() && releases == 0 {
            actions.push(Action::Sweep);
        }
    }
}
