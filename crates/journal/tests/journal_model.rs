//! The model test of the submit journal: the state machine that is deployed, driven through a model
//! of Kafka, a provider and the group, in every interleaving for small bounds and at random beyond.
//!
//! Environment: `JOURNAL_MODEL_STATES` (states per exhaustive search), `JOURNAL_MODEL_STEPS` (random
//! steps), `JOURNAL_MODEL_SEED`, `JOURNAL_MODEL_LARGE=1` (larger bounds, for `make faults`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use journal::{OnUnknown, Rule, Rules};
use wire::submit_journal::At;

mod journal_model {
    pub(crate) mod checks;
    pub(crate) mod explore;
    pub(crate) mod world;
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
        eager: true,
    }
}

fn env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn exhaust(name: &str, config: Config) {
    assert!(explore(name, config), "{name}: there are more states; see JOURNAL_MODEL_STATES");
}

/// Every interleaving up to `JOURNAL_MODEL_STATES`; tells whether that was all.
fn explore(name: &str, config: Config) -> bool {
    let max = usize::try_from(env("JOURNAL_MODEL_STATES", 10_000_000)).unwrap_or(usize::MAX);
    let mut search = Search::default();
    let started = std::time::Instant::now();
    let found = search.exhaust(World::new(config), max);
    eprintln!("{name}: {} states, {} steps, {:?}", search.states, search.steps, started.elapsed());
    found.unwrap_or_else(|violation| panic!("{name}: {violation}"))
}

#[test]
fn every_interleaving_around_a_move_with_one_message_keeps_the_promise() {
    let one = |budget| Config { outgoing: vec![message(0, 0, 1, 1)], ..small(budget) };
    let moved = Budget { moves: 1, ..Budget::default() };
    exhaust("a move", one(moved));
    exhaust("a move, a throttling", one(Budget { throttled: 1, ..moved }));
    exhaust("a move, a position", one(Budget { positions: 1, ..moved }));
    exhaust("a move, a late append", one(Budget { late: 1, ..moved }));
}

#[test]
fn every_interleaving_around_a_move_with_two_messages_keeps_the_promise() {
    let moved = Budget { moves: 1, ..Budget::default() };
    exhaust("two messages, a move", small(moved));
    // Minutes to hours: `make faults`.
    if env("JOURNAL_MODEL_LARGE", 0) > 0 {
        exhaust("two messages, a throttling", small(Budget { throttled: 1, ..moved }));
        // Nobody has seen the end of these: as many as there is time for.
        let all = Budget { throttled: 1, positions: 1, late: 1, ..moved };
        let larger = [
            ("a position", Budget { positions: 1, ..moved }),
            ("a late append", Budget { late: 1, ..moved }),
            ("all", all),
        ];
        for (name, budget) in larger {
            let is_whole = explore(&format!("two messages, {name}"), small(budget));
            eprintln!("{name}: {}", if is_whole { "exhausted" } else { "not exhausted" });
        }
    }
}

/// More of everything: for random walks.
fn large(rules: Rules, random: &mut fastrand::Rng) -> Config {
    if random.bool() {
        return medium(rules, random);
    }
    let repeat = message(0, 3, 1, 1);
    let expired = Outgoing { expired: true, ..message(1, 1, 5, 1) };
    let all = [
        message(0, 0, 1, 1),
        message(0, 1, 2, 1),
        message(0, 2, 3, 2),
        repeat,
        message(1, 0, 4, 1),
        expired,
    ];
    let outgoing = all[..random.usize(2..=all.len())].to_vec();
    Config {
        tasks: random.usize(2..=4),
        outgoing,
        budget: Budget {
            moves: random.u8(1..=5),
            lost: random.u8(0..=2),
            late: random.u8(0..=2),
            refused: random.u8(0..=2),
            throttled: random.u8(0..=3),
            rejected: random.u8(0..=1),
            unanswered: random.u8(0..=1),
            positions: random.u8(0..=3),
            resolutions: random.u8(0..=2),
            drains: random.u8(0..=1),
            retakes: random.u8(0..=3),
        },
        on_unknown: if random.u8(..) < 64 { OnUnknown::Hold } else { OnUnknown::Resend },
        rules,
        eager: false,
    }
}

