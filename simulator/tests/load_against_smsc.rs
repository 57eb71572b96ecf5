//! The load against the SMSC itself: what is sent arrives once, and what goes wrong is noticed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, path::Path, time::Duration};

use common::{RUN, account, load, smsc, smsc_options};
use serde_json::json;
use simulator::{
    check::{Doubt, Key, Outcome, Sent, check},
    load::{
        Options,
        flow::Manner,
        plan::{Mix, Plan},
        report::Report,
        run,
        template::Content,
    },
    smsc::{Smsc, record::Record, settings::Settings, start},
};

fn settings(change: serde_json::Value) -> Settings {
    Settings::default().changed(&change).expect("settings")
}

/// The same with messages of several parts, over different connections.
fn spread(options: Options, parts: u8) -> Options {
    let plan = Plan { parts, spread: true, ..options.plan };
    let content = Content { parts, ..options.content };
    Options { plan, content, ..options }
}

fn arrivals(smsc: &Smsc) -> BTreeMap<Key, u32> {
    smsc.hub.tally().arrivals(Some(RUN)).first().map(|run| run.counts()).unwrap_or_default()
}

fn outcomes(path: &Path) -> Vec<Sent> {
    let lines = std::fs::read_to_string(path).expect("the file of outcomes");
    Sent::from_lines(&lines).expect("outcomes")
}

/// Runs the load with a file of outcomes, and reads it.
async fn run_with_outcomes(options: Options) -> (Report, Vec<Sent>) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("outcomes");
    let manner = Manner { outcomes: true, ..options.manner };
    let options = Options { manner, outcomes: Some(path.clone()), ..options };
    let report = run(options).await.expect("a report");
    (report, outcomes(&path))
}

