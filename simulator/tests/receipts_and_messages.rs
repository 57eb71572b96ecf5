//! Receipts and messages from handsets between the SMSC and the load: each comes once, and what
//! goes wrong is noticed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use common::{RUN, load, smsc};
use domain::receipts::MessageState;
use serde_json::json;
use simulator::{
    load::{
        Options, back::Answers, flow::Manner, ledger::Expected, ledger::Got, plan::Plan,
        report::Report, run, template::Content,
    },
    returned::returned,
    smsc::{Smsc, mo, settings::ErrorRate, settings::Settings},
};
use smpp::pdu::BindMode;

fn settings(change: serde_json::Value) -> Settings {
    Settings::default().changed(&change).unwrap()
}

/// Asks for receipts, and waits for them and a little longer, for copies.
fn with_receipts(options: Options) -> Options {
    let patience = Duration::from_secs(5);
    let linger = Duration::from_millis(100);
    let expected = Expected { receipts: true, messages: 0, patience, linger };
    let content = Content { registered_delivery: 1, ..options.content };
    Options { content, expected, ..options }
}

/// No message of its own; waits for so many from handsets.
fn waiting_for(options: Options, messages: u64) -> Options {
    let expected = Expected { messages, linger: Duration::from_millis(100), ..options.expected };
    Options { plan: Plan { messages: Some(0), ..options.plan }, expected, ..options }
}

