//! What receipts mean: states, codes, the usual table, a provider's rules.

use std::collections::BTreeMap;

use domain::config::ReceiptSettings;
use domain::receipts::{Fault, Meaning, MessageState, NetworkError, Said, USUAL, meaning, state};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::settings;

use MessageState::{
    Accepted, Deleted, Delivered, Enroute, Expired, Rejected, Scheduled, Skipped, Undeliverable,
    Unknown,
};

fn gsm(code: u16) -> Option<NetworkError> {
    Some(NetworkError { network: NetworkError::GSM, code })
}

fn said(state: MessageState) -> Said<'static> {
    Said { state: Some(state), ..Said::default() }
}

fn usual(said: &Said<'_>) -> Meaning {
    meaning(said, &ReceiptSettings::default())
}

#[test]
fn states_have_their_numbers_and_words() {
    for (number, state) in MessageState::ALL.into_iter().enumerate() {
        let number = u8::try_from(number).unwrap();
        assert_eq!((state.smpp(), MessageState::from_smpp(number)), (number, Some(state)));
        assert_eq!(state.word().len(), 7);
        assert_eq!(serde_json::to_value(state).unwrap(), json!(state.as_str()));
    }
    assert_eq!((Delivered.smpp(), Rejected.smpp()), (2, 8));
    assert_eq!(MessageState::from_smpp(10), None);
}

#[test]
fn the_providers_own_word_goes_before_the_tlv_and_that_before_what_the_text_names() {
    let own = BTreeMap::from([("FAILED".to_owned(), Rejected), ("DELIVRD".to_owned(), Enroute)]);
    let none = BTreeMap::new();
    let delivered = Some(Delivered.smpp());
    let table = [
        (&own, Some("failed "), Some(2), Some(5), Some(Rejected)),
        (&own, Some("DELIVRD"), None, delivered, Some(Enroute)),
        (&own, Some("EXPIRED"), Some(5), Some(3), Some(Undeliverable)),
        (&none, Some("DELIVRD"), Some(5), delivered, Some(Undeliverable)),
        (&none, Some("DELIVRD"), Some(77), delivered, Some(Delivered)),
        (&none, Some("DELIVRD"), None, delivered, Some(Delivered)),
        // Whoever read the text knows the usual words; here is no second opinion on them.
        (&none, Some("DELIVRD"), None, None, None),
        (&none, Some("DELIVERYFAILED"), None, None, None),
        (&none, Some("LOST"), None, Some(77), None),
        (&none, None, Some(2), None, Some(Delivered)),
        (&none, None, None, None, None),
    ];
    for (words, word, tlv, named, expected) in table {
        let found = state(words, word, tlv, named);
        assert_eq!(found, expected, "{words:?} {word:?} {tlv:?} {named:?}");
    }
}

#[test]
fn a_network_error_has_three_octets() {
    assert_eq!(NetworkError::from_tlv(&[3, 1, 2]), Some(NetworkError { network: 3, code: 258 }));
    assert_eq!(NetworkError::from_tlv(&[3, 1]), None);
    assert_eq!(NetworkError::from_tlv(&[3, 1, 2, 0]), None);
}

#[test]
fn states_mean_what_they_usually_do() {
    let table = [
        (Scheduled, None, false, Fault::Nobody, false),
        (Enroute, None, false, Fault::Nobody, false),
        (Accepted, None, false, Fault::Nobody, false),
        (Delivered, None, true, Fault::Nobody, false),
        (Expired, None, true, Fault::Recipient, false),
        (Deleted, None, true, Fault::Unknown, false),
        (Undeliverable, None, true, Fault::Unknown, true),
        (Unknown, None, true, Fault::Unknown, false),
        (Rejected, None, true, Fault::Provider, true),
        (Skipped, None, true, Fault::Unknown, false),
        (Undeliverable, gsm(1), true, Fault::Recipient, false),
        (Undeliverable, gsm(13), true, Fault::Recipient, false),
        (Undeliverable, gsm(27), true, Fault::Recipient, false),
        (Undeliverable, gsm(32), true, Fault::Recipient, false),
        (Undeliverable, gsm(34), true, Fault::Provider, true),
        (Undeliverable, gsm(99), true, Fault::Unknown, true),
        // Another network's 1 is not GSM's.
        (Undeliverable, Some(NetworkError { network: 2, code: 1 }), true, Fault::Unknown, true),
        (Enroute, gsm(34), false, Fault::Nobody, false),
        (Delivered, gsm(34), true, Fault::Nobody, false),
    ];
    for (state, network_error, is_final, fault, retry) in table {
        let found = usual(&Said { network_error, ..said(state) });
        let found = (found.state, found.is_final, found.fault, found.retry);
        assert_eq!(found, (state, is_final, fault, retry), "{network_error:?}");
    }
}

