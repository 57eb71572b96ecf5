//! Golden values of the topics' records: what is on Kafka stays readable.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

use domain::address::Address;
use domain::config::IdSettings;
use domain::id::{CustomerId, MessageId, PartId, ProviderId};
use domain::message::{Concatenation, Envelope, Message, Part, Priority, ReferenceKind};
use domain::octets::Octets;
use domain::receipts::{CanonicalId, MessageState, NetworkError, Side, canonical_id};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::customer_deliveries::{CustomerDelivery, Delivered, Failure, HandsetMessage};
use wire::customer_incoming::{IncomingMessage, IncomingMessageRef, IncomingPart, ReleasedRef};
use wire::dead_letters::DeadLetter;
use wire::message_events::{Happened, MessageEvent, MessageEvents, PartIds, record, records};
use wire::provider_events::{
    Doubt, PartSummary, ProviderEvent, ProviderReceipt, SubmitResult, Summary, result_key,
};
use wire::provider_incoming::{HandsetEnvelope, ProviderMessage, ProviderPart};
use wire::provider_outgoing::{Origin, OutgoingMessage};
use wire::retries::{Because, Retry};
use wire::scheduled::{Hint, Item, Kept, Replaced, Scheduled, State};
use wire::submit_journal::Ending;
use wire::{Undecodable, V};

const ORIGIN: Origin = Origin { partition: 2, offset: 77 };

fn message_id() -> MessageId {
    "0192f000-0000-7000-8000-000000000001".parse().unwrap()
}

fn address(number: &str) -> Address {
    Address { ton: 1, npi: 1, number: number.to_owned() }
}

fn envelope() -> Envelope {
    Envelope {
        customer: CustomerId::from("acme"),
        source: address("491511"),
        destination: address("4930123"),
        service: String::new(),
        pid: 0,
        esm: 0,
        coding: 8,
        priority: Priority::High,
        accepted_ms: 1_000,
        valid_until_ms: 9_000,
        schedule_ms: None,
        config: 3,
    }
}

fn part() -> Part {
    Part {
        id: PartId::from(message_id()),
        aliases: Vec::new(),
        octets: Octets(vec![0, 65, 0xff]),
        udh: Octets::default(),
        receipt: 1,
    }
}

fn handsets_part() -> Part {
    Part { receipt: 0, ..part() }
}

fn message() -> Message {
    Message {
        id: message_id(),
        envelope: envelope(),
        split: None,
        parts: vec![part()],
        attempt: 0,
        attempt_ms: 1_000,
        tried: vec![ProviderId::from("beta")],
    }
}

/// The record is written as the file says, and the file is read as the record.
fn golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, record: &T) {
    let path = format!("{}/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let written = String::from_utf8(wire::encode(record)).unwrap();
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, golden.trim_end(), "{name}: what is written");
    assert_eq!(&wire::decode::<T>(golden.as_bytes()).unwrap(), record, "{name}: what is read");
}

#[test]
fn what_a_customer_sent_is_written_and_read_as_the_golden_files_say() {
    let concatenation =
        Concatenation { kind: ReferenceKind::Udh8, reference: 7, total: 3, index: 1 };
    let record = IncomingPart { v: V, envelope: envelope(), concatenation, part: part() };
    golden("customer-incoming-message-parts", &record);
    golden("customer-incoming-messages", &IncomingMessage { v: V, message: message() });
}