/// Runs the load with a file of receipts, and reads it.
async fn run_with_log(options: Options) -> (Report, Vec<Got>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("receipts");
    let report = run(Options { receipts: Some(path.clone()), ..options }).await.unwrap();
    (report, Got::from_lines(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn flood(smsc: &Smsc, change: serde_json::Value) {
    let mut flood = json!({"count": 1_000, "run": RUN, "destinations": ["12345", "67890"]});
    for (name, value) in change.as_object().unwrap() {
        flood[name] = value.clone();
    }
    let flood: mo::Flood = serde_json::from_value(flood).unwrap();
    flood.check().unwrap();
    tokio::spawn(mo::run(flood, Arc::clone(&smsc.hub)));
}

#[tokio::test]
async fn every_receipt_that_was_asked_for_comes_once_and_names_its_message() {
    let smsc = smsc(Settings::default()).await;
    let (report, got) = run_with_log(with_receipts(load(&smsc, 4, 10_000))).await;
    let receipts = &report.receipts;
    assert_eq!((receipts.received, receipts.matched), (10_000, 10_000), "{report}");
    assert_eq!((receipts.missing, receipts.doubled, receipts.foreign), (0, 0, 0), "{report}");
    assert_eq!((receipts.ids_differ, receipts.after_submit.count), (0, 10_000));
    assert!(receipts.per_s > 0.0 && receipts.states["DELIVRD"] == 10_000);
    let summary = smsc.hub.tally().summary().receipts;
    assert_eq!((summary.sent, summary.ok, summary.repeated), (10_000, 10_000, 0));
    let delivered = smsc.hub.tally().delivered().receipts.runs(Some(RUN)).remove(0);
    let arrived: BTreeMap<_, _> = got.iter().map(|got| (got.key(), got.at_us)).collect();
    let returned = returned(&delivered, &arrived);
    assert_eq!((returned.taken, returned.lost.len(), returned.unexpected.len()), (10_000, 0, 0));
    assert_eq!(returned.latency.count, 10_000);
}

#[tokio::test]
async fn without_asking_there_is_no_receipt() {
    let smsc = smsc(Settings::default()).await;
    let report = run(load(&smsc, 2, 500)).await.unwrap();
    assert_eq!((report.deliveries, report.receipts.received), (0, 0));
    assert_eq!(smsc.hub.tally().summary().receipts.sent, 0);
}

#[tokio::test]
async fn receivers_take_the_receipts_of_transmitters() {
    let smsc = smsc(Settings::default()).await;
    let mut options = with_receipts(load(&smsc, 2, 1_000));
    options.account.mode = BindMode::Transmitter;
    options.receivers = 2;
    let report = run(options).await.unwrap();
    assert_eq!((report.acknowledged, report.receipts.matched), (1_000, 1_000), "{report}");
    assert_eq!(smsc.hub.tally().summary().binds.len(), 4);
}

#[tokio::test]
async fn copies_other_binds_early_ones_and_bad_states_are_all_matched() {
    let change = json!({"receipts": {
        "before_response": 0.3, "twice": 0.2, "other_bind": 0.5,
        "delay": {"uniform": {"min_ms": 0, "max_ms": 30}},
        "states": [{"state": "undeliverable", "error": 1, "probability": 0.3}],
    }, "latency": {"uniform": {"min_ms": 0, "max_ms": 5}}});
    let smsc = smsc(settings(change)).await;
    let (report, got) = run_with_log(with_receipts(load(&smsc, 3, 2_000))).await;
    let receipts = &report.receipts;
    assert_eq!((receipts.matched, receipts.missing, receipts.foreign), (2_000, 0, 0), "{report}");
    assert!((200..600).contains(&receipts.doubled), "{report}");
    assert_eq!(receipts.received, 2_000 + receipts.doubled);
    let failed = got.iter().filter(|got| got.state == MessageState::Undeliverable).count();
    assert!((400..800).contains(&failed) && receipts.states["UNDELIV"] as usize == failed);
}

#[tokio::test]
async fn wrong_ids_are_foreign_and_their_messages_are_missing() {
    let smsc = smsc(settings(json!({"receipts": {"wrong_id": 0.1}}))).await;
    let mut options = with_receipts(load(&smsc, 1, 1_000));
    options.expected.patience = Duration::from_millis(200);
    let report = run(options).await.unwrap();
    let receipts = &report.receipts;
    assert!((50..150).contains(&receipts.foreign), "{report}");
    assert_eq!((receipts.missing, receipts.matched), (receipts.foreign, 1_000 - receipts.foreign));
}

#[tokio::test]
async fn what_is_refused_for_now_or_not_answered_comes_again_until_it_is_taken() {
    let change = json!({"deliveries": {"again_after_ms": 10, "unanswered_after_ms": 50}});
    let smsc = smsc(settings(change)).await;
    let mut options = with_receipts(load(&smsc, 2, 500));
    let refuse = vec![ErrorRate { status: 0x14, probability: 0.2 }];
    let answers = Answers { refuse, ignore: 0.1, after: Duration::from_millis(1) };
    options.manner = Manner { answers, ..options.manner };
    let report = run(options).await.unwrap();
    let receipts = &report.receipts;
    assert_eq!((receipts.matched, receipts.missing, receipts.doubled), (500, 0, 0), "{report}");
    assert!(receipts.counts.refused > 50 && receipts.counts.ignored > 20, "{report}");
    let summary = smsc.hub.tally().summary().receipts;
    assert_eq!((summary.sent, summary.ok), (500, 500));
    assert_eq!(summary.repeated, summary.unanswered + summary.later[&0x14]);
}

#[tokio::test]
async fn receipts_that_a_lost_connection_left_come_over_the_next_one() {
    let change = json!({
        "drop": {"when": {"every": 100}, "how": "after"},
        "receipts": {"delay": {"fixed": {"ms": 20}}},
    });
    let smsc = smsc(settings(change)).await;
    let options = Options { reconnect: true, ..with_receipts(load(&smsc, 2, 500)) };
    let report = run(options).await.unwrap();
    assert!(report.connections_lost > 0, "{report}");
    let receipts = &report.receipts;
    assert_eq!((receipts.matched, receipts.missing), (report.acknowledged, 0), "{report}");
}

#[tokio::test]
async fn a_flood_of_handsets_messages_arrives_once_each_with_its_parts_over_different_binds() {
    let smsc = smsc(Settings::default()).await;
    flood(&smsc, json!({"parts": 3, "keyword": "NEWS"}));
    let report = run(waiting_for(load(&smsc, 3, 0), 3_000)).await.unwrap();
    assert_eq!(report.messages.len(), 1, "{report}");
    let arrived = &report.messages[0];
    assert_eq!((arrived.distinct, arrived.doubled, arrived.run), (3_000, 0, RUN));
    assert_eq!(report.message_arrivals[0].missing(1_000), []);
    let summary = smsc.hub.tally().summary().messages;
    assert_eq!((summary.sent, summary.ok), (3_000, 3_000));
    let delivered = smsc.hub.tally().delivered().messages.runs(Some(RUN)).remove(0);
    assert_eq!((delivered.parts.len(), delivered.parts[2].ok[0].to), (3, 999));
}

#[tokio::test]
async fn a_paced_flood_keeps_its_rate() {
    let smsc = smsc(Settings::default()).await;
    flood(&smsc, json!({"count": 200, "per_s": 1_000}));
    let report = run(waiting_for(load(&smsc, 1, 0), 200)).await.unwrap();
    let arrived = &report.messages[0];
    assert_eq!(arrived.distinct, 200, "{report}");
    assert_eq!(smsc.hub.tally().summary().messages.refused, BTreeMap::new());
}
