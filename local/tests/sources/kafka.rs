//! A Kafka mapping: order, batches, retries, time-out, restart.

use std::time::Duration;

use local::template::KafkaMapping;
use serde_json::json;

use crate::recorder::{Ended, Invocation, assert_in_order_and_once, count, done};
use crate::scene::Scene;

const PARTITIONS: i32 = 4;

fn offsets(invocation: &Invocation) -> Vec<(&str, i64)> {
    invocation.records.iter().map(|record| (record.lane.as_str(), record.offset)).collect()
}

/// Batches that wait until they are full.
fn full(mapping: KafkaMapping) -> KafkaMapping {
    KafkaMapping { window: Duration::from_secs(10), ..mapping }
}

#[test]
fn each_partition_is_processed_in_order_one_invocation_at_a_time() {
    let scene = Scene::new("in-order", PARTITIONS);
    scene.plan(&json!({ "takes_ms": 2 }));
    let mapping = scene.start(&scene.mapping(50), 2);
    for round in 0..10 {
        scene.produce(PARTITIONS, round * 50..(round + 1) * 50);
    }
    let log = scene.until("all records", |log| count(log) == 2_000);
    scene.stop(mapping);
    assert_in_order_and_once(&log);
    assert!(log.iter().all(|invocation| invocation.records.len() <= 50));
    for partition in 0..PARTITIONS {
        assert_eq!(scene.committed(partition), Some(500));
    }
}

#[test]
fn a_batch_waits_for_its_window_and_no_longer_once_it_is_full() {
    let scene = Scene::new("window", 1);
    let waiting = KafkaMapping { window: Duration::from_secs(2), ..scene.mapping(3) };
    let running = scene.start(&waiting, 1);
    scene.broker.runtime.block_on(running.ready());
    scene.produce(1, 0..1);
    scene.produce(1, 1..2);
    let log = scene.until("the window's end", |log| count(log) == 2);
    assert_eq!(log.len(), 1, "both fell into one window: {log:#?}");
    let before = std::time::Instant::now();
    scene.produce(1, 2..5);
    let log = scene.until("a full batch", |log| count(log) == 5);
    assert!(before.elapsed() < waiting.window, "a full batch does not wait");
    scene.stop(running);
    assert_in_order_and_once(&log);
}

#[test]
fn a_batch_is_split_before_its_event_is_over_6_mb() {
    let scene = Scene::new("payload", 2);
    let value = |number: i32| (number % 2, format!("{number:<60000}").repeat(15));
    scene.broker.produce(scene.topic, (0..12).map(value));
    let mapping = scene.start(&scene.mapping(1_000), 1);
    let log = scene.until("all records", |log| count(log) == 12);
    scene.stop(mapping);
    assert_in_order_and_once(&log);
    assert!(log.iter().all(|it| it.octets <= local::runtime::PAYLOAD_MAX), "{log:#?}");
    assert!(log.iter().any(|it| it.records.len() > 1), "small ones go together: {log:#?}");
}

#[test]
fn nothing_moves_past_a_failing_batch_and_it_comes_again_whole() {
    let scene = Scene::new("failing", 1);
    scene.plan(&json!({ "fail": ["2"] }));
    scene.produce(1, 0..5);
    let mapping = scene.start(&full(scene.mapping(5)), 1);
    scene.until("a first failure", |log| !log.is_empty());
    scene.produce(1, 5..20);
    let failing = scene
        .until("five tries", |log| log.iter().filter(|it| it.ended == Ended::Failed).count() == 5);
    let first = offsets(&failing[0]);
    assert!(first.contains(&("failing-0", 2)) && !first.contains(&("failing-0", 5)));
    assert!(failing.iter().all(|it| offsets(it) == first), "whole, and nothing else: {failing:#?}");
    let pauses: Vec<_> =
        failing.windows(2).map(|pair| pair[1].began_us - pair[0].ended_us).collect();
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0]), "growing: {pauses:?}");
    assert_eq!(scene.committed(0), None);
    scene.plan(&json!({}));
    let log = scene.until("all records", |log| count(log) == 20);
    scene.stop(mapping);
    assert_in_order_and_once(&log);
    assert_eq!(scene.committed(0), Some(20));
}

