//! Validation of the section `numbers`: each mistake where it stands, overlaps with both names.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and a table of mistakes is long"
)]

mod common;

use domain::config::{Document, Kind, Mistake, SlotLedger, diff, validate};
use serde_json::{Value, json};

fn good() -> Value {
    let provider = |id: &str, slot: u32, bind: &str| {
        json!({"id": id, "slots": [slot], "link": {"smpp": {"host": "h", "port": 1,
            "system_id": "us", "password_secret": "s", "bind": bind}}})
    };
    json!({
        "customers": [{"id": "acme"}, {"id": "beta"}],
        "providers": [provider("one", 0, "receiver"), provider("two", 1, "transmitter")],
        "numbers": [{
            "address": {"short_code": {"code": "12345", "provider": "one"}},
            "customer": "beta",
            "keywords": [
                {"words": ["GAME", "Spiel"], "customer": "acme", "sub_keywords": ["JOIN", "SCORE"]},
                {"words": ["Café"], "customer": "beta"},
            ],
            "opt_out": {
                "stop": {"words": ["STOP", "ARRÊT"], "answer": "No more."},
                "counts_for": {"senders": ["ACME"]},
            },
        }, {
            "address": {"range": {"from": "4930100", "to": "4930199"}}, "customer": "acme",
        }, {
            "address": {"exact": "4930150"}, "customer": "beta",
        }],
    })
}

fn mistakes(value: &Value) -> Vec<Mistake> {
    let document: Document = serde_json::from_value(value.clone()).unwrap();
    validate(&document, None, &SlotLedger::default())
}

/// The good document with one value replaced, or a row added.
fn with(pointer: &str, value: Value) -> Value {
    common::changed(good(), pointer, value)
}

#[test]
fn a_good_document_has_no_mistakes_and_is_kept_as_it_is() {
    assert_eq!(mistakes(&good()), []);
    let document: Document = serde_json::from_value(good()).unwrap();
    let kept = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&kept).unwrap(), document);
    assert!(serde_json::from_value::<Document>(json!({"numbers": [{"customer": "a"}]})).is_err());
}

#[test]
fn each_kind_of_mistake_is_found_where_it_stands_with_a_cure() {
    let long = "x".repeat(33);
    let table = [
        ("2/address", json!({"exact": "+4930150"}), "2].address.exact"),
        ("2/address", json!({"exact": "0493015"}), "2].address.exact"),
        ("2/address", json!({"exact": "493015"}), "2].address.exact"),
        ("2/address", json!({"exact": "493015000000000000000"}), "2].address.exact"),
        ("2/address", json!({"exact": "ACME123"}), "2].address.exact"),
        ("1/address/range/from", json!("0930100"), "1].address.range.from"),
        ("1/address/range/from", json!("4930300"), "1].address.range"),
        ("1/address/range/from", json!("4930199"), "1].address.range"),
        ("1/address/range/to", json!("49301990"), "1].address.range"),
        ("0/address/short_code/code", json!("1"), "0].address.short_code.code"),
        ("0/address/short_code/code", json!("12345678901"), "0].address.short_code.code"),
        ("0/address/short_code/code", json!("GAME"), "0].address.short_code.code"),
        ("0/address/short_code/provider", json!("none"), "0].address.short_code.provider"),
        ("0/address/short_code/provider", json!("two"), "0].address.short_code.provider"),
        ("1/customer", json!("nobody"), "1].customer"),
        ("1/customer", json!(null), "1].customer"),
        ("0/keywords/0/customer", json!("nobody"), "0].keywords[0].customer"),
        ("0/keywords/0/words", json!([]), "0].keywords[0].words"),
        ("0/keywords/0/words/1", json!("two words"), "0].keywords[0].words[1]"),
        ("0/keywords/0/words/1", json!("…"), "0].keywords[0].words[1]"),
        ("0/keywords/0/words/1", json!("- x"), "0].keywords[0].words[1]"),
        ("0/keywords/0/words/1", json!(long), "0].keywords[0].words[1]"),
        ("0/keywords/0/words/1", json!("gáme!"), "0].keywords[0].words[1]"),
        ("0/keywords/1/words/0", json!("SPIEL"), "0].keywords[1].words[0]"),
        ("0/keywords/1/words/0", json!("arret"), "0].keywords[1].words[0]"),
        ("0/keywords/1/words/0", json!("Help"), "0].keywords[1].words[0]"),
        ("0/keywords/0/sub_keywords/1", json!("join"), "0].keywords[0].sub_keywords[1]"),
        ("0/keywords/0/sub_keywords/1", json!(""), "0].keywords[0].sub_keywords[1]"),
        ("0/opt_out/start", json!({"words": ["ARRET"]}), "0].opt_out.start.words[0]"),
        ("0/opt_out/start", json!({"words": []}), "0].opt_out.start.words"),
        ("0/opt_out/stop/words", json!([]), "0].opt_out.stop.words"),
        ("0/opt_out/stop/answer", json!(" "), "0].opt_out.stop.answer"),
        ("0/opt_out/help", json!({"answer": "x".repeat(1001)}), "0].opt_out.help.answer"),
        ("0/opt_out/counts_for/senders", json!([]), "0].opt_out.counts_for.senders"),
        ("0/opt_out/counts_for/senders/0", json!("AC*"), "0].opt_out.counts_for.senders[0]"),
        ("0/opt_out/counts_for/senders/0", json!("+49"), "0].opt_out.counts_for.senders[0]"),
    ];
    for (pointer, value, path) in table {
        let found = mistakes(&with(&format!("/numbers/{pointer}"), value.clone()));
        let paths: Vec<&str> = found.iter().map(|mistake| mistake.path.as_str()).collect();
        assert_eq!(paths, [format!("numbers[{path}")], "{pointer} = {value}: {found:?}");
        assert!(!found[0].what.is_empty() && !found[0].cure.is_empty());
    }
    // No HELP word at all is a choice; the keyword HELP is then free.
    let mut free = with("/numbers/0/keywords/1/words/0", json!("Help"));
    free["numbers"][0]["opt_out"]["help"] = json!({"words": []});
    assert_eq!(mistakes(&free), []);
}