/// Few messages and faults: where a few steps must meet in the right order.
fn medium(rules: Rules, random: &mut fastrand::Rng) -> Config {
    let budget = Budget {
        moves: random.u8(1..=2),
        late: random.u8(0..=1),
        throttled: random.u8(0..=2),
        rejected: random.u8(0..=1),
        positions: random.u8(0..=1),
        drains: random.u8(0..=1),
        ..Budget::default()
    };
    let expired = random.bool();
    let outgoing = (0..random.u64(1..=2))
        .map(|i| Outgoing { expired: expired && i == 0, ..message(0, i, 1 + u128::from(i), 1) })
        .collect();
    Config { outgoing, rules, eager: false, ..small(budget) }
}

/// Walks until a promise is broken or the steps are used up.
fn walks(
    config: &mut dyn FnMut(&mut fastrand::Rng) -> Config,
    seed: u64,
    steps_max: u64,
) -> (u64, Option<(u64, Violation)>) {
    let mut steps = 0;
    for walk in 0.. {
        let seed = seed.wrapping_add(walk);
        let mut random = fastrand::Rng::with_seed(seed);
        let world = World::new(config(&mut random));
        let mut search = Search::default();
        let found = search.walk(world, &mut random, 200);
        steps += search.steps;
        if let Err(violation) = found {
            return (steps, Some((seed, violation)));
        }
        if steps >= steps_max {
            break;
        }
    }
    (steps, None)
}

#[test]
fn a_million_random_steps_keep_the_promise() {
    let seed = env("JOURNAL_MODEL_SEED", fastrand::u64(..));
    let started = std::time::Instant::now();
    let (steps, found) = walks(
        &mut |random| large(Rules::default(), random),
        seed,
        env("JOURNAL_MODEL_STEPS", 1_000_000),
    );
    eprintln!("{steps} random steps, {:?}", started.elapsed());
    let broken = found.map(|(seed, violation)| format!("JOURNAL_MODEL_SEED={seed}: {violation}"));
    assert!(broken.is_none(), "{}", broken.unwrap_or_default());
}

const ALL_RULES: [Rule; 14] = [
    Rule::Contiguity,
    Rule::ContiguityOfAll,
    Rule::Takeover,
    Rule::Republish,
    Rule::PositionLists,
    Rule::ReturnedIsOpen,
    Rule::PublishedTo,
    Rule::RepeatsRebuilt,
    Rule::UnknownBeforeResend,
    Rule::VoidIntents,
    Rule::OutcomesByIntent,
    Rule::PositionWithoutGap,
    Rule::UnsentChecked,
    Rule::IdleLook,
];

/// What a rule is needed for, where a walk among everything seldom meets it.
fn focused(rule: Rule) -> Option<Budget> {
    match rule {
        Rule::OutcomesByIntent => Some(Budget { moves: 2, throttled: 1, ..Budget::default() }),
        Rule::PublishedTo => Some(Budget { moves: 1, positions: 1, ..Budget::default() }),
        _ => None,
    }
}

fn violation_without(rule: Rule) -> Option<String> {
    let rules = Rules::without(rule);
    let one = vec![message(0, 0, 1, 1)];
    let found = match focused(rule) {
        Some(budget) => {
            let config = Config { rules, outgoing: one, ..small(budget) };
            walks(&mut |_| config.clone(), 1, 2_000_000).1
        }
        None => walks(&mut |random| large(rules, random), 1, 2_000_000).1,
    };
    found.map(|(seed, violation)| format!("seed {seed}: {}", violation.what))
}

#[test]
fn without_any_one_of_the_rules_a_promise_is_broken() {
    let mut missed = Vec::new();
    for rule in ALL_RULES {
        let started = std::time::Instant::now();
        let found = violation_without(rule);
        eprintln!("{rule:?}: {:?}: {found:?}", started.elapsed());
        if found.is_none() {
            missed.push(rule);
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
