//! Validation and comparison of configuration documents.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and a table of mistakes is long"
)]

mod common;

use domain::config::{
    Change, Document, Kind, Mistake, PasswordHash, SlotLedger, Target, diff, validate,
};
use serde_json::{Value, json};

const HASH: &str =
    "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

fn good() -> Value {
    json!({
        "customers": [{
            "id": "acme",
            "smpp": {"system_id": "acme", "password_hash": HASH, "rate_per_s": 100.0,
                     "allowed_addresses": ["10.0.0.0/8", "2001:db8::/32"]},
            "senders": ["ACME", "49170*"],
        }, {"id": "beta"}],
        "providers": [{
            "id": "alpha",
            "link": {"smpp": {"host": "smsc.example", "port": 2775, "system_id": "us",
                              "password_secret": "alpha-password",
                              "tls": {"ca_secret": "alpha-ca"}}},
            "slots": [0, 1],
            "rate_per_s": 50.0,
        }, {
            "id": "gamma",
            "link": {"smpp": {"host": "10.0.0.1", "port": 2775, "system_id": "us",
                              "password_secret": "gamma-password"}},
            "slots": [2],
        }],
        "routes": [{
            "id": "de",
            "when": {"customers": ["acme"], "destinations": ["49"],
                     "hours": {"from": "08:00", "to": "20:00", "utc_offset_min": 60}},
            "to": [{"provider": "alpha", "weight": 3}, {"provider": "gamma"}],
            "failover": ["gamma"],
        }, {"id": "all", "to": [{"provider": "gamma"}]}],
    })
}

fn document(value: &Value) -> Document {
    serde_json::from_value(value.clone()).unwrap()
}

/// The good document with one value replaced.
fn with(pointer: &str, value: Value) -> Document {
    document(&common::changed(good(), pointer, value))
}

fn mistakes(document: &Document) -> Vec<Mistake> {
    validate(document, None, &SlotLedger::default())
}

#[test]
fn a_good_document_has_no_mistakes_also_as_its_own_successor() {
    let good = document(&good());
    assert_eq!(mistakes(&good), []);
    let ledger = SlotLedger::default().with(&good);
    assert_eq!(validate(&good, Some(&good), &ledger), []);
}