#[test]
fn a_state_that_nobody_knows_is_final_and_never_tried_again() {
    let found = usual(&Said::default());
    assert_eq!((found.state, found.is_final, found.retry), (Unknown, true, false));
}

#[test]
fn every_row_of_the_usual_table_can_apply() {
    for (index, row) in USUAL.iter().enumerate() {
        let network_error = row.gsm.first().and_then(|code| gsm(*code));
        let hidden = |earlier: &domain::receipts::Usual| {
            let same_state = earlier.state == row.state;
            same_state
                && (earlier.gsm.is_empty() || row.gsm.iter().any(|c| earlier.gsm.contains(c)))
        };
        assert!(!USUAL[..index].iter().any(hidden), "row {index}");
        let found = usual(&Said { network_error, ..said(row.state) });
        assert_eq!((found.fault, found.retry), (row.fault, row.retry), "row {index}");
        assert_eq!(row.state.is_final(), Some(true), "what is under way is nobody's fault");
    }
}

fn by_rules(rules: Value, said: &Said<'_>) -> Meaning {
    meaning(said, &settings(json!({ "rules": rules })))
}

#[test]
fn conditions_of_a_rule_must_all_hold() {
    let table = [
        (json!({}), true),
        (json!({"states": ["undeliverable"]}), true),
        (json!({"states": ["expired", "undeliverable"]}), true),
        (json!({"states": ["expired"]}), false),
        (json!({"errors": ["12a"]}), true),
        (json!({"errors": ["0012A"]}), true),
        (json!({"errors": ["12"]}), false),
        (json!({"errors": ["1-99"]}), false),
        (json!({"errors": ["7", "012a"]}), true),
        (json!({"network_errors": ["27"]}), true),
        (json!({"network_errors": ["20-27"]}), true),
        (json!({"network_errors": ["27-30"]}), true),
        (json!({"network_errors": ["28-30", "0-26"]}), false),
        (json!({"network_errors": ["3/27"]}), true),
        (json!({"network_errors": ["2/27"]}), false),
        (json!({"network_errors": ["3/20-30"]}), true),
        (json!({"states": ["undeliverable"], "errors": ["12a"], "network_errors": ["27"]}), true),
        (json!({"states": ["expired"], "errors": ["12a"], "network_errors": ["27"]}), false),
        (json!({"states": ["undeliverable"], "errors": ["7"], "network_errors": ["27"]}), false),
        (json!({"states": ["undeliverable"], "errors": ["12a"], "network_errors": ["7"]}), false),
    ];
    let said = Said { error: Some(" 012A "), network_error: gsm(27), ..said(Undeliverable) };
    for (when, applies) in table {
        let rules = json!([{"when": when, "then": {"fault": "gateway"}}]);
        let found = by_rules(rules, &said).fault;
        assert_eq!(found == Fault::Gateway, applies, "{when}");
    }
}

#[test]
fn codes_are_numbers_in_ranges_and_zeros_do_not_matter() {
    let table = [
        ("10-19", Some("010"), true),
        ("10-19", Some("19"), true),
        ("10-19", Some("9"), false),
        ("10-19", Some("20"), false),
        ("10-19", Some("1A"), false),
        ("000", Some("0"), true),
        ("0", Some("00"), true),
        ("0", Some(""), false),
        ("0", None, false),
        ("0-9", None, false),
    ];
    for (pattern, error, applies) in table {
        let rules = json!([{"when": {"errors": [pattern]}, "then": {"fault": "gateway"}}]);
        let found = by_rules(rules, &Said { error, ..said(Rejected) }).fault;
        assert_eq!(found == Fault::Gateway, applies, "{pattern} {error:?}");
    }
}

