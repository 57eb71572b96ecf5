//! What follows from a receipt: another attempt, receipts for the customer, or nothing.

use domain::config::ReceiptSettings;
use domain::id::PartId;
use domain::receipts::{
    Attempt, Consequence, CustomerReceipt, Meaning, MessageState, NetworkError, NoRetry, Said,
    consequence, meaning, retry,
};
use serde_json::json;

use crate::settings;

const NOW_MS: u64 = 1_795_259_100_000;

fn part(number: u8) -> PartId {
    PartId::new(NOW_MS - 60_000, [number; 10])
}

fn attempt() -> Attempt<'static> {
    Attempt {
        part: part(1),
        aliases: &[],
        registered_delivery: 1,
        parts: 1,
        valid_until_ms: NOW_MS + 1,
        provider_left: true,
        accepted_ms: NOW_MS - 60_000,
        arrived_ms: NOW_MS,
        done_ms: NOW_MS - 5_000,
    }
}

fn usual(state: MessageState) -> Meaning {
    meaning(&Said { state: Some(state), ..Said::default() }, &ReceiptSettings::default())
}

#[test]
fn only_what_is_safe_possible_and_in_time_is_tried_elsewhere() {
    let good = attempt();
    let bad = MessageState::Undeliverable;
    let table = [
        (bad, good, Ok(())),
        (MessageState::Rejected, good, Ok(())),
        (MessageState::Expired, good, Err(NoRetry::Meaning)),
        (MessageState::Delivered, good, Err(NoRetry::Meaning)),
        (MessageState::Enroute, good, Err(NoRetry::Meaning)),
        (bad, Attempt { parts: 2, ..good }, Err(NoRetry::SeveralParts)),
        (bad, Attempt { parts: 0, ..good }, Err(NoRetry::SeveralParts)),
        (bad, Attempt { valid_until_ms: NOW_MS, ..good }, Err(NoRetry::Expired)),
        (bad, Attempt { provider_left: false, ..good }, Err(NoRetry::NobodyLeft)),
        // Whether the customer asked for receipts does not matter.
        (bad, Attempt { registered_delivery: 0, ..good }, Ok(())),
    ];
    for (state, attempt, expected) in table {
        let meaning = usual(state);
        assert_eq!(retry(&meaning, &attempt), expected, "{state:?} {attempt:?}");
        let retried = consequence(&meaning, &attempt) == Consequence::Retry;
        assert_eq!(retried, expected.is_ok());
    }
}

#[test]
fn the_customer_is_told_what_it_asked_for() {
    use MessageState::{Accepted, Delivered, Enroute, Expired, Unknown};
    let read = settings(json!({
        "rules": [{"when": {"states": ["accepted"]}, "then": {"final": true}}]
    }));
    let read = meaning(&Said { state: Some(Accepted), ..Said::default() }, &read);
    // registered_delivery: delivered, expired, unknown, read by a person; on its way, accepted.
    let table = [
        (0x00, [false, false, false, false], [false, false]),
        (0x01, [true, true, true, true], [false, false]),
        (0x02, [false, true, true, false], [false, false]),
        (0x03, [true, false, false, true], [false, false]),
        (0x10, [false, false, false, false], [true, true]),
        (0x11, [true, true, true, true], [true, true]),
        (0x12, [false, true, true, false], [true, true]),
        // Acknowledgements by the handset are something else.
        (0x0c, [false, false, false, false], [false, false]),
        (0xee, [false, true, true, false], [false, false]),
    ];
    for (registered_delivery, finals, intermediate) in table {
        let asked = |meaning: &Meaning| meaning.is_asked_for(registered_delivery);
        let of = |state| asked(&usual(state));
        let found = [of(Delivered), of(Expired), of(Unknown), asked(&read)];
        assert_eq!(found, finals, "{registered_delivery:#x}");
        assert_eq!([of(Enroute), of(Accepted)], intermediate, "{registered_delivery:#x}");
        let told = consequence(&usual(Expired), &Attempt { registered_delivery, ..attempt() });
        assert_eq!(told != Consequence::NotAskedFor, finals[1], "{registered_delivery:#x}");
    }
}

fn told(meaning: &Meaning, attempt: &Attempt<'_>) -> Vec<CustomerReceipt> {
    match consequence(meaning, attempt) {
        Consequence::Tell(receipts) => receipts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_id_that_the_customer_was_given_gets_its_receipt() {
    let aliases = [part(2), part(3)];
    let attempt = Attempt { aliases: &aliases, ..attempt() };
    let error = Some(NetworkError { network: 3, code: 27 });
    let said =
        Said { state: Some(MessageState::Undeliverable), error: Some("7"), network_error: error };
    let receipts = told(&meaning(&said, &ReceiptSettings::default()), &attempt);
    let parts: Vec<PartId> = receipts.iter().map(|receipt| receipt.part).collect();
    assert_eq!(parts, [part(1), part(2), part(3)]);
    let first = CustomerReceipt {
        id: part(1).delivery("receipt undeliverable"),
        part: part(1),
        state: MessageState::Undeliverable,
        is_final: true,
        error: "7".to_owned(),
        network_error: error,
        submitted: 1,
        delivered: 0,
        submitted_ms: NOW_MS - 60_000,
        done_ms: NOW_MS - 5_000,
    };
    assert_eq!(receipts[0], first);
    assert_ne!(receipts[0].id, receipts[1].id);
}

#[test]
fn a_delivery_is_named_by_part_and_state_so_that_repeats_are_one() {
    let all = Attempt { registered_delivery: 0x11, ..attempt() };
    let id = |state, attempt: &Attempt<'_>| told(&usual(state), attempt)[0].id;
    let later = Attempt { arrived_ms: NOW_MS + 99, done_ms: NOW_MS + 98, ..all };
    let delivered = id(MessageState::Delivered, &all);
    assert_eq!(delivered, id(MessageState::Delivered, &later));
    assert_ne!(delivered, id(MessageState::Enroute, &all));
    assert_ne!(delivered, id(MessageState::Delivered, &Attempt { part: part(9), ..all }));
}

#[test]
fn delivered_counts_what_the_handset_has() {
    let all = Attempt { registered_delivery: 0x11, ..attempt() };
    for (state, delivered, is_final) in [
        (MessageState::Delivered, 1, true),
        (MessageState::Expired, 0, true),
        (MessageState::Enroute, 0, false),
        (MessageState::Accepted, 0, false),
    ] {
        let receipt = &told(&usual(state), &all)[0];
        assert_eq!((receipt.submitted, receipt.delivered), (1, delivered), "{state:?}");
        assert_eq!((receipt.state, receipt.is_final), (state, is_final));
    }
}
