//! Answers and receipts in any order, over any connection.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn now() -> Now {
    Now { instant: Instant::now(), wall_us: 1_000 }
}

fn ledger(expected: Expected) -> Ledger {
    Ledger::new(expected, 1, Instant::now())
}

fn expecting() -> Expected {
    Expected { receipts: true, ..Expected::default() }
}

fn acknowledged(ledger: &Ledger, id: &str, number: u64) {
    let item = Item { number, part: 1, parts: 1 };
    let acknowledged = vec![(id.into(), item, Instant::now())];
    ledger.note(&mut Batch { acknowledged, ..Batch::default() }, now());
}

fn receipt(ledger: &Ledger, id: &str, state: MessageState) {
    let is_final = state.is_final() != Some(false);
    let receipt = Receipt { id: id.into(), state: Some(state), is_final, ids_differ: false };
    ledger.note(&mut Batch { receipts: vec![receipt], ..Batch::default() }, now());
}

#[test]
fn a_receipt_is_matched_whether_it_comes_after_the_answer_or_before() {
    let ledger = ledger(expecting());
    acknowledged(&ledger, "a", 1);
    receipt(&ledger, "a", MessageState::Delivered);
    receipt(&ledger, "b", MessageState::Undeliverable);
    assert_eq!(ledger.report(None).foreign, 1, "so far");
    acknowledged(&ledger, "b", 2);
    let report = ledger.report(None);
    assert_eq!((report.matched, report.missing, report.foreign), (2, 0, 0));
    assert_eq!(report.states, BTreeMap::from([("DELIVRD".into(), 1), ("UNDELIV".into(), 1)]));
    let got: Vec<_> = ledger.got().iter().map(|got| (got.key(), got.state)).collect();
    assert_eq!(got, [((1, 1), MessageState::Delivered), ((2, 1), MessageState::Undeliverable)]);
}

#[test]
fn copies_contradictions_and_intermediate_ones_are_told_apart() {
    let ledger = ledger(expecting());
    acknowledged(&ledger, "a", 1);
    for state in [
        MessageState::Enroute,
        MessageState::Enroute,
        MessageState::Delivered,
        MessageState::Delivered,
        MessageState::Expired,
    ] {
        receipt(&ledger, "a", state);
    }
    let report = ledger.report(None);
    assert_eq!((report.received, report.matched, report.intermediate), (5, 1, 1));
    assert_eq!((report.doubled, report.contradicting), (2, 1));
}

#[test]
fn it_waits_until_all_is_there_or_nothing_comes_any_more() {
    let start = Instant::now();
    let later = |seconds| start + SECOND * seconds;
    let ledger = ledger(Expected { linger: SECOND, ..expecting() });
    assert!(ledger.waits(later(1_000)), "it still submits");
    acknowledged(&ledger, "a", 1);
    ledger.sent_all(start);
    assert!(ledger.waits(later(29)) && !ledger.waits(later(32)));
    receipt(&ledger, "a", MessageState::Delivered);
    assert!(ledger.waits(start) && !ledger.waits(later(2)), "copies");
    assert!(!Ledger::new(Expected::default(), 1, start).waits(start), "nothing is expected");
}

#[test]
fn handsets_messages_are_counted_by_run() {
    let ledger = ledger(Expected { messages: 2, ..Expected::default() });
    ledger.sent_all(Instant::now());
    for number in 0..2 {
        assert!(ledger.waits(Instant::now()));
        let numbered =
            Numbered { run: 3, number, part: 1, parts: 1, sent_us: 1, connection: 0, priority: 0 };
        ledger.note(&mut Batch { messages: vec![numbered], ..Batch::default() }, now());
    }
    assert!(!ledger.waits(Instant::now() + SECOND));
    let (summaries, arrivals) = ledger.messages();
    assert_eq!((summaries[0].distinct, summaries[0].doubled, arrivals[0].run), (2, 0, 3));
}
