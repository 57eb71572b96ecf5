//! The list: what is done to whom while receipts and messages come back.

use std::time::Duration;

use wire::topics::{CUSTOMER_DELIVERIES, EDGE_DELIVERIES, PROVIDER_EVENTS};

use crate::faults::scenario::{BASE, EDGE, Fault, SENDER, Scenario, Way, Whom};

const OF_BACK: Scenario = Scenario { way: Way::Back, load: Duration::from_secs(15), ..BASE };
const THREE_BROKERS: Scenario = Scenario { brokers: 3, load: Duration::from_secs(20), ..OF_BACK };

/// Those of the way back.
pub const BACK: &[Scenario] = &[
    killed("back-edge-killed", "kill -9 of the edge, twice", Whom::All(&[EDGE]), 2),
    killed("back-sender-killed", "kill -9 of a sender, then of the other", Whom::Oldest(SENDER), 2),
    killed(
        "back-correlate-killed",
        "kill -9 of correlate, five times",
        Whom::All(&["correlate"]),
        5,
    ),
    killed("back-dispatch-killed", "kill -9 of dispatch, five times", Whom::All(&["dispatch"]), 5),
    killed("back-route-mo-killed", "kill -9 of route-mo, five times", Whom::All(&["route-mo"]), 5),
    killed("back-record-killed", "kill -9 of record, five times", Whom::All(&["record"]), 5),
    Scenario {
        store_on_disk: true,
        ..killed("back-store-killed", "kill -9 of the store, twice", Whom::All(&["store"]), 2)
    },
    Scenario {
        name: "back-events-leader-killed",
        tells: "kill -9 of the leader of provider-events, of three brokers",
        fault: struck(Whom::Leader(PROVIDER_EVENTS), 1),
        ..THREE_BROKERS
    },
    Scenario {
        name: "back-deliveries-leader-killed",
        tells: "kill -9 of the leader of customer-deliveries, of three brokers",
        fault: struck(Whom::Leader(CUSTOMER_DELIVERIES), 1),
        ..THREE_BROKERS
    },
    Scenario {
        name: "back-edge-leader-stopped",
        tells: "the leader of edge-deliveries is stopped for 8 s, of three brokers",
        fault: Fault::Pause { whom: Whom::Leader(EDGE_DELIVERIES), lasts: Duration::from_secs(8) },
        ..THREE_BROKERS
    },
    Scenario {
        name: "back-kafka-stopped",
        tells: "the only broker is stopped for 14 s, longer than its session",
        fault: Fault::Pause { whom: Whom::Oldest("kafka-1"), lasts: Duration::from_secs(14) },
        load: Duration::from_secs(30),
        ..OF_BACK
    },
    Scenario {
        name: "back-customer-dies",
        tells: "another bind of the customer answers nothing and dies, thirty times",
        fault: Fault::DieInALoop { times: 30 },
        ..OF_BACK
    },
    Scenario {
        name: "back-customer-silent",
        tells: "a bind of the customer, and one of another, never answer",
        fault: Fault::NeverAnswer { lasts: Duration::from_secs(32) },
        load: Duration::from_secs(50),
        ..OF_BACK
    },
    Scenario {
        name: "back-edges-leave-and-join",
        tells: "SIGTERM of one edge after the other, of three",
        edges: 3,
        load: Duration::from_secs(40),
        fault: Fault::Strike { whom: Whom::Oldest(EDGE), signal: "TERM", times: 4 },
        ..OF_BACK
    },
    Scenario {
        name: "back-edges-die-and-join",
        tells: "kill -9 of one edge after the other, of three",
        edges: 3,
        load: Duration::from_secs(40),
        fault: struck(Whom::Oldest(EDGE), 3),
        ..OF_BACK
    },
    Scenario {
        name: "back-drained",
        tells: "10,000 messages wait in a mailbox, others in another's; one bind gets them all, in order",
        fault: Fault::Park { messages: 10_000 },
        ..OF_BACK
    },
];

const fn killed(name: &'static str, tells: &'static str, whom: Whom, times: u32) -> Scenario {
    Scenario { name, tells, fault: struck(whom, times), ..OF_BACK }
}

const fn struck(whom: Whom, times: u32) -> Fault {
    Fault::Strike { whom, signal: "KILL", times }
}
