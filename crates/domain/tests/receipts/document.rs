//! Receipt settings in the configuration: defaults, mistakes with their cures, what a change touches.

use domain::config::{
    AddressCheck, Document, IdForm, Kind, Mistake, ReceiptSettings, Recognition, SlotLedger, diff,
    validate,
};
use serde_json::{Value, json};

/// A document whose one provider has these receipt settings; `null`: says nothing of receipts.
fn document(receipts: Value) -> Document {
    let mut provider = json!({
        "id": "alpha",
        "link": {"smpp": {"host": "smsc.example", "port": 2775, "system_id": "us",
                          "password_secret": "alpha-password"}},
        "slots": [0],
    });
    if !receipts.is_null() {
        provider["receipts"] = receipts;
    }
    serde_json::from_value(json!({ "providers": [provider] })).unwrap()
}

fn mistakes(receipts: Value) -> Vec<Mistake> {
    validate(&document(receipts), None, &SlotLedger::default())
}

fn rule(when: Value, then: Value) -> Value {
    json!({"rules": [{"when": when, "then": then}]})
}

#[test]
fn a_document_that_says_nothing_of_receipts_gets_safe_settings() {
    let silent = document(Value::Null);
    let receipts = &silent.providers[0].receipts;
    assert_eq!(*receipts, ReceiptSettings::default());
    assert_eq!(
        (receipts.addresses, receipts.recognition),
        (AddressCheck::Strict, Recognition::Flags)
    );
    assert_eq!((receipts.ids.response, receipts.ids.receipt), (IdForm::AsIs, IdForm::AsIs));
    assert_eq!(validate(&silent, None, &SlotLedger::default()), []);
    // An older version compared with a newer one that writes the defaults out: nothing changed.
    let written = serde_json::to_value(receipts).unwrap();
    assert_eq!(diff(Some(&silent), &document(written)), []);
}

