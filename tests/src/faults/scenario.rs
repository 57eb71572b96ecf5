//! What is done to whom, as data: the list that `make faults` goes through.

use std::time::Duration;

use wire::topics::CUSTOMER_INCOMING_MESSAGES;

use super::back::scenarios::BACK;

pub(super) const EDGE: &str = "smpp-edge";
pub(super) const SENDER: &str = "provider-sender";
const FUNCTIONS: &[&str] = &["assemble", "route"];

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// As `--only` takes it.
    pub name: &'static str,
    /// For a person.
    pub tells: &'static str,
    /// One or three.
    pub brokers: usize,
    /// What happens in the middle of the load.
    pub fault: Fault,
    /// How long the load lasts if nothing holds it up; the fault must fit in.
    pub load: Duration,
    /// What is watched.
    pub way: Way,
    /// Edge nodes.
    pub edges: u32,
    /// The store keeps its tables in a file.
    pub store_on_disk: bool,
}

/// What the load consists of, and what is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Submits, as far as the provider.
    There,
    /// Submits, their receipts, and handsets' messages, as far as the customer.
    Back,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A signal, so many times, under load in between.
    Strike { whom: Whom, signal: &'static str, times: u32 },
    /// SIGSTOP, and SIGCONT after a while.
    Pause { whom: Whom, lasts: Duration },
    /// The provider cuts a connection before a response, after each number of its octets, and after
    /// all of it.
    CutEachOctet,
    /// SIGTERM to one process after the other, each when the one before is back.
    RestartAll,
    /// kill -9 of `local` itself, which must take all of its children along; then it is started again.
    KillRunner,
    /// Another bind of the customer takes deliveries, answers none and dies; so many times.
    DieInALoop { times: u32 },
    /// Another bind of the customer, and one of another customer, take deliveries and never answer.
    NeverAnswer { lasts: Duration },
    /// Nobody is bound while so many messages come at most; then one bind gets them all.
    Park { messages: u64 },
}

/// Whom it strikes. Looked up anew each time: processes are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The process of that name that has run longest.
    Oldest(&'static str),
    /// All processes of these names.
    All(&'static [&'static str]),
    /// `local` itself, which plays Lambda's pollers and runtime.
    Runner,
    /// The broker that leads partition 0 of this topic.
    Leader(&'static str),
}

/// What most scenarios have in common.
pub(super) const BASE: Scenario = Scenario {
    name: "",
    tells: "",
    brokers: 1,
    fault: Fault::RestartAll,
    load: Duration::from_secs(12),
    way: Way::There,
    edges: 1,
    store_on_disk: false,
};

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    THERE.iter().chain(BACK)
}

/// Those of the way to the provider.
const THERE: &[Scenario] = &[
    strike("edge-killed", "kill -9 of the edge, twice", Whom::All(&[EDGE]), "KILL", 2),
    strike("edge-terminated", "SIGTERM of the edge", Whom::All(&[EDGE]), "TERM", 1),
    strike(
        "functions-killed",
        "kill -9 of every function, three times",
        Whom::All(FUNCTIONS),
        "KILL",
        3,
    ),
    strike("functions-terminated", "SIGTERM of every function", Whom::All(FUNCTIONS), "TERM", 1),
    strike(
        "sender-killed",
        "kill -9 of a sender, then of the other",
        Whom::Oldest(SENDER),
        "KILL",
        2,
    ),
    strike("sender-terminated", "SIGTERM of a sender", Whom::Oldest(SENDER), "TERM", 1),
    Scenario {
        name: "ghost",
        tells: "a sender is stopped for longer than its session, then goes on",
        brokers: 1,
        fault: Fault::Pause { whom: Whom::Oldest(SENDER), lasts: Duration::from_secs(6) },
        load: Duration::from_secs(12),
        ..BASE
    },
    Scenario {
        name: "connection-cut",
        tells: "the provider cuts before, within (each octet) and after a response",
        brokers: 1,
        fault: Fault::CutEachOctet,
        load: Duration::from_secs(20),
        ..BASE
    },
    Scenario {
        name: "store-unreachable",
        tells: "the store does not answer for 10 s",
        brokers: 1,
        fault: Fault::Pause { whom: Whom::All(&["store"]), lasts: Duration::from_secs(10) },
        load: Duration::from_secs(20),
        ..BASE
    },
    Scenario {
        name: "poller-stopped",
        tells: "the pollers of the functions' topics are stopped for 10 s, longer than their session",
        brokers: 1,
        fault: Fault::Pause { whom: Whom::Runner, lasts: Duration::from_secs(10) },
        load: Duration::from_secs(20),
        ..BASE
    },
    Scenario {
        name: "runner-killed",
        tells: "kill -9 of the runner, so of everything but the provider; it is started again",
        brokers: 1,
        fault: Fault::KillRunner,
        load: Duration::from_secs(25),
        ..BASE
    },
    strike(
        "queues-killed",
        "kill -9 of the queues, which forget everything, twice",
        Whom::All(&["queues"]),
        "KILL",
        2,
    ),
    Scenario {
        name: "leader-killed",
        tells: "kill -9 of a partition's leader, of three brokers",
        brokers: 3,
        fault: Fault::Strike { whom: LEADER, signal: "KILL", times: 1 },
        load: Duration::from_secs(20),
        ..BASE
    },
    Scenario {
        name: "leader-stopped",
        tells: "a partition's leader is stopped for 8 s, of three brokers",
        brokers: 3,
        fault: Fault::Pause { whom: LEADER, lasts: Duration::from_secs(8) },
        load: Duration::from_secs(20),
        ..BASE
    },
    Scenario {
        name: "rolling-restart",
        tells: "SIGTERM of brokers, functions, edge and senders, one after the other",
        brokers: 3,
        fault: Fault::RestartAll,
        load: Duration::from_secs(150),
        ..BASE
    },
];

const LEADER: Whom = Whom::Leader(CUSTOMER_INCOMING_MESSAGES);

const fn strike(
    name: &'static str,
    tells: &'static str,
    whom: Whom,
    signal: &'static str,
    times: u32,
) -> Scenario {
    let fault = Fault::Strike { whom, signal, times };
    Scenario { name, tells, fault, ..BASE }
}

/// The scenario of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Scenario> {
    all().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_scenario_is_found_by_a_name_of_its_own() {
        let names: BTreeSet<_> = all().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(all().all(|one| named(one.name).is_some_and(|it| it.tells == one.tells)));
        assert!(named("no-such-fault").is_none());
    }

    #[test]
    fn every_pause_fits_into_its_load() {
        for scenario in all() {
            if let Fault::Pause { lasts, .. } | Fault::NeverAnswer { lasts } = scenario.fault {
                assert!(scenario.load >= lasts.mul_f64(1.5), "{}", scenario.name);
            }
        }
    }
}