#[test]
fn a_function_that_takes_too_long_is_killed_and_its_batch_comes_again() {
    let scene = Scene::with("time-out", 1, |function| function.timeout = Duration::from_secs(1));
    scene.plan(&json!({ "hang": ["3"] }));
    scene.produce(1, 0..6);
    let mapping = scene.start(&full(scene.mapping(6)), 1);
    let log = scene.until("a second try", |log| log.len() == 2);
    assert_eq!(offsets(&log[0]), offsets(&log[1]));
    assert!(log[1].began_us - log[0].began_us >= 1_000_000, "not before its time: {log:#?}");
    assert_ne!(log[0].pid, log[1].pid);
    assert!(!is_there(log[0].pid), "killed before the retry");
    scene.plan(&json!({}));
    let log = scene.until("all records", |log| count(log) == 6);
    scene.stop(mapping);
    assert_in_order_and_once(&log);
}

#[test]
fn a_function_whose_process_is_killed_gets_the_batch_again() {
    let scene = Scene::new("killed", 1);
    scene.plan(&json!({ "hold": true }));
    scene.produce(1, 0..3);
    let mapping = scene.start(&scene.mapping(10), 1);
    let log = scene.until("an invocation", |log| log.len() == 1);
    kill(log[0].pid);
    scene.plan(&json!({}));
    let log = scene.until("all records", |log| count(log) == 3);
    assert_in_order_and_once(&log);
    let scratch = &log[0].scratch;
    assert!(scratch.is_dir() && log.iter().all(|it| it.scratch == *scratch), "{log:#?}");
    // Between invocations, too: then nobody notices.
    kill(log[log.len() - 1].pid);
    scene.produce(1, 3..4);
    let after = scene.until("one more", |log| count(log) == 4);
    scene.stop(mapping);
    assert_eq!(after.len(), log.len() + 1, "{after:#?}");
    assert_eq!(done(&after, "killed-0"), [0, 1, 2, 3]);
}

#[test]
fn a_poller_goes_on_where_the_one_before_it_ended() {
    let scene = Scene::new("restart", PARTITIONS);
    let mapping = scene.mapping(20);
    for round in 0..3 {
        scene.produce(PARTITIONS, round * 40..(round + 1) * 40);
        let running = scene.start(&mapping, 1);
        scene.until("all so far", |log| count(log) == (round + 1) * 160);
        scene.stop(running);
    }
    assert_in_order_and_once(&scene.log());
}

#[test]
fn what_was_under_way_when_a_poller_ended_comes_again_and_nothing_else() {
    let scene = Scene::new("unfinished", 1);
    let mapping = scene.mapping(5);
    scene.produce(1, 0..5);
    let running = scene.start(&mapping, 1);
    scene.until("the first batch", |log| count(log) == 5);
    scene.plan(&json!({ "hold": true }));
    scene.produce(1, 5..8);
    scene.until("the second batch", |log| log.iter().any(|it| it.ended == Ended::Never));
    // It waits for a while, then gives the invocation up.
    scene.stop(running);
    scene.plan(&json!({}));
    let running = scene.start(&mapping, 1);
    let log = scene.until("all records", |log| count(log) == 8);
    scene.stop(running);
    assert_in_order_and_once(&log);
    assert_eq!(done(&log, "unfinished-0"), (0..8).collect::<Vec<_>>());
}

fn kill(pid: i32) {
    use nix::sys::signal::{Signal, kill};
    kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    crate::scene::until("its end", || (!is_there(pid)).then_some(()));
}

/// Whether a process runs; one that has ended and was not waited for does not.
fn is_there(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim().starts_with('Z'))
}