#[test]
fn what_waits_for_its_time_is_written_and_read_as_the_golden_files_say() {
    let mut message = message();
    message.envelope.schedule_ms = Some(5_000);
    golden(
        "customer-incoming-messages-scheduled",
        &IncomingMessage { v: V, message: message.clone() },
    );
    let released = wire::encode(&ReleasedRef { v: V, message: &message, released: true });
    let golden_released = include_str!("../golden/customer-incoming-messages-released.json");
    assert_eq!(String::from_utf8(released.clone()).unwrap(), golden_released.trim_end());
    let read: IncomingMessageRef<'_> = wire::decode(&released).unwrap();
    assert!(read.released && !read.answer);
    let (customer, id) = (CustomerId::from("acme"), message_id());
    let hint = Hint { v: V, customer, message: id, due_ms: 5_000, news: false, swept: false };
    golden("releases", &hint);
    golden("releases-news", &Hint { news: true, swept: true, ..hint });
    let replaces = vec![Replaced { id: id.event("replace", 0), at_ms: 3_000 }];
    let state = State::Released { at_ms: 5_001, config: 4 };
    let kept = |item| Kept { v: V, item };
    let scheduled = Scheduled { message, state, replaces, told: true };
    golden("scheduled", &kept(Item::Message(Box::new(scheduled.clone()))));
    let waiting =
        Scheduled { state: State::Waiting, replaces: Vec::new(), told: false, ..scheduled };
    golden("scheduled-waiting", &kept(Item::Message(Box::new(waiting))));
    golden("scheduled-alias", &kept(Item::Alias { of: id, due_ms: 5_000 }));
    golden("scheduled-mark", &kept(Item::Cancelled { at_ms: 3_000 }));
}

#[test]
fn what_a_handset_wrote_is_written_and_read_as_the_golden_files_say() {
    let envelope = HandsetEnvelope {
        provider: ProviderId::from("alpha"),
        source: address("4930123"),
        destination: address("72000"),
        service: String::new(),
        pid: 0,
        esm: 0,
        coding: 8,
        arrived_ms: 4_000,
        config: 3,
    };
    let concatenation =
        Concatenation { kind: ReferenceKind::Udh8, reference: 7, total: 2, index: 1 };
    let part =
        ProviderPart { v: V, envelope: envelope.clone(), concatenation, part: handsets_part() };
    golden("provider-incoming-message-parts", &part);
    let message = ProviderMessage {
        v: V,
        id: message_id(),
        envelope,
        split: Some(ReferenceKind::Udh8),
        parts: vec![handsets_part()],
        incomplete_of: Some(2),
    };
    golden("provider-incoming-messages", &message);
}

#[test]
fn what_is_tried_again_is_written_and_read_as_the_golden_files_say() {
    let retry = |because| Retry {
        v: V,
        message: message_id(),
        customer: CustomerId::from("acme"),
        provider: ProviderId::from("alpha"),
        attempt: 0,
        origin: ORIGIN,
        because,
        at_ms: 2_000,
    };
    let part = PartSummary {
        part: PartId::from(message_id()),
        outcome: Ending::Rejected,
        doubtful: false,
    };
    golden("retries-summary", &retry(Because::Summary(vec![part])));
    golden("retries-receipt", &retry(Because::Receipt(Vec::new())));
}

#[test]
fn what_is_accepted_and_joined_says_so_itself() {
    let short = message();
    let of_short = MessageEvent::accepted(&short);
    assert_eq!((of_short.happened, of_short.at_ms), (Happened::Accepted, 1_000));
    assert!(MessageEvent::assembled(&short).is_none() && of_short.parts.is_empty());

    let alias = "0192f000-0000-7000-8000-000000000002".parse::<MessageId>().unwrap();
    let resent = Part { aliases: vec![alias.to_string().parse().unwrap()], ..part() };
    let split = Some(ReferenceKind::Udh8);
    let whole = Message { split, parts: vec![resent], attempt_ms: 1_700, ..message() };
    let joined = MessageEvent::assembled(&whole).unwrap();
    assert_eq!((joined.happened, joined.at_ms), (Happened::Assembled, 1_700));
    assert_eq!(joined.message, message_id());
    assert_eq!(joined.detail, format!("parts {} {alias}", message_id()));
    assert_ne!(joined.id, of_short.id);
    let accepted = MessageEvent::accepted(&whole);
    assert_eq!((accepted.id, accepted.at_ms), (of_short.id, 1_000));
    assert_eq!(accepted.parts[0].aliases, [alias.into()]);
    assert_eq!(accepted.destination.as_deref(), Some(&address("4930123")));
}

