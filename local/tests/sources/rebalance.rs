//! Pollers come and go under load: nothing is lost, repeated or out of order, and no two invocations of
//! a partition meet.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::recorder::{assert_in_order_and_once, count};
use crate::scene::Scene;

const PARTITIONS: i32 = 8;
/// Records that are done between two changes.
const BETWEEN: usize = 300;

#[test]
fn partitions_that_move_between_pollers_lose_repeat_and_reorder_nothing() {
    let scene = Scene::new("moving", PARTITIONS);
    // Long enough for a group to change its mind in the middle of an invocation.
    scene.plan(&json!({ "takes_ms": 60 }));
    let mapping = scene.mapping(40);
    let enough = AtomicBool::new(false);
    let produced = std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            let mut rounds = 0;
            while !enough.load(Ordering::Relaxed) {
                scene.produce(PARTITIONS, rounds * 10..(rounds + 1) * 10);
                rounds += 1;
                // Not faster than they are processed.
                let room = rounds * 80 - 2_000.min(rounds * 80);
                scene.until("room", |log| count(log) >= room || enough.load(Ordering::Relaxed));
            }
            rounds * 80
        });
        let first = scene.start(&mapping, 1);
        let mut so_far = 0;
        let mut progress = |what: &str| {
            so_far = count(&scene.until(what, |log| count(log) >= so_far + BETWEEN));
        };
        progress("a first poller alone");
        for _ in 0..3 {
            let second = scene.start(&mapping, 1);
            progress("two pollers");
            let third = scene.start(&mapping, 1);
            progress("three pollers");
            scene.stop(second);
            progress("two pollers again");
            scene.stop(third);
            progress("one poller again");
        }
        enough.store(true, Ordering::Relaxed);
        let produced = producer.join().unwrap();
        scene.until("all records", |log| count(log) == produced);
        scene.stop(first);
        produced
    });
    let log = scene.log();
    assert_eq!(count(&log), produced);
    assert_in_order_and_once(&log);
    for partition in 0..PARTITIONS {
        let expected = i64::try_from(produced).unwrap() / i64::from(PARTITIONS);
        assert_eq!(scene.committed(partition), Some(expected));
    }
}

#[test]
fn a_failing_batch_holds_up_its_own_partitions_only_once_another_poller_is_there() {
    let scene = Scene::new("stuck", 2);
    scene.plan(&json!({ "fail": ["bad"] }));
    scene.broker.produce(scene.topic, [(0, "bad".to_owned()), (1, "0".to_owned())]);
    let first = scene.start(&scene.mapping(10), 1);
    scene.until("a failure", |log| log.len() >= 2);
    let second = scene.start(&scene.mapping(10), 1);
    let lanes_done = |log: &[crate::recorder::Invocation]| {
        [0, 1].map(|lane| !crate::recorder::done(log, &format!("stuck-{lane}")).is_empty())
    };
    scene.until("the good partition", |log| lanes_done(log) == [false, true]);
    scene.plan(&json!({}));
    let log = scene.until("both", |log| lanes_done(log) == [true, true]);
    scene.stop(first);
    scene.stop(second);
    assert_in_order_and_once(&log);
}
