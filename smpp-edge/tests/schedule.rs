//! `schedule_delivery_time` of a submit: what becomes of it, and of the id.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use domain::id::PartId;
use domain::message::Envelope;
use smpp::pdu::{Address, Npi, Submit, Ton};
use smpp::{CommandStatus, Octets, time_format};
use smpp_edge::accounts::{Account, Accounts};
use smpp_edge::translate::{Incoming, Stamp, incoming};

const NOW_MS: u64 = 1_795_259_109_500;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn account() -> Arc<Account> {
    let document = serde_json::json!({"customers": [{"id": "acme", "default_validity_h": 24, "smpp": {
        "system_id": "acme", "password_hash": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"}}]});
    let accounts = Accounts::compile(3, &serde_json::from_value(document).unwrap());
    accounts.find("acme").unwrap().clone()
}

fn submit(schedule: &str, validity: &str) -> Submit {
    let address =
        |addr: &str| Address { ton: Ton::International, npi: Npi::Isdn, addr: addr.into() };
    Submit {
        source: address("4477"),
        destination: address("4478"),
        schedule: schedule.into(),
        validity: validity.into(),
        message: "hello".into(),
        ..Submit::default()
    }
}

fn stamp() -> Stamp {
    let id = PartId::new(NOW_MS, [0xff; 10]).at_once();
    Stamp { id, now_ms: NOW_MS, config: 3, validity_max_h: 72, is_one: true }
}

fn taken(submit: &Submit, stamp: &Stamp) -> Result<(PartId, Envelope), CommandStatus> {
    let taken = incoming(&account(), submit, stamp)?;
    let id = taken.id();
    Ok(match taken {
        Incoming::Part(part) => (id, part.envelope),
        Incoming::Message(message) => (id, message.message.envelope),
    })
}

fn is_known_as_scheduled(id: PartId, envelope: &Envelope) -> bool {
    id.is_scheduled(&envelope.customer, &envelope.source)
}

#[test]
fn absolute_and_relative_times_up_to_thirty_days_are_taken() {
    let absolute = time_format::absolute(NOW_MS + HOUR_MS).unwrap();
    let cases = [
        ("000000010000000R", HOUR_MS),
        (absolute.as_str(), HOUR_MS),
        ("000030000000000R", 30 * DAY_MS),
    ];
    for (field, after_ms) in cases {
        let (id, envelope) = taken(&submit(field, ""), &stamp()).unwrap();
        assert_eq!(envelope.schedule_ms, Some(NOW_MS + after_ms), "{field}");
        assert!(is_known_as_scheduled(id, &envelope));
        assert_eq!(id.unix_ms(), NOW_MS);
    }
    let (id, envelope) = taken(&submit("", ""), &stamp()).unwrap();
    assert!(envelope.schedule_ms.is_none() && !is_known_as_scheduled(id, &envelope));
}

#[test]
fn a_time_that_is_none_or_passed_or_too_far_is_refused() {
    let passed = time_format::absolute(NOW_MS - 1_000).unwrap();
    for field in ["soon", "000000000000000R", "000030000001000R", &passed] {
        let refused = taken(&submit(field, ""), &stamp()).err();
        assert_eq!(refused, Some(CommandStatus::EsmeRinvsched), "{field}");
    }
}

#[test]
fn validity_counts_from_now_and_the_default_and_the_longest_from_the_time() {
    let valid_until = |validity: &str| {
        let taken = taken(&submit("000002000000000R", validity), &stamp());
        taken.map(|(_, envelope)| envelope.valid_until_ms - NOW_MS)
    };
    assert_eq!(valid_until(""), Ok(3 * DAY_MS), "the default, a day, from its time");
    assert_eq!(valid_until("000002010000000R"), Ok(2 * DAY_MS + HOUR_MS));
    assert_eq!(valid_until("000020000000000R"), Ok(5 * DAY_MS), "three days at most");
    assert_eq!(valid_until("000001000000000R"), Err(CommandStatus::EsmeRinvexpiry));
}

#[test]
fn a_long_message_is_known_by_its_first_part_and_several_by_none() {
    let part = |index: u8| {
        let message = Octets::from([&[5, 0, 3, 7, 2, index], &b"hello"[..]].concat());
        Submit { esm_class: Submit::UDHI, message, ..submit("000000010000000R", "") }
    };
    let known = |submit: &Submit, stamp: &Stamp| {
        let (id, envelope) = taken(submit, stamp).unwrap();
        is_known_as_scheduled(id, &envelope)
    };
    assert!(known(&part(1), &stamp()) && !known(&part(2), &stamp()));
    let one_of_several = Stamp { is_one: false, ..stamp() };
    assert!(!known(&submit("000000010000000R", ""), &one_of_several));
}
