//! The way back, on the whole gateway: receipts and handsets' messages reach the customer, each once,
//! whatever the provider does with them and wherever the customer is.

use gateway_tests::control;
use gateway_tests::stack::{Stack, programs};
use serde_json::json;

const START: [&str; 3] =
    ["--store-in-memory", "--config=tests/way_back.yaml", "--smsc-arg=--numbers"];

fn start() -> Stack {
    Stack::start(&programs(), &START).unwrap()
}

fn change_provider(stack: &Stack, settings: &serde_json::Value) {
    control::post(stack.fact("/smsc/control"), "/settings", settings).unwrap();
}

#[test]
fn every_receipt_reaches_the_customer_once_whatever_the_provider_does_with_it() {
    let stack = start();
    // Before its response, twice, over another bind, an intermediate one before, failures among them;
    // ids hexadecimal in the response and decimal in the receipt.
    change_provider(
        &stack,
        &json!({
            "ids": {"form": "hex", "prefix": "", "start": 4096},
            "receipts": {
                "share": 1, "delay": {"exponential": {"mean_ms": 20, "max_ms": 500}},
                "before_response": 0.2, "twice": 0.2, "other_bind": 0.3, "intermediate": 0.2,
                "states": [{"state": "expired", "error": 27, "probability": 0.2}],
                "id_form": "decimal", "form": "both"
            }
        }),
    );
    let shape = ["--connections=3", "--receivers=2", "--window=20", "--count=1000", "--receipts"];
    let report = stack.load([&shape[..], &["--linger=3", "--deadline=120"]].concat()).unwrap();
    let receipts = &report.receipts;
    assert_eq!((receipts.matched, receipts.missing), (report.acknowledged, 0), "{report}");
    assert_eq!((receipts.doubled, receipts.foreign, receipts.contradicting), (0, 0, 0), "{report}");
    assert_eq!((receipts.ids_differ, receipts.intermediate), (0, 0), "{report}");
    let told = |state: &str| receipts.states.get(state).copied().unwrap_or_default();
    assert!(told("EXPIRED") > 0 && told("DELIVRD") > 0, "{:?}", receipts.states);
    assert!(control::get(stack.fact("/smsc/control"), "/summary").is_ok());
    stack.stop().unwrap();
}

#[test]
fn what_came_while_the_customer_was_away_is_there_when_it_binds_again() {
    let stack = start();
    change_provider(
        &stack,
        &json!({
            "ids": {"form": "hex", "prefix": "", "start": 4096},
            "receipts": {"share": 1, "delay": {"fixed": {"ms": 4000}}, "id_form": "decimal"},
        }),
    );
    // Asks for receipts, and is gone before the first one.
    let away = ["--connections=1", "--window=50", "--count=300", "--receipt=1"];
    let first = stack.load(away).unwrap();
    let flood = json!({
        "count": 20, "run": 77, "keyword": "news", "destinations": ["72000"], "parts": 2,
        "text_octets": 60, "per_s": 100,
    });
    control::post(stack.fact("/smsc/control"), "/messages", &flood).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(6));
    let back = ["--connections=2", "--count=1", "--receipts", "--expect-messages=40"];
    let second =
        stack.load([&back[..], &["--linger=3", "--deadline=120", "--destinations=4917"]].concat());
    let second = second.unwrap();
    let Some(messages) = second.messages.iter().find(|run| run.run == 77) else {
        unreachable!("no message from a handset: {second}")
    };
    assert_eq!((messages.distinct, messages.doubled), (40, 0), "{second}");
    assert_eq!(second.receipts.foreign, first.acknowledged, "{second}");
    assert_eq!(second.receipts.missing, 0, "{second}");
    stack.stop().unwrap();
}