#[test]
fn a_number_of_two_rows_is_refused_and_both_are_named() {
    let short =
        |code: &str, provider: Value| json!({"short_code": {"code": code, "provider": provider}});
    let range = |from: &str, to: &str| json!({"range": {"from": from, "to": to}});
    let exact = |number: &str| json!({"exact": number});
    let table = [
        (exact("4930150"), exact("4930150")),
        (range("4940000", "4940009"), range("4940009", "4940020")),
        (range("4940000", "4940009"), range("4940003", "4940005")),
        (range("4940003", "4940005"), range("4940000", "4940009")),
        (short("777", json!("one")), short("777", json!("one"))),
        (short("777", json!(null)), short("777", json!(null))),
        (exact("4930150"), short("4930150", json!(null))),
        (short("4930150", json!("one")), exact("4930150")),
        (range("4940000", "4940009"), short("4940000", json!("one"))),
        (short("4940009", json!("one")), range("4940000", "4940009")),
    ];
    for (first, second) in table {
        let mut document = good();
        document["numbers"] = json!([
            {"address": first, "customer": "acme"},
            {"address": second, "customer": "beta"},
        ]);
        let found = mistakes(&document);
        assert_eq!(found.len(), 1, "{first} {second}: {found:?}");
        assert!(found[0].path.ends_with("].address"), "{}", found[0]);
        for name in ["numbers[0]", "numbers[1]", "acme", "beta"] {
            assert!(found[0].what.contains(name), "{first} {second}: {}", found[0]);
        }
    }
}

#[test]
fn what_the_order_of_look_up_settles_is_no_overlap() {
    let mut document = good();
    document["numbers"] = json!([
        {"address": {"range": {"from": "4940000", "to": "4940009"}}, "customer": "acme"},
        {"address": {"range": {"from": "4940010", "to": "4940019"}}, "customer": "beta"},
        {"address": {"range": {"from": "49400000", "to": "49400099"}}, "customer": "beta"},
        {"address": {"exact": "4940005"}, "customer": "beta"},
        {"address": {"short_code": {"code": "777"}}, "customer": "acme"},
        {"address": {"short_code": {"code": "777", "provider": "one"}}, "customer": "beta"},
        {"address": {"short_code": {"code": "0777"}}, "customer": "beta"},
    ]);
    assert_eq!(mistakes(&document), []);
}

#[test]
fn a_keyword_of_two_customers_is_refused_and_both_are_named() {
    let found = mistakes(&with("/numbers/0/keywords/1/words/0", json!("«spiel»")));
    assert_eq!(found.len(), 1);
    for name in ["acme", "beta", "keywords[0].words[1]"] {
        assert!(found[0].what.contains(name), "{}", found[0]);
    }
}

#[test]
fn a_stop_is_not_recorded_for_more_customers_than_a_batch_bears() {
    let mut document = good();
    let names: Vec<String> = (0..1_001).map(|n| format!("c{n}")).collect();
    let customers: Vec<Value> = names.iter().map(|id| json!({"id": id})).collect();
    let keywords: Vec<Value> =
        names.iter().map(|id| json!({"words": [id], "customer": id})).collect();
    document["customers"].as_array_mut().unwrap().extend(customers);
    document["numbers"][0]["keywords"] = json!(keywords);
    let found = mistakes(&document);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, "numbers[0].opt_out");
    document["numbers"][0]["opt_out"] = json!(null);
    assert_eq!(mistakes(&document), []);
}

#[test]
fn a_change_of_numbers_is_told() {
    let old: Document = serde_json::from_value(good()).unwrap();
    let mut new = old.clone();
    new.numbers[2].customer = Some("acme".into());
    new.numbers.remove(0);
    let changes = diff(Some(&old), &new);
    let rows: Vec<(Kind, &str)> = changes.iter().map(|c| (c.kind, c.row.as_str())).collect();
    assert_eq!(rows, [(Kind::Removed, "number 12345 of one"), (Kind::Changed, "number 4930150")]);
    assert_eq!(changes[1].fields[0].field, "customer");
    assert_eq!(changes[1].touches, ["handsets' messages that arrive from now on"]);
}