#[test]
fn what_happens_to_one_message_has_one_key_and_nothing_is_left_out() {
    let event = |message: MessageId, name| {
        let (id, customer) = (message.event(name, 0), Cow::Owned("acme".into()));
        MessageEvent::new(id, message, customer, Happened::Routed, "route", 1_000)
    };
    let messages: Vec<_> = (0..200).map(|n| MessageId::new(1_000, [n; 10])).collect();
    let mut events: Vec<_> = messages.iter().map(|message| event(*message, "one")).collect();
    events.extend(messages.iter().map(|message| event(*message, "other")));
    let mut keys = HashMap::new();
    let mut told = 0;
    for (key, value) in records(&mut events) {
        for event in wire::decode::<MessageEvents<'_>>(&value).unwrap().events.iter() {
            assert_eq!(*keys.entry(event.message).or_insert_with(|| key.clone()), key);
            assert_eq!(record(event).0, key);
            told += 1;
        }
    }
    assert_eq!((told, keys.len()), (400, 200));
    assert!(keys.values().collect::<HashSet<_>>().len() > 8);
}

#[test]
fn what_goes_to_a_provider_and_back_is_written_and_read_as_the_golden_files_say() {
    let provider = ProviderId::from("alpha");
    let (route, origin) = ("everything".to_owned(), ORIGIN);
    let outgoing =
        OutgoingMessage { v: V, provider: provider.clone(), route, origin, message: message() };
    golden("provider-outgoing", &outgoing);
    golden("provider-events-result", &ProviderEvent::Result(result()));
    golden("provider-events-receipt", &ProviderEvent::Receipt(receipt()));
    let doubt = Doubt {
        v: V,
        provider: provider.clone(),
        message: message_id(),
        part: 1,
        attempt: 0,
        slot: 4,
        intent: 99,
        held: true,
        at_ms: 2_000,
    };
    golden("provider-events-doubt", &ProviderEvent::Doubt(doubt));
    let part =
        PartSummary { part: PartId::from(message_id()), outcome: Ending::Rejected, doubtful: true };
    let summary = Summary {
        v: V,
        message: message_id(),
        customer: CustomerId::from("acme"),
        provider,
        attempt: 0,
        origin: ORIGIN,
        parts: vec![part],
        at_ms: 2_000,
    };
    golden("provider-events-summary", &ProviderEvent::Summary(summary));
}

fn result() -> SubmitResult {
    SubmitResult {
        v: V,
        provider: ProviderId::from("alpha"),
        provider_message_id: "7F".to_owned(),
        canonical: None,
        customer: CustomerId::from("acme"),
        message: message_id(),
        part: PartId::from(message_id()),
        aliases: Vec::new(),
        attempt: 0,
        outcome: Ending::Accepted,
        status: 0,
        source: address("491511"),
        destination: address("4930123"),
        receipt: 1,
        parts: 1,
        accepted_ms: 1_000,
        valid_until_ms: 9_000,
        config: 3,
        origin: ORIGIN,
        at_ms: 2_000,
    }
}

fn receipt() -> ProviderReceipt {
    ProviderReceipt {
        v: V,
        provider: ProviderId::from("alpha"),
        canonical: canonical("127"),
        source: address("4930123"),
        destination: address("491511"),
        state: Some(MessageState::Undeliverable),
        error: Some("27".to_owned()),
        network_error: Some(NetworkError { network: NetworkError::GSM, code: 27 }),
        submit_date: Some("2611211105".to_owned()),
        done_date: None,
        arrived_ms: 3_000,
    }
}

fn canonical(id: &str) -> CanonicalId {
    canonical_id(id, Side::Receipt, &IdSettings::default()).unwrap()
}