#[test]
fn the_first_rule_that_applies_counts_and_what_it_leaves_out_stays_usual() {
    let rules = json!([
        {"when": {"states": ["rejected"], "errors": ["8"]}, "then": {"fault": "customer", "retry": false}},
        {"when": {"states": ["rejected"]}, "then": {"fault": "gateway"}},
        {"when": {"states": ["expired"]}, "then": {"retry": true, "error": "123"}},
        {"when": {"states": ["deleted"]}, "then": {"state": "rejected"}},
    ]);
    let spam = by_rules(rules.clone(), &Said { error: Some("008"), ..said(Rejected) });
    assert_eq!((spam.fault, spam.retry, spam.error.as_str()), (Fault::Customer, false, "008"));
    let credit = by_rules(rules.clone(), &said(Rejected));
    assert_eq!((credit.fault, credit.retry), (Fault::Gateway, true));
    let expired = Said { network_error: gsm(27), error: Some("5"), ..said(Expired) };
    let expired = by_rules(rules.clone(), &expired);
    assert_eq!((expired.fault, expired.retry), (Fault::Recipient, true));
    // A code of ours hides the network's.
    assert_eq!((expired.error.as_str(), expired.network_error), ("123", None));
    let deleted = by_rules(rules.clone(), &said(Deleted));
    assert_eq!((deleted.state, deleted.fault, deleted.retry), (Rejected, Fault::Unknown, false));
    assert_eq!(by_rules(rules, &said(Undeliverable)), usual(&said(Undeliverable)));
}

#[test]
fn a_rule_changes_whether_a_state_is_final_by_what_the_customer_is_told() {
    let buffered =
        json!([{"when": {"states": ["delivered"], "errors": ["1"]}, "then": {"state": "enroute"}}]);
    let found = by_rules(buffered, &Said { error: Some("001"), ..said(Delivered) });
    assert_eq!((found.state, found.is_final, found.fault), (Enroute, false, Fault::Nobody));
    let failed = json!([{"when": {"states": ["delivered"]}, "then": {"state": "undeliverable"}}]);
    let found = by_rules(failed, &said(Delivered));
    assert_eq!((found.is_final, found.fault, found.retry), (true, Fault::Unknown, false));
    // On its way again: what usually is tried elsewhere is not.
    let temporary = json!([{"when": {"states": ["undeliverable"]}, "then": {"state": "enroute"}}]);
    let found = by_rules(temporary, &said(Undeliverable));
    assert_eq!((found.is_final, found.fault, found.retry), (false, Fault::Nobody, false));
    let accepted = json!([{"when": {"states": ["accepted"]}, "then": {"final": true}}]);
    let found = by_rules(accepted, &said(Accepted));
    assert_eq!((found.state, found.is_final, found.retry), (Accepted, true, false));
    let unknown = json!([{"when": {"states": ["unknown"]}, "then": {"fault": "gateway"}}]);
    assert_eq!(by_rules(unknown, &Said::default()).fault, Fault::Gateway);
}

#[test]
fn the_customer_sees_a_code_that_a_receipt_can_carry() {
    let table = [
        (Undeliverable, Some("012"), None, "012"),
        (Undeliverable, Some(" 12 "), gsm(1), "12"),
        (Undeliverable, None, gsm(1), "001"),
        (Undeliverable, Some(""), gsm(27), "027"),
        (Undeliverable, Some("a b"), None, "000"),
        (Undeliverable, Some("9 stat:DELIVRD"), None, "000"),
        (Undeliverable, Some("123456789"), None, "000"),
        (Undeliverable, None, None, "000"),
        (Delivered, Some("012"), gsm(1), "000"),
        (Enroute, Some("012"), None, "012"),
    ];
    for (state, error, network_error, expected) in table {
        let found = usual(&Said { state: Some(state), error, network_error });
        assert_eq!(found.error, expected, "{state:?} {error:?} {network_error:?}");
        assert_eq!(found.network_error, network_error);
    }
}

proptest! {
    /// Also with rules that validation would refuse.
    #[test]
    fn what_arrived_or_is_under_way_is_never_tried_again(
        state in prop::option::of(prop::sample::select(MessageState::ALL.to_vec())),
        told in prop::option::of(prop::sample::select(MessageState::ALL.to_vec())),
        is_final: Option<bool>, retry: Option<bool>, error in prop::option::of("[ -~]{0,12}"),
        network_error in prop::option::of((any::<u8>(), any::<u16>())),
    ) {
        let then = json!({"state": told, "final": is_final, "retry": retry});
        let network_error = network_error.map(|(network, code)| NetworkError { network, code });
        let said = Said { state, error: error.as_deref(), network_error };
        let found = by_rules(json!([{"when": {}, "then": then}]), &said);
        prop_assert!(!found.retry || (found.is_final && !found.state.is_success()));
        prop_assert_eq!(found.state.is_final().unwrap_or(found.is_final), found.is_final);
        prop_assert!(found.fault == Fault::Nobody || found.is_final);
        let plain = found.error.bytes().all(|b| b.is_ascii_alphanumeric());
        prop_assert!(plain && (1..=8).contains(&found.error.len()));
    }
}
