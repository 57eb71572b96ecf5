//! The model test of the submit journal: the state machine that is deployed, driven through a model
//! of Kafka, a provider and the group, in every interleaving for small bounds and at random beyond.
//!
//! Environment: `JOURNAL_MODEL_STATES` (states per exhaustive search), `JOURNAL_MODEL_STEPS` (random
//! steps), `JOURNAL_MODEL_SEED`.

use provider_sender::journal::{OnUnknown, Rule, Rules};
use wire::submit_journal::At;

mod journal_model {
    pub mod explore;
    pub mod world;
}

use journal_model::explore::{Search, Violation};
use journal_model::world::{Budget, Config, Outgoing, World};

fn message(priority: u8, offset: u64, id: u128, parts: u16) -> Outgoing {
    Outgoing { at: At { priority, offset }, id, parts, expired: false }
}

fn small(budget: Budget) -> Config {
    Config {
        tasks: 2,
        outgoing: vec![message(0, 0, 1, 1), message(0, 1, 2, 1)],
        budget,
        on_unknown: OnUnknown::Resend,
        rules: Rules::default(),
    }
}

fn env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn exhaust(name: &str, config: Config) {
    let max = usize::try_from(env("JOURNAL_MODEL_STATES", 10_000_000)).unwrap();
    let mut search = Search::default();
    let started = std::time::Instant::now();
    let found = search.exhaust(World::new(config), max);
    eprintln!("{name}: {} states, {} steps, {:?}", search.states, search.steps, started.elapsed());
    if let Err(Violation { what, trace }) = found {
        panic!("{name}: {what}\n{trace:#?}");
    }
}

#[test]
fn every_interleaving_of_a_move_a_throttling_and_a_position_keeps_the_promise() {
    let budget = Budget { moves: 1, throttled: 1, positions: 1, ..Budget::default() };
    exhaust("move, throttling, position", small(budget));
}