#[test]
fn what_is_told_is_written_and_read_as_the_golden_files_say() {
    let customer = || Cow::Owned(CustomerId::from("acme"));
    let (id, routed) = (message_id().event("routed", 0), Happened::Routed);
    let event = MessageEvent {
        provider: Some(Cow::Owned(ProviderId::from("alpha"))),
        detail: Cow::Borrowed("route everything"),
        ..MessageEvent::new(id, message_id(), customer(), routed, "route", 1_500)
    };
    let (id, undelivered) = (message_id().event("undelivered", 1), Happened::Undelivered);
    let (part, alias) = (PartId::from(message_id()), PartId::from(message_id()).derive("alias"));
    let full = MessageEvent {
        attempt: 1,
        provider: Some(Cow::Owned(ProviderId::from("alpha"))),
        part: Some(part),
        provider_message_id: Cow::Borrowed("7F"),
        state: Some(MessageState::Expired),
        error: Cow::Borrowed("027"),
        source: Some(Cow::Owned(address("491511"))),
        destination: Some(Cow::Owned(address("4930123"))),
        parts: vec![PartIds { id: part, aliases: vec![alias] }],
        detail: Cow::Borrowed("said the provider"),
        ..MessageEvent::new(id, message_id(), customer(), undelivered, "correlate", 1_700)
    };
    golden("message-events-full", &MessageEvents { v: V, events: Cow::Owned(vec![full]) });
    golden("message-events", &MessageEvents { v: V, events: Cow::Owned(vec![event]) });
    let (failed, part) = (Failure::Expired, PartId::from(message_id()));
    let delivery = CustomerDelivery::failure(message_id(), &envelope(), part, failed, 9_000);
    golden("customer-deliveries", &delivery);
    let message = HandsetMessage {
        provider: ProviderId::from("alpha"),
        source: address("4930123"),
        destination: address("72000"),
        service: String::new(),
        pid: 0,
        esm: 0,
        coding: 8,
        split: Some(ReferenceKind::Udh8),
        parts: vec![handsets_part()],
        incomplete_of: Some(2),
        keyword: Some("PIZZA".to_owned()),
    };
    let delivery = CustomerDelivery { what: Delivered::Message(message), hops: 1, ..delivery };
    golden("customer-deliveries-message", &delivery);
    let letter = DeadLetter {
        v: V,
        topic: "customer-incoming-messages".to_owned(),
        partition: 2,
        offset: 77,
        by: "route".to_owned(),
        reason: "not a record of this topic (line 1, column 1)".to_owned(),
        key: Octets(b"key".to_vec()),
        value: Octets(b"?".to_vec()),
        at_ms: 2_000,
    };
    golden("dead-letters", &letter);
}

#[test]
fn a_result_is_named_by_the_providers_id_and_without_one_by_the_part() {
    let named = |result: SubmitResult| {
        let key = result.key();
        let json = wire::encode(&ProviderEvent::Result(result));
        assert_eq!(result_key(std::str::from_utf8(&json).unwrap()).unwrap(), key);
        key
    };
    assert_eq!(named(result()), "alpha|7F");
    let quoted = SubmitResult { provider_message_id: "7\"\\F".to_owned(), ..result() };
    assert_eq!(named(quoted), "alpha|7\"\\F");
    let canonical = Some(canonical("127"));
    let hexadecimal = SubmitResult { canonical, ..result() };
    assert_eq!(named(hexadecimal), receipt().key());
    let nameless = SubmitResult { provider_message_id: String::new(), ..result() };
    assert_eq!(named(nameless), message_id().to_string());
    assert!(result_key("null").is_err());
}

#[test]
fn fields_that_are_not_known_are_ignored_and_another_version_is_refused() {
    let golden = String::from_utf8(wire::encode(&result())).unwrap();
    let more = golden.replacen('{', r#"{"new":[1,{"a":2}],"#, 1);
    assert_eq!(wire::decode::<SubmitResult>(more.as_bytes()), Ok(result()));
    let newer = golden.replace(r#""v":1"#, r#""v":2"#);
    let refused = wire::decode::<SubmitResult>(newer.as_bytes());
    assert_eq!(refused, Err(Undecodable::Version { expected: 1 }));
}
