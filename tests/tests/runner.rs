//! The program that a person starts: when it says that all is ready it is, what it tells stays true,
//! and it leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use gateway_tests::faults::processes::{self, Process};
use gateway_tests::log;
use gateway_tests::stack::{Stack, programs, signal};
use serde_json::Value;
use wire::topics::DEAD_LETTERS;

/// A development build on two busy cores; the first message waits for nothing but work.
const AT_ONCE_MS: f64 = 1_000.0;
const PATIENCE: Duration = Duration::from_secs(30);

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn children(stack: &Stack) -> Vec<Process> {
    let pid = stack.facts()["pid"].as_u64().unwrap();
    processes::children(u32::try_from(pid).unwrap()).unwrap()
}

#[test]
fn ready_means_that_a_first_message_arrives_at_once_and_what_is_told_stays_true() {
    let stack = Stack::start(&programs(), &["--store-in-memory", "--smsc-arg=--numbers"]).unwrap();
    assert_eq!(stack.summary().unwrap().binds_up, 6, "the senders hold their slots");
    stack.load(["--run=1", "--count=1", "--destinations=4930", "--deadline=60"]).unwrap();
    let latency_ms = stack.await_run(1, 1).unwrap().latency.max_ms;
    assert!(latency_ms < AT_ONCE_MS, "{latency_ms} ms\n{}", stack.said());

    let edge = |ready: &Value| ready["edge"][0]["pid"].as_u64();
    let before = edge(stack.facts()).unwrap();
    signal(u32::try_from(before).unwrap(), "KILL").unwrap();
    let now = until("another edge", || edge(&stack.ready_now().ok()?).filter(|it| *it != before));
    let runs = Process { pid: u32::try_from(now).unwrap(), name: "smpp-edge".to_owned() };
    until("it to run", || processes::runs(&runs).then_some(()));
    let said = stack.said();
    assert!(said.contains("smpp-edge-1  ended ("), "{said}");
    assert!(said.contains(&format!("smpp-edge-1  runs again, process {now}")), "{said}");
    stack.stop().unwrap();
}

#[test]
fn ctrl_c_leaves_nothing_running_and_no_file_that_says_it_is_ready() {
    let mut stack = Stack::start(&programs(), &["--store-in-memory", "--freeze"]).unwrap();
    let running = children(&stack);
    for name in ["kafka-1", "store", "queues", "assemble", "route", "smpp-edge", "provider-sender"]
    {
        assert!(running.iter().any(|process| process.name == name), "no {name}: {running:?}");
    }
    let ready_file = stack.directory().join("ready.json");
    assert!(ready_file.exists());
    stack.end().unwrap();
    assert!(!ready_file.exists() && stack.directory().exists());
    let left: Vec<_> = running.iter().filter(|process| processes::runs(process)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn functions_that_are_frozen_cut_up_repeated_and_run_twice_lose_and_double_nothing() {
    let arguments = [
        "--store-in-memory",
        "--smsc-arg=--numbers",
        "--freeze",
        "--redeliver=0.3",
        "--overlap=0.3",
        "--split=0.3",
        "--seed=4",
    ];
    let stack = Stack::start(&programs(), &arguments).unwrap();
    let report = stack
        .load([
            "--run=1",
            "--deadline=60",
            "--count=1000",
            "--rate=200",
            "--connections=4",
            "--parts=3",
            "--spread",
            "--long-share=0.3",
            "--destinations=447700,491701",
        ])
        .unwrap();
    assert!(report.acknowledged > 1_000, "{report}");
    // What is repeated comes at once, or with the next batch: by now it has.
    stack.await_run(1, report.acknowledged).unwrap();
    let letters = log::read_all(stack.fact("/kafka/bootstrap"), DEAD_LETTERS).unwrap();
    assert_eq!(letters.len(), 0);
    stack.stop().unwrap();
}