#[test]
fn each_kind_of_mistake_is_found_where_it_stands_with_a_cure() {
    let hash = |hash: &str| json!(hash);
    let account = json!({"system_id": "acme", "password_hash": HASH});
    let table = [
        ("/customers/1/id", json!("Beta!"), "customers[1].id"),
        ("/customers/1/id", json!("acme"), "customers[1].id"),
        ("/customers/1/smpp", account, "customers[1].smpp.system_id"),
        ("/customers/0/smpp/system_id", json!("sixteen-letters-"), "customers[0].smpp.system_id"),
        ("/customers/0/smpp/system_id", json!(""), "customers[0].smpp.system_id"),
        ("/customers/0/smpp/system_id", json!("a b"), "customers[0].smpp.system_id"),
        ("/customers/0/smpp/password_hash", hash("secret"), "customers[0].smpp.password_hash"),
        (
            "/customers/0/smpp/password_hash",
            hash(&HASH.replace("argon2id", "argon2i")),
            "customers[0].smpp.password_hash",
        ),
        (
            "/customers/0/smpp/password_hash",
            hash(&HASH.replace("m=4096", "m=4194304")),
            "customers[0].smpp.password_hash",
        ),
        (
            "/customers/0/smpp/password_hash",
            hash(HASH.rsplit_once('$').unwrap().0),
            "customers[0].smpp.password_hash",
        ),
        ("/customers/0/smpp/max_binds", json!(0), "customers[0].smpp.max_binds"),
        ("/customers/0/smpp/window", json!(0), "customers[0].smpp.window"),
        ("/customers/0/smpp/deliver_window", json!(0), "customers[0].smpp.deliver_window"),
        ("/customers/0/smpp/rate_per_s", json!(0.0), "customers[0].smpp.rate_per_s"),
        ("/customers/0/smpp/rate_per_s", json!(-1.0), "customers[0].smpp.rate_per_s"),
        (
            "/customers/0/smpp/allowed_addresses/1",
            json!("10.0.0.1/8"),
            "customers[0].smpp.allowed_addresses[1]",
        ),
        ("/customers/0/senders/0", json!(""), "customers[0].senders[0]"),
        ("/customers/0/senders/0", json!("A*B"), "customers[0].senders[0]"),
        ("/customers/0/senders/1", json!("+4917"), "customers[0].senders[1]"),
        ("/customers/0/default_validity_h", json!(337), "customers[0].default_validity_h"),
        ("/customers/0/default_validity_h", json!(0), "customers[0].default_validity_h"),
        ("/providers/0/link/smpp/host", json!("smsc:a b"), "providers[0].link.smpp.host"),
        ("/providers/0/link/smpp/port", json!(0), "providers[0].link.smpp.port"),
        ("/providers/0/link/smpp/system_id", json!("ü"), "providers[0].link.smpp.system_id"),
        (
            "/providers/0/link/smpp/system_type",
            json!("thirteen-char"),
            "providers[0].link.smpp.system_type",
        ),
        (
            "/providers/0/link/smpp/password_secret",
            json!("../etc/passwd"),
            "providers[0].link.smpp.password_secret",
        ),
        ("/providers/0/link/smpp/tls/ca_secret", json!(""), "providers[0].link.smpp.tls.ca_secret"),
        (
            "/providers/0/link/smpp/enquire_link_s",
            json!(350),
            "providers[0].link.smpp.enquire_link_s",
        ),
        (
            "/providers/0/link/smpp/response_timeout_s",
            json!(0),
            "providers[0].link.smpp.response_timeout_s",
        ),
        ("/providers/0/slots", json!([]), "providers[0].slots"),
        ("/providers/1/slots/0", json!(1), "providers[1].slots[0]"),
        ("/providers/0/slots/1", json!(0), "providers[0].slots[1]"),
        ("/providers/0/slots/1", json!(2000), "providers[0].slots[1]"),
        ("/providers/0/binds", json!(3), "providers[0].binds"),
        ("/providers/0/rate_per_s", json!(0.0), "providers[0].rate_per_s"),
        ("/providers/0/window", json!(0), "providers[0].window"),
        (
            "/providers/0/weights",
            json!({"high": 8, "normal": 3, "bulk": 0}),
            "providers[0].weights.bulk",
        ),
        ("/routes/1/id", json!("de"), "routes[1].id"),
        ("/routes/0/id", json!(""), "routes[0].id"),
        ("/routes/0/when/customers/0", json!("nobody"), "routes[0].when.customers[0]"),
        ("/routes/0/when/destinations/0", json!("+49"), "routes[0].when.destinations[0]"),
        ("/routes/0/when/destinations/0", json!(""), "routes[0].when.destinations[0]"),
        ("/routes/0/when/senders", json!(["*x"]), "routes[0].when.senders[0]"),
        ("/routes/0/when/hours/to", json!("24:00"), "routes[0].when.hours"),
        ("/routes/0/when/hours/to", json!("08:00"), "routes[0].when.hours"),
        ("/routes/0/when/hours/utc_offset_min", json!(900), "routes[0].when.hours.utc_offset_min"),
        ("/routes/0/to", json!([]), "routes[0].to"),
        ("/routes/0/to/0/provider", json!("delta"), "routes[0].to[0].provider"),
        ("/routes/0/to/0/provider", json!("gamma"), "routes[0].to[1].provider"),
        ("/routes/0/to/0/weight", json!(0), "routes[0].to[0].weight"),
        ("/routes/0/failover/0", json!("delta"), "routes[0].failover[0]"),
        ("/routes/0/failover", json!(["gamma", "gamma"]), "routes[0].failover[1]"),
        ("/routes/0/when", json!({}), "routes[1].when"),
    ];
    for (pointer, value, path) in table {
        let found = mistakes(&with(pointer, value.clone()));
        let paths: Vec<&str> = found.iter().map(|mistake| mistake.path.as_str()).collect();
        assert_eq!(paths, [path], "{pointer} = {value}: {found:?}");
        assert!(!found[0].what.is_empty() && !found[0].cure.is_empty());
    }
}

#[test]
fn a_providers_name_has_to_fit_into_topics_and_to_be_its_own() {
    for name in ["alpha_1", "Alpha", "", &"a".repeat(33), "gamma"] {
        let mut provider = good()["providers"][0].clone();
        provider["id"] = json!(name);
        provider["slots"] = json!([7]);
        let found = mistakes(&with("/providers/-", provider));
        let paths: Vec<&str> = found.iter().map(|mistake| mistake.path.as_str()).collect();
        assert_eq!(paths, ["providers[2].id"], "{name}");
    }
}

#[test]
fn a_receiver_cannot_be_a_target() {
    let receiver = with("/providers/1/link/smpp/bind", json!("receiver"));
    let paths: Vec<_> = mistakes(&receiver).into_iter().map(|mistake| mistake.path).collect();
    assert_eq!(
        paths,
        ["routes[0].to[1].provider", "routes[0].failover[0]", "routes[1].to[0].provider"]
    );
}