#[test]
fn settings_may_be_told_in_part_but_not_misspelt() {
    let partly = document(json!({"ids": {"response": "hexadecimal", "receipt": "decimal"}}));
    assert_eq!(partly.providers[0].receipts.ids.response, IdForm::Hexadecimal);
    for wrong in [
        json!({"adresses": "off"}),
        json!({"ids": {"submit": "decimal"}}),
        json!({"rules": [{"when": {"state": "expired"}, "then": {"retry": true}}]}),
        json!({"rules": [{"when": {}, "then": {"is_final": true}}]}),
        json!({"rules": [{"then": {"retry": true}}]}),
    ] {
        assert!(serde_json::from_value::<ReceiptSettings>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn each_mistake_is_found_where_it_stands_with_a_cure() {
    let failed = json!({"states": ["undeliverable"]});
    let hidden = json!({"rules": [
        {"when": {"states": ["expired"]}, "then": {"retry": true}},
        {"when": {"states": ["expired"]}, "then": {"retry": false}},
    ]});
    let covered = json!({"rules": [
        {"when": {}, "then": {"fault": "gateway"}},
        {"when": {"states": ["expired"]}, "then": {"retry": true}},
    ]});
    let table = [
        (json!({"ids": {"response": "decimal"}}), "ids"),
        (json!({"ids": {"receipt": "hexadecimal"}}), "ids"),
        (json!({"addresses": "off"}), "utc_offsets_min"),
        (json!({"country_code": ""}), "country_code"),
        (json!({"country_code": "+49"}), "country_code"),
        (json!({"country_code": "049"}), "country_code"),
        (json!({"country_code": "4917"}), "country_code"),
        (json!({"utc_offsets_min": [0, 60, 120]}), "utc_offsets_min"),
        (json!({"utc_offsets_min": [0, 841]}), "utc_offsets_min[1]"),
        (json!({"utc_offsets_min": [-721]}), "utc_offsets_min[0]"),
        (json!({"date_within_min": 0}), "date_within_min"),
        (json!({"date_within_min": 61}), "date_within_min"),
        (json!({"words": {"": "expired"}}), "words."),
        (json!({"words": {"Failed": "expired"}}), "words.Failed"),
        (json!({"words": {"NOT OK": "expired"}}), "words.NOT OK"),
        (
            rule(json!({"errors": ["1", ""]}), json!({"fault": "gateway"})),
            "rules[0].when.errors[1]",
        ),
        (rule(json!({"errors": ["a b"]}), json!({"fault": "gateway"})), "rules[0].when.errors[0]"),
        (rule(json!({"errors": ["9-1"]}), json!({"fault": "gateway"})), "rules[0].when.errors[0]"),
        (rule(json!({"errors": ["1*"]}), json!({"fault": "gateway"})), "rules[0].when.errors[0]"),
        (
            rule(json!({"network_errors": ["A"]}), json!({"fault": "gateway"})),
            "rules[0].when.network_errors[0]",
        ),
        (
            rule(json!({"network_errors": ["3/", "256/1"]}), json!({"fault": "gateway"})),
            "rules[0].when.network_errors[0], rules[0].when.network_errors[1]",
        ),
        (rule(failed.clone(), json!({})), "rules[0].then"),
        (rule(failed.clone(), json!({"error": ""})), "rules[0].then.error"),
        (rule(failed.clone(), json!({"error": "a:b"})), "rules[0].then.error"),
        (rule(failed.clone(), json!({"error": "123456789"})), "rules[0].then.error"),
        (rule(failed.clone(), json!({"final": false})), "rules[0].then.final"),
        (rule(json!({"states": ["enroute"]}), json!({"final": true})), "rules[0].then.final"),
        (rule(json!({}), json!({"final": true})), "rules[0].then.final"),
        (
            rule(json!({"states": ["accepted"]}), json!({"state": "enroute", "final": true})),
            "rules[0].then.final",
        ),
        (rule(json!({"states": ["delivered"]}), json!({"retry": true})), "rules[0].then.retry"),
        (rule(json!({"states": ["enroute"]}), json!({"retry": true})), "rules[0].then.retry"),
        (rule(json!({"errors": ["8"]}), json!({"retry": true})), "rules[0].then.retry"),
        (rule(failed.clone(), json!({"state": "enroute", "retry": true})), "rules[0].then.retry"),
        (rule(json!({"states": ["accepted"]}), json!({"retry": true})), "rules[0].then.retry"),
        (hidden, "rules[1].when"),
        (covered, "rules[1].when"),
    ];
    for (receipts, fields) in table {
        let found = mistakes(receipts.clone());
        let paths: Vec<&str> = found.iter().map(|mistake| mistake.path.as_str()).collect();
        let expected = fields.split(", ").map(|field| format!("providers[0].receipts.{field}"));
        let expected: Vec<String> = expected.collect();
        assert_eq!(paths, expected, "{receipts}: {found:?}");
        assert!(found.iter().all(|mistake| !mistake.what.is_empty() && !mistake.cure.is_empty()));
    }
}

#[test]
fn good_settings_have_no_mistakes() {
    let good = [
        json!({"ids": {"response": "hexadecimal", "receipt": "decimal"}}),
        json!({"ids": {"leading_zeros": "ignore", "case": "ignore", "receipt_place": "text"}}),
        json!({"addresses": "off", "utc_offsets_min": [60, 120], "date_within_min": 5}),
        json!({"addresses": "swapped", "country_code": "49", "recognition": "text"}),
        json!({"words": {"FAILED": "undeliverable", "BUFFRED": "enroute"}}),
        rule(json!({"states": ["accepted"]}), json!({"final": true})),
        rule(json!({"states": ["accepted"]}), json!({"final": false})),
        rule(json!({"states": ["delivered"], "errors": ["1"]}), json!({"state": "enroute"})),
        rule(json!({"errors": ["8", "20-29"]}), json!({"state": "rejected", "retry": true})),
        rule(json!({"network_errors": ["3/27", "9-10"]}), json!({"fault": "recipient"})),
    ];
    for receipts in good {
        assert_eq!(mistakes(receipts.clone()), [], "{receipts}");
    }
}

#[test]
fn too_many_rules_are_told_once() {
    let rules: Vec<Value> = (0..1_001)
        .map(|code| json!({"when": {"errors": [code.to_string()]}, "then": {"fault": "gateway"}}))
        .collect();
    let found = mistakes(json!({ "rules": rules }));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, "providers[0].receipts.rules");
}

#[test]
fn a_change_says_what_it_does_to_receipts_under_way() {
    let old = document(Value::Null);
    let touches = |receipts: Value| {
        let changes = diff(Some(&old), &document(receipts));
        assert_eq!((changes.len(), changes[0].kind), (1, Kind::Changed));
        (changes[0].fields[0].field.clone(), changes[0].touches.clone())
    };
    let (field, touched) = touches(json!({"date_within_min": 5}));
    assert_eq!(
        (field.as_str(), &touched[..]),
        ("receipts.date_within_min", &["receipts from now on".to_owned()][..])
    );
    let (field, touched) = touches(json!({"ids": {"case": "ignore"}}));
    assert_eq!(field, "receipts.ids.case");
    assert_eq!(touched, ["receipts of what it has already answered may not be matched"]);
}
