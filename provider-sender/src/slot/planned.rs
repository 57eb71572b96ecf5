//! The slot's machine under the plans that come: its first provider makes it, and it stays.

use journal::{Event, Settings, Slot};

use crate::plan::SlotPlan;

/// What a slot is by the plan in force, and the machine that does it.
#[derive(Debug)]
pub(super) struct Planned<H> {
    pub(super) machine: Slot<H>,
    /// None: no provider uses the slot, which waits for one.
    pub(super) plan: Option<SlotPlan>,
    had_plan: bool,
    assigned: bool,
}

/// What a plan means for the rest of the task.
#[derive(Debug, PartialEq)]
pub(super) enum PlanTaken {
    /// This slot is not concerned.
    Nothing,
    /// No provider uses the slot any more.
    NoProvider,
    /// Parts go at this rate, over a new link if one is needed.
    Changed { rate_per_s: Option<f64>, new_link: bool },
}

impl<H: Clone> Planned<H> {
    /// Not ours, and without a provider.
    pub(super) fn new(settings: Settings) -> Self {
        Self { machine: Slot::new(settings), plan: None, had_plan: false, assigned: false }
    }

    /// The group gave this task the slot.
    pub(super) fn assign(&mut self) {
        self.assigned = true;
        if self.plan.is_some() {
            self.machine.handle(Event::Assigned);
        }
    }

    /// The group takes it away.
    pub(super) fn revoke(&mut self) {
        self.assigned = false;
        self.machine.handle(Event::Revoked);
    }

    /// Takes a refused slot over again, if it is still ours.
    pub(super) fn assign_again(&mut self) {
        if self.assigned {
            self.machine.handle(Event::Assigned);
        }
    }

    /// A new plan. `settings` are the machine's if this is its first provider.
    pub(super) fn take(
        &mut self,
        found: Option<SlotPlan>,
        settings: impl FnOnce(&SlotPlan) -> Settings,
    ) -> PlanTaken {
        if found == self.plan {
            return PlanTaken::Nothing;
        }
        let before = std::mem::replace(&mut self.plan, found);
        let Some(now) = &self.plan else { return PlanTaken::NoProvider };
        let rate_per_s = now.provider.rate_per_s;
        if let Some(before) = before {
            let (before, now) = (before.provider, &now.provider);
            let new_link = before.link != now.link || before.window != now.window;
            return PlanTaken::Changed { rate_per_s, new_link };
        }
        // Terms, tickets and publications count on for as long as the task lives.
        let is_back = std::mem::replace(&mut self.had_plan, true);
        if !is_back {
            self.machine = Slot::new(settings(now));
        }
        if self.assigned {
            self.machine.handle(Event::Assigned);
        }
        PlanTaken::Changed { rate_per_s, new_link: is_back }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use domain::config::Provider;
    use journal::{Action, OnUnknown, Rules};
    use serde_json::json;
    use wire::submit_journal::OwnerId;

    use super::*;

    fn settings() -> Settings {
        Settings {
            task: 7,
            weights: [1; 3],
            intent_parts_max: 1,
            intents_in_flight_max: 1,
            messages_max: 1,
            outcomes_max: 1,
            on_unknown: OnUnknown::Resend,
            repeats_max: 1,
            repeats_ms: 1,
            search_span: 1,
            rules: Rules::default(),
        }
    }

    fn plan(window: u32, rate_per_s: u32) -> Option<SlotPlan> {
        let link = json!({"smpp": {"host": "h", "port": 1, "system_id": "us",
                                   "password_secret": "s"}});
        let provider = json!({"id": "alpha", "slots": [0], "link": link, "window": window,
                              "rate_per_s": rate_per_s});
        let provider: Provider = serde_json::from_value(provider).unwrap();
        Some(SlotPlan { provider: Arc::new(provider), bind: 0 })
    }

    fn changed(rate_per_s: u32, new_link: bool) -> PlanTaken {
        PlanTaken::Changed { rate_per_s: Some(rate_per_s.into()), new_link }
    }

    /// Whose takeovers the machine asks for.
    fn takeovers(slot: &mut Planned<()>) -> Vec<OwnerId> {
        let actions = std::iter::from_fn(|| slot.machine.next_action());
        let owner = |action| match action {
            Action::Append { key, .. } => Some(key.owner),
            _ => None,
        };
        actions.filter_map(owner).collect()
    }

    #[test]
    fn a_slot_keeps_its_machine_when_its_provider_comes_back_and_is_never_an_owner_twice() {
        let mut slot = Planned::new(settings());
        slot.assign();
        assert_eq!(takeovers(&mut slot), [], "it waits for a provider");
        let first = |_: &SlotPlan| Settings { task: 8, ..settings() };
        assert_eq!(slot.take(plan(1, 1), first), changed(1, false));
        assert_eq!(takeovers(&mut slot), [OwnerId { task: 8, term: 1 }], "with its settings");

        assert_eq!(slot.take(None, first), PlanTaken::NoProvider);
        slot.revoke();
        slot.assign();
        assert_eq!(takeovers(&mut slot), [], "it waits again");
        assert_eq!(slot.take(plan(1, 1), |_| settings()), changed(1, true));
        assert_eq!(takeovers(&mut slot), [OwnerId { task: 8, term: 2 }], "terms count on");
    }

    #[test]
    fn a_plan_asks_for_another_link_only_where_link_or_window_change() {
        let mut slot = Planned::<()>::new(settings());
        let steps = [
            (None, PlanTaken::Nothing),
            (plan(1, 1), changed(1, false)),
            (plan(1, 1), PlanTaken::Nothing),
            (plan(1, 2), changed(2, false)),
            (plan(2, 2), changed(2, true)),
            (None, PlanTaken::NoProvider),
        ];
        for (plan, expected) in steps {
            assert_eq!(slot.take(plan.clone(), |_| settings()), expected, "{plan:?}");
        }
    }
}
