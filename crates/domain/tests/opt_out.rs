//! STOP and START: which messages they refuse, and that every run finds the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::id::MessageId;
use domain::mo::opt_out::{CHANGES_MAX, Change, History, SETTLING_MS, in_force_ms, refuses};
use proptest::prelude::*;

fn change(stop: bool, wrote_ms: u64, in_force_ms: u64) -> Change {
    let by = MessageId::new(wrote_ms, [0; 10]).derive(&format!("{stop} {in_force_ms}"));
    Change { by, stop, wrote_ms, in_force_ms }
}

fn history(changes: &[Change]) -> History {
    let mut history = History::default();
    for change in changes {
        history.add(*change, 0);
    }
    history
}

#[test]
fn a_stop_refuses_what_is_newer_than_itself_and_a_start_ends_it() {
    let history = history(&[change(true, 5, 100), change(false, 150, 200), change(true, 250, 300)]);
    let table = [
        (0, false),
        (99, false),
        (100, false),
        (101, true),
        (200, true),
        (201, false),
        (300, false),
        (301, true),
        (u64::MAX, true),
    ];
    for (message_ms, refused) in table {
        assert_eq!(refuses([&history], message_ms), refused, "{message_ms}");
    }
    assert!(!refuses([&History::default()], u64::MAX));
}

#[test]
fn the_wish_that_was_written_last_decides_in_whatever_order_they_were_worked_off() {
    let (stop, start) = (change(true, 10, 120), change(false, 20, 100));
    for order in [[stop, start], [start, stop]] {
        let history = history(&order);
        assert!(!refuses([&history], 110) && !refuses([&history], 130), "{order:?}");
    }
    let (start, stop) = (change(false, 10, 120), change(true, 20, 100));
    for order in [[stop, start], [start, stop]] {
        let history = history(&order);
        assert!(refuses([&history], 110) && refuses([&history], 130), "{order:?}");
    }
    // A START between two STOPs that comes last does not undo the second.
    let late = [change(true, 10, 100), change(true, 30, 110), change(false, 20, 120)];
    assert!(refuses([&history(&late)], 200));
}

#[test]
fn histories_of_both_subjects_count_as_one() {
    let (any, one) = (history(&[change(true, 10, 100)]), history(&[change(false, 200, 210)]));
    assert!(refuses([&any, &one], 150));
    assert!(!refuses([&any, &one], 300));
    assert!(refuses([&any], 300));
    // Written last, though in force first.
    let (any, one) = (history(&[change(false, 20, 100)]), history(&[change(true, 10, 120)]));
    assert!(!refuses([&any, &one], 130));
}

#[test]
fn a_repeated_run_keeps_the_time_of_the_first_and_writes_nothing() {
    let first = change(true, 10, 100);
    let mut history = history(&[first]);
    assert!(!history.add(Change { in_force_ms: 500, ..first }, 0));
    assert_eq!(history.changes(), [first]);
    assert!(refuses([&history], 101));
    assert_eq!(in_force_ms(1_000), 1_000 + SETTLING_MS);
    assert_eq!(in_force_ms(u64::MAX), u64::MAX);
}

#[test]
fn what_can_never_decide_again_is_forgotten() {
    let mut history = history(&[change(true, 10, 100), change(false, 150, 200)]);
    // A message of 150 may still be routed: both are kept.
    assert!(history.add(change(true, 300, 400), 150));
    assert_eq!(history.changes().len(), 3);
    assert!(history.add(change(false, 600, 700), 401));
    assert_eq!(history.changes(), [change(true, 300, 400), change(false, 600, 700)]);
    // Written before, in force later than another: overtaken from the start.
    assert!(!history.add(change(true, 550, 800), 401));
}

#[test]
fn a_history_has_an_end_and_what_it_forgets_only_refuses_more() {
    let toggles: Vec<Change> = (0..500).map(|n| change(n % 2 == 0, 10 * n, 10 * n + 5)).collect();
    let full = history(&toggles);
    assert_eq!(full.changes().len(), CHANGES_MAX);
    for message_ms in 0..5_100 {
        let all = reference(&toggles, message_ms);
        assert!(refuses([&full], message_ms) || !all, "{message_ms}");
    }
    assert!(!refuses([&full], u64::MAX), "the last wish holds");
    let stops: Vec<Change> = (0..500).map(|n| change(true, 10 * n, 10 * n + 5)).collect();
    let full = history(&stops);
    assert_eq!(full.changes().len(), CHANGES_MAX);
    assert!(!refuses([&full], 5) && (6..5_100).all(|message_ms| refuses([&full], message_ms)));
}

#[test]
fn a_history_is_kept_as_a_plain_list() {
    let history = history(&[change(true, 10, 100)]);
    let kept = serde_json::to_value(&history).unwrap();
    assert_eq!(kept[0]["stop"], true);
    assert_eq!(kept[0]["in_force_ms"], 100);
    assert_eq!(serde_json::from_value::<History>(kept).unwrap(), history);
}

/// The rule without a table: of all wishes in force before the message, the one written last.
fn reference(changes: &[Change], message_ms: u64) -> bool {
    let mut counting: Vec<&Change> =
        changes.iter().filter(|change| change.in_force_ms < message_ms).collect();
    counting.sort_by_key(|change| (change.wrote_ms, change.by));
    counting.last().is_some_and(|last| last.stop)
}

/// A wish, when its write began, and how long it took to be seen.
fn recorded() -> impl Strategy<Value = (Change, u64)> {
    (any::<bool>(), 0..60_000_u64, 0..30_000_u64, 0..=SETTLING_MS).prop_map(
        |(stop, wrote_ms, later, took)| {
            let began = wrote_ms + later;
            (change(stop, wrote_ms, in_force_ms(began)), began + took)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A run at any time after the message's timestamp sees what was written until then: all runs
    /// decide the same, and as the rule says.
    #[test]
    fn every_run_for_a_message_decides_the_same(
        mut wishes in prop::collection::vec(recorded(), 0..12),
        messages in prop::collection::vec(0..120_000_u64, 1..8),
        runs in prop::collection::vec(0..120_000_u64, 1..8),
        oldest in 0..60_000_u64,
    ) {
        wishes.sort_by_key(|(_, seen_ms)| *seen_ms);
        let changes: Vec<Change> = wishes.iter().map(|(change, _)| *change).collect();
        for message_ms in messages.into_iter().map(|ms| ms.max(oldest)) {
            let expected = reference(&changes, message_ms);
            for run_ms in runs.iter().map(|later| message_ms + later) {
                let mut history = History::default();
                for (change, _) in wishes.iter().filter(|(_, seen_ms)| *seen_ms <= run_ms) {
                    history.add(*change, oldest);
                    // A repeated run of route-mo, later.
                    let again = Change { in_force_ms: change.in_force_ms + 7_000, ..*change };
                    history.add(again, oldest);
                }
                prop_assert_eq!(refuses([&history], message_ms), expected, "{} {}", message_ms, run_ms);
            }
        }
    }
}
