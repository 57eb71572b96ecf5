//! What tests may ask for: batches again, twice at once, in pieces; sandboxes frozen in between.

use local::sources::kafka::Odds;
use serde_json::json;

use crate::recorder::{Invocation, count};
use crate::scene::{Scene, until};

fn offsets(invocation: &Invocation) -> Vec<i64> {
    invocation.records.iter().map(|record| record.offset).collect()
}

#[test]
fn redelivered_batches_come_again_and_what_follows_is_not_lost() {
    let scene = Scene::new("redelivered", 1);
    let odds = Odds { redeliver: 1.0, ..Odds::default() };
    let mapping = scene.start_with(&scene.mapping(5), 1, odds);
    for round in 0..4 {
        scene.produce(1, round * 5..(round + 1) * 5);
        scene.until("this round", |log| count(log) == (round + 1) * 5);
    }
    let times = |log: &[Invocation], offset: i64| {
        log.iter().filter(|invocation| offsets(invocation).contains(&offset)).count()
    };
    scene.until("a repeat", |log| (0..20).any(|offset| times(log, offset) > 1));
    scene.stop(mapping);
}

#[test]
fn overlapped_batches_run_twice_at_the_same_time() {
    let scene = Scene::new("overlapped", 1);
    scene.plan(&json!({ "takes_ms": 100 }));
    let odds = Odds { overlap: 1.0, ..Odds::default() };
    let mapping = scene.start_with(&scene.mapping(5), 1, odds);
    // After this round both sandboxes are there: none has to start first.
    scene.produce(1, 0..5);
    scene.until("a first round", |log| {
        log.iter().filter(|it| offsets(it).contains(&4)).count() == 2
    });
    scene.produce(1, 5..6);
    let log =
        scene.until("both", |log| log.iter().filter(|it| offsets(it).contains(&5)).count() == 2);
    let both: Vec<_> = log.iter().filter(|it| offsets(it).contains(&5)).collect();
    assert!(both[1].began_us < both[0].ended_us, "{both:#?}");
    assert_ne!(both[0].pid, both[1].pid);
    scene.stop(mapping);
}

#[test]
fn split_batches_come_in_pieces_in_their_order() {
    let scene = Scene::new("split", 1);
    scene.produce(1, 0..40);
    let odds = Odds { split: 1.0, ..Odds::default() };
    let mapping = scene.start_with(&scene.mapping(40), 1, odds);
    let log = scene.until("all records", |log| count(log) == 40);
    scene.stop(mapping);
    assert!(log.len() >= 2, "{log:#?}");
    crate::recorder::assert_in_order_and_once(&log);
}

#[test]
fn a_frozen_function_is_stopped_between_invocations_and_goes_on_with_the_next() {
    let scene = Scene::with("frozen", 1, |function| function.freeze = true);
    let mapping = scene.start(&scene.mapping(5), 1);
    for number in 0..3 {
        scene.produce(1, number..number + 1);
        let log = scene.until("an invocation", |log| count(log) == number + 1);
        let pid = log[number].pid;
        assert_eq!(pid, log[0].pid, "it is the same one that goes on");
        until("its freeze", || (state(pid) == Some('T')).then_some(()));
        assert_eq!(scene.function.pids(), [pid]);
    }
    scene.stop(mapping);
}

/// The state of a process as in proc(5): `T` for one that is stopped.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}