#[test]
fn all_mistakes_are_told_at_once_and_none_shows_a_hash() {
    let mut bad = document(&good());
    bad.customers[0].default_validity_h = 0;
    bad.providers[0].window = 0;
    bad.routes[0].to.push(Target { provider: "delta".into(), weight: 0 });
    let account = bad.customers[0].smpp.as_mut().unwrap();
    account.password_hash = PasswordHash("plain-password".to_owned());
    let found = mistakes(&bad);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().all(|mistake| !mistake.to_string().contains("plain-password")));
}

#[test]
fn a_slot_is_one_binds_for_ever() {
    let first = document(&good());
    let ledger = SlotLedger::default().with(&first);
    // Provider gamma closed and gone; its slot stays its own.
    let mut closed = first.clone();
    closed.providers[1].binds = Some(0);
    let mut gone = closed.clone();
    gone.providers.truncate(1);
    gone.routes.truncate(1);
    gone.routes[0].to.truncate(1);
    gone.routes[0].failover.clear();
    assert_eq!(validate(&gone, Some(&closed), &ledger), []);
    let paths = |document: &Document, previous: &Document| -> Vec<String> {
        let found = validate(document, Some(previous), &ledger);
        found.into_iter().map(|mistake| mistake.path).collect()
    };
    assert_eq!(paths(&gone, &first), ["providers"]);
    let mut reused = gone.clone();
    reused.providers[0].slots.push(2);
    assert_eq!(paths(&reused, &gone), ["providers[0].slots[2]"]);
    let mut swapped = first.clone();
    swapped.providers[0].slots.swap(0, 1);
    assert_eq!(paths(&swapped, &first), ["providers[0].slots[0]", "providers[0].slots[1]"]);
    let mut shortened = first.clone();
    shortened.providers[0].slots.truncate(1);
    assert_eq!(paths(&shortened, &first), ["providers[0].slots"]);
    let mut grown = first.clone();
    grown.providers[0].slots.extend([9, 3]);
    assert_eq!(paths(&grown, &first), [""; 0]);
    assert_eq!(ledger.new_slots(&grown), [3, 9]);
}

fn touched<'a>(changes: &'a [Change], row: &str) -> &'a Change {
    changes.iter().find(|change| change.row == row).unwrap()
}

#[test]
fn nothing_differs_between_equal_documents() {
    let document = document(&good());
    assert_eq!(diff(Some(&document), &document), []);
}

#[test]
fn a_first_version_adds_everything() {
    let changes = diff(None, &document(&good()));
    assert_eq!(changes.len(), 6);
    assert!(changes.iter().all(|change| change.kind == Kind::Added));
    let alpha = touched(&changes, "provider alpha");
    assert_eq!(alpha.touches, ["topics are created; slots 0, 1 open"]);
}

#[test]
fn a_change_says_which_binds_it_touches() {
    let old = document(&good());
    let mut new = old.clone();
    new.providers[0].slots.push(7);
    new.providers[0].rate_per_s = Some(80.0);
    let domain::config::Link::Smpp(link) = &mut new.providers[1].link;
    link.port = 3000;
    let changes = diff(Some(&old), &new);
    assert_eq!(changes.len(), 2);
    let alpha = touched(&changes, "provider alpha");
    assert_eq!(alpha.touches, ["slots 7 open", "its open binds go on with the new limits"]);
    let gamma = touched(&changes, "provider gamma");
    assert_eq!(gamma.touches, ["its 1 binds are closed and opened again"]);
    assert_eq!(gamma.fields[0].field, "link.smpp.port");
    assert_eq!(gamma.fields[0].change, "2775 → 3000");
    let mut lowered = old.clone();
    lowered.providers[0].binds = Some(1);
    let changes = diff(Some(&old), &lowered);
    let touches = &touched(&changes, "provider alpha").touches;
    assert_eq!(touches[..], ["slots 1 get nothing new, and close when they are empty"]);
}

#[test]
fn hashes_are_hidden_long_lists_counted_and_a_new_order_told() {
    let mut old = document(&good());
    old.routes[0].when.destinations = (100..200).map(|n| n.to_string()).collect();
    let mut new = old.clone();
    let account = new.customers[0].smpp.as_mut().unwrap();
    account.password_hash = PasswordHash(HASH.replace("c29t", "xxxx"));
    new.routes[0].when.destinations = (103..201).map(|n| n.to_string()).collect();
    new.routes.swap(0, 1);
    let changes = diff(Some(&old), &new);
    let acme = touched(&changes, "customer acme");
    assert_eq!(acme.fields[0].change, "changed");
    let de = touched(&changes, "route de");
    assert_eq!(de.fields[0].change, "1 added, 3 removed, 98 now");
    assert_eq!(touched(&changes, "order of the routes").kind, Kind::Moved);
    assert!(!format!("{changes:?}").contains("argon2id"));
}