#[tokio::test]
async fn every_message_arrives_once_and_is_acknowledged_with_an_id_of_its_own() {
    let smsc = smsc(Settings::default()).await;
    let (report, sent) = run_with_outcomes(load(&smsc, 4, 10_000)).await;
    assert_eq!((report.acknowledged, report.refused, report.unanswered), (10_000, 0, 0));
    let kept = check(&sent, &arrivals(&smsc), &[]);
    assert!(kept.promise_is_kept(), "{kept:?}");
    assert_eq!((kept.acknowledged, kept.arrived), (10_000, 10_000));
    let ids: std::collections::HashSet<_> = sent
        .iter()
        .filter_map(|sent| match &sent.outcome {
            Outcome::Acknowledged(id) => Some(id),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 10_000);
    let summary = smsc.hub.tally().summary();
    assert_eq!((summary.accepted, summary.order_violations, summary.binds.len()), (10_000, 0, 4));
    assert!(summary.runs[0].latency.count == 10_000 && summary.runs[0].latency.max_ms < 10_000.0);
}

#[tokio::test]
async fn parts_spread_over_binds_arrive_once_each() {
    let smsc = smsc(Settings::default()).await;
    let mut options = spread(load(&smsc, 3, 1_000), 3);
    options.plan =
        Plan { long_ppm: 500_000, mix: Mix { high: 1, normal: 2, bulk: 1 }, ..options.plan };
    let (report, sent) = run_with_outcomes(options).await;
    assert_eq!(report.acknowledged, 2_000);
    assert!(check(&sent, &arrivals(&smsc), &[]).promise_is_kept());
    let runs = smsc.hub.tally().arrivals(Some(RUN));
    assert_eq!(runs[0].parts.len(), 3);
    assert_eq!(arrivals(&smsc).keys().filter(|(_, part)| *part == 3).count(), 500);
}

#[tokio::test]
async fn a_planted_loss_and_a_planted_copy_are_found() {
    let smsc = smsc(Settings::default()).await;
    let (_, sent) = run_with_outcomes(load(&smsc, 2, 500)).await;
    // The same run again, fewer messages: what both sent has come twice.
    run(load(&smsc, 1, 3)).await.unwrap();
    let mut arrived = arrivals(&smsc);
    arrived.remove(&(77, 1));
    let id = |number| {
        sent.iter().find(|sent| sent.number == number).and_then(|sent| match &sent.outcome {
            Outcome::Acknowledged(id) => Some(id.clone()),
            _ => None,
        })
    };
    let found = check(&sent, &arrived, &[Doubt::Part(id(1).unwrap())]);
    assert_eq!(found.lost, [(77, 1)]);
    assert_eq!(found.doubled_without_doubt, [((0, 1), 2), ((2, 1), 2)]);
    assert_eq!(found.doubled_with_doubt, [((1, 1), 2)]);
}

#[tokio::test]
async fn a_response_that_is_lost_leaves_a_message_unanswered_that_arrived() {
    let smsc = smsc(settings(json!({"lose_responses": {"every": 10}}))).await;
    let mut options = load(&smsc, 2, 100);
    options.manner.patience = Duration::from_millis(200);
    let (report, sent) = run_with_outcomes(options).await;
    assert_eq!((report.acknowledged, report.unanswered), (90, 10));
    let kept = check(&sent, &arrivals(&smsc), &[]);
    assert!(kept.promise_is_kept());
    assert_eq!((kept.unanswered, kept.arrived), (10, 100));
    assert_eq!(smsc.hub.tally().summary().lost_responses, 10);
}

#[tokio::test]
async fn dropped_connections_are_made_again_and_nothing_is_sent_twice() {
    for how in [json!("before"), json!("after"), json!({"after_octets": 5})] {
        let change = json!({"drop": {"when": {"every": 100}, "how": how}});
        let smsc = smsc(settings(change)).await;
        let options = Options { reconnect: true, ..load(&smsc, 3, 1_000) };
        let (report, sent) = run_with_outcomes(options).await;
        assert!(report.connections_lost > 0 && !report.deadline_reached, "{report}");
        assert_eq!(report.acknowledged + report.unanswered, 1_000, "{report}");
        let kept = check(&sent, &arrivals(&smsc), &[]);
        assert!(kept.promise_is_kept(), "{how}: {kept:?}");
        assert_eq!(sent.len(), 1_000);
    }
}

#[tokio::test]
async fn without_reconnecting_a_lost_connection_ends_the_load() {
    let change = json!({"drop": {"when": {"at": 10}, "how": "after"}});
    let smsc = smsc(settings(change)).await;
    let report = run(load(&smsc, 1, 100_000)).await.unwrap();
    assert_eq!((report.connections_lost, report.acknowledged), (1, 10));
}

#[tokio::test]
async fn above_the_rate_limit_submits_are_throttled_and_resent_until_they_are_taken() {
    let smsc = smsc(settings(json!({"rate_limit": {"per_s": 500, "burst": 10}}))).await;
    let mut options = load(&smsc, 1, 200);
    options.manner = Manner { window: 5, retries_max: 200, ..options.manner };
    let (report, sent) = run_with_outcomes(options).await;
    assert_eq!((report.acknowledged, report.refused), (200, 0));
    assert!(report.retried > 0 && report.statuses["ESME_RTHROTTLED"] == report.retried);
    assert!(check(&sent, &arrivals(&smsc), &[]).promise_is_kept());
    assert!(report.seconds >= (200.0 - 11.0) / 500.0, "{report}");
}

#[tokio::test]
async fn refusals_are_counted_by_status_and_do_not_arrive() {
    let errors = json!({"errors": [{"status": 0x45, "probability": 0.2}]});
    let smsc = smsc(settings(errors)).await;
    let (report, sent) = run_with_outcomes(load(&smsc, 2, 1_000)).await;
    assert_eq!(report.acknowledged + report.refused, 1_000);
    assert!((100..300).contains(&report.refused) && report.statuses["ESME_RSUBMITFAIL"] > 0);
    assert!(check(&sent, &arrivals(&smsc), &[]).promise_is_kept());
}

#[tokio::test]
async fn a_latency_is_waited_for_and_a_window_hides_it() {
    let smsc = smsc(settings(json!({"latency": {"fixed": {"ms": 20}}}))).await;
    let report = run(load(&smsc, 2, 400)).await.unwrap();
    assert_eq!(report.acknowledged, 400);
    assert!(report.submit_resp.p50_ms >= 20.0, "{report}");
    assert!(report.seconds >= 0.075, "400 through windows of 2 x 50 take four rounds: {report}");
}

#[tokio::test]
async fn wrong_credentials_too_many_binds_and_refusals_are_answered_with_their_status() {
    let smsc = smsc(settings(json!({"binds_max": 1}))).await;
    let refused = async |options: Options| run(options).await.unwrap_err().to_string();
    let mut options = load(&smsc, 1, 1);
    options.account.password = "wrong".into();
    assert!(refused(options).await.contains("ESME_RINVPASWD"));
    let mut options = load(&smsc, 1, 1);
    options.account.system_id = "other".into();
    assert!(refused(options).await.contains("ESME_RINVSYSID"));
    assert!(refused(load(&smsc, 2, 1)).await.contains("ESME_RALYBND"));
    smsc.hub.change(&json!({"refuse_binds": 0x0d})).unwrap();
    assert!(refused(load(&smsc, 1, 1)).await.contains("ESME_RBINDFAIL"));
}

#[tokio::test]
async fn the_duration_ends_a_load_without_a_count_and_the_pace_is_kept() {
    let smsc = smsc(Settings::default()).await;
    let mut options = load(&smsc, 4, 0);
    options.plan = Plan { messages: None, rate_per_s: Some(2_000.0), ..options.plan };
    options.duration = Some(Duration::from_millis(500));
    let (report, sent) = run_with_outcomes(options).await;
    // The schedule begins a little before the first submit.
    let at_most = (report.seconds + 0.1) * 2_000.0;
    assert!(report.acknowledged > 500 && report.acknowledged as f64 <= at_most, "{report}");
    assert!(check(&sent, &arrivals(&smsc), &[]).promise_is_kept());
}

#[tokio::test]
async fn the_deadline_ends_a_load_that_is_never_answered() {
    let smsc = smsc(settings(json!({"lose_responses": {"every": 1}}))).await;
    let options = Options { deadline: Duration::from_millis(300), ..load(&smsc, 1, 1_000) };
    let (report, sent) = run_with_outcomes(options).await;
    assert!(report.deadline_reached);
    assert_eq!((report.unanswered, report.acknowledged, sent.len()), (50, 0, 50));
}

#[tokio::test]
async fn records_say_what_was_on_the_wire() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("records");
    let settings = settings(json!({"ids": {"form": "hex", "prefix": "x", "start": 0xabc}}));
    let mut options = smsc_options(settings);
    options.record = Some(path.clone());
    let smsc = start(options).await.unwrap();
    run(spread(load(&smsc, 1, 1), 2)).await.unwrap();
    drop(smsc);
    let lines = std::fs::read_to_string(&path).unwrap();
    let records: Vec<Record> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].message_id.as_deref(), Some("xabc"));
    assert_eq!((records[1].esm_class, records[1].status, records[1].source.ton), (0x40, 0, 5));
    // Run 7 begins with reference 7 x 101, of 8 bits.
    assert!(records[1].short_message_hex.starts_with("050003c302024e373a"));
    assert_eq!(records[0].destination.addr, records[1].destination.addr);
}

#[tokio::test]
async fn a_bind_goes_over_tls_when_the_certificate_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let (chain, key) = (directory.path().join("chain.pem"), directory.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut options = smsc_options(Settings::default());
    options.tls = Some((chain.clone(), key));
    let smsc = start(options).await.unwrap();
    let mut options = load(&smsc, 2, 5_000);
    options.account.tls = Some(simulator::tls::connector(&chain).unwrap());
    assert_eq!(run(options).await.unwrap().acknowledged, 5_000);
    assert_eq!(account(&smsc).target, smsc.address.to_string());
}
