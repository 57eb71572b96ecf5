//! What providers deliver, told apart: a table of the forms that are met, and that nothing breaks it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use domain::config::Provider;
use domain::id::PartId;
use domain::message::ReferenceKind;
use domain::receipts::MessageState;
use proptest::prelude::*;
use provider_sender::receiving::{Received, Stamp, received};
use serde_json::{Value, json};
use smpp::pdu::{self, Tlvs};
use smpp::{CommandStatus, Cutter, Octets, Pdu, Submit, frame::Cut};
use wire::provider_events::{ProviderEvent, ProviderReceipt};
use wire::provider_incoming::{ProviderMessage, ProviderPart};
use wire::topics;

const TEXT: &str = "id:0FF sub:001 dlvrd:001 submit date:2611211105 done date:2611211106 \
                    stat:DELIVRD err:012 text:hello";

fn provider(receipts: Value) -> Provider {
    serde_json::from_value(json!({
        "id": "alpha",
        "link": {"smpp": {
            "host": "127.0.0.1", "port": 2775, "system_id": "gateway", "password_secret": "alpha"
        }},
        "slots": [0],
        "receipts": receipts,
    }))
    .expect("a provider")
}

fn stamp() -> Stamp {
    Stamp { id: PartId::new(1_795_000_000_000, [7; 10]), now_ms: 1_795_000_000_000, config: 12 }
}

fn address(addr: &str) -> pdu::Address {
    pdu::Address { addr: addr.into(), ..pdu::Address::default() }
}

fn delivered(esm_class: u8, message: impl Into<Octets>, tlvs: Tlvs) -> Submit {
    Submit {
        source: address("491701234567"),
        destination: address("12345"),
        esm_class,
        message: message.into(),
        tlvs,
        ..Submit::default()
    }
}

fn with_id(id: &str) -> Tlvs {
    Tlvs { receipted_message_id: Some(id.into()), ..Tlvs::default() }
}

fn of(receipts: Value, submit: &Submit) -> Result<Received, CommandStatus> {
    received(&provider(receipts), submit, &stamp())
}

fn receipt(receipts: Value, submit: &Submit) -> ProviderReceipt {
    match of(receipts, submit) {
        Ok(Received::Receipt(receipt)) => *receipt,
        other => panic!("a receipt is expected, not {other:?}"),
    }
}

fn message(receipts: Value, submit: &Submit) -> ProviderMessage {
    match of(receipts, submit) {
        Ok(Received::Message(message)) => *message,
        other => panic!("a message is expected, not {other:?}"),
    }
}

fn part(submit: &Submit) -> ProviderPart {
    match of(json!({}), submit) {
        Ok(Received::Part(part)) => *part,
        other => panic!("a part is expected, not {other:?}"),
    }
}

#[test]
fn a_receipt_is_known_by_its_class_or_its_tlvs_and_by_its_text_only_where_settings_say_so() {
    let none = Tlvs::default;
    let state = || Tlvs { message_state: Some(2), ..Tlvs::default() };
    let by_text = || json!({"recognition": "text"});
    let cases = [
        ("class of a receipt", json!({}), delivered(0x04, TEXT, none()), true),
        ("intermediate notification", json!({}), delivered(0x20, TEXT, none()), true),
        ("an id in a TLV alone", json!({}), delivered(0, "", with_id("255")), true),
        ("a state in a TLV", json!({}), delivered(0, TEXT, state()), true),
        ("nothing but the text", json!({}), delivered(0, TEXT, none()), false),
        ("the text, by setting", by_text(), delivered(0, TEXT, none()), true),
        ("another text, by setting", by_text(), delivered(0, "STOP", none()), false),
        ("an id without a state", by_text(), delivered(0, "id:7 hello", none()), false),
        ("a handset's acknowledgement", by_text(), delivered(0x08, TEXT, none()), false),
        ("a class with the reply path", json!({}), delivered(0x84, TEXT, none()), true),
    ];
    for (what, settings, submit, is_receipt) in cases {
        let found = of(settings, &submit).expect(what);
        assert_eq!(matches!(found, Received::Receipt(_)), is_receipt, "{what}: {found:?}");
    }
}

#[test]
fn what_a_receipt_says_is_kept_as_it_stands() {
    let found = receipt(json!({}), &delivered(0x04, TEXT, Tlvs::default()));
    assert_eq!(found.canonical.as_str(), "0FF");
    assert_eq!((found.provider.as_str(), found.arrived_ms), ("alpha", 1_795_000_000_000));
    assert_eq!(found.source.number, "491701234567");
    assert_eq!(found.destination.number, "12345");
    assert_eq!((found.state, found.network_error), (Some(MessageState::Delivered), None));
    assert_eq!(found.error.as_deref(), Some("012"));
    assert_eq!(found.submit_date.as_deref(), Some("2611211105"));
    assert_eq!(found.done_date.as_deref(), Some("2611211106"));
    assert_eq!(found.key(), "alpha|0FF");
    let (topic, key, value) = Received::Receipt(Box::new(found.clone())).record().unwrap();
    assert_eq!((topic, key.as_str()), (topics::PROVIDER_EVENTS, "alpha|0FF"));
    assert_eq!(wire::decode::<ProviderEvent>(&value).unwrap(), ProviderEvent::Receipt(found));
}

#[test]
fn tlvs_go_before_the_text_unless_settings_say_otherwise_and_each_stands_in_for_the_other() {
    let both = delivered(
        0x04,
        TEXT,
        Tlvs { message_state: Some(5), network_error_code: Some([3, 0, 27]), ..with_id("other") },
    );
    let found = receipt(json!({}), &both);
    assert_eq!(found.canonical.as_str(), "other");
    assert_eq!(found.state, Some(MessageState::Undeliverable));
    assert_eq!(found.network_error.map(|error| (error.network, error.code)), Some((3, 27)));
    let by_text = json!({"ids": {"receipt_place": "text"}});
    assert_eq!(receipt(by_text.clone(), &both).canonical.as_str(), "0FF");
    let tlv_alone = delivered(0x04, "", with_id("7"));
    assert_eq!(receipt(by_text, &tlv_alone).canonical.as_str(), "7");
    let blank_tlv = delivered(0x04, TEXT, with_id(" "));
    assert_eq!(receipt(json!({}), &blank_tlv).canonical.as_str(), "0FF");
    let word = json!({"words": {"DELIVRD": "accepted"}});
    assert_eq!(receipt(word, &both).state, Some(MessageState::Accepted));
}

#[test]
fn ids_are_canonical_by_the_form_of_the_providers_receipts() {
    let id = |ids, submit: &Submit| receipt(json!({"ids": ids}), submit).canonical;
    let text = delivered(0x04, TEXT, Tlvs::default());
    assert_eq!(id(json!({"receipt": "hexadecimal"}), &text).as_str(), "255");
    assert_eq!(id(json!({"leading_zeros": "ignore"}), &text).as_str(), "FF");
    let decimal = delivered(0x04, "", with_id("0255"));
    assert_eq!(
        id(json!({"receipt": "decimal", "response": "hexadecimal"}), &decimal).as_str(),
        "255"
    );
}

#[test]
fn a_receipt_that_names_no_message_is_kept_whole_and_has_no_record() {
    for submit in [
        delivered(0x04, "stat:DELIVRD", Tlvs::default()),
        delivered(0x04, "", Tlvs::default()),
        delivered(0, "hello", Tlvs { message_state: Some(2), ..Tlvs::default() }),
        delivered(0x04, format!("id:{} stat:DELIVRD", "9".repeat(256)), Tlvs::default()),
    ] {
        let found = of(json!({}), &submit).unwrap();
        let Received::Nameless(letter) = &found else { panic!("{found:?}") };
        assert_eq!(letter.parts[0].octets.0, submit.message.to_vec());
        assert!(found.record().is_none());
    }
}

#[test]
fn a_receipt_may_come_as_payload_behind_a_header_or_in_utf_16() {
    let payload = Submit { in_payload: true, ..delivered(0x04, TEXT, Tlvs::default()) };
    assert_eq!(receipt(json!({}), &payload).canonical.as_str(), "0FF");
    let header = [&[4, 5, 2, 0, 0], TEXT.as_bytes()].concat();
    let behind = delivered(0x44, header, Tlvs::default());
    assert_eq!(receipt(json!({}), &behind).canonical.as_str(), "0FF");
    let wide: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(
        receipt(json!({}), &delivered(0x04, wide, Tlvs::default())).canonical.as_str(),
        "0FF"
    );
    let broken = delivered(0x44, [&[200], TEXT.as_bytes()].concat(), Tlvs::default());
    assert!(of(json!({}), &broken).is_ok(), "a header that cannot be costs a receipt nothing");
}

#[test]
fn a_handsets_message_is_kept_octet_by_octet() {
    let submit = Submit {
        protocol_id: 0x11,
        data_coding: 8,
        service_type: "VMA".into(),
        registered_delivery: 1,
        ..delivered(0x80, vec![0, 83, 0, 255], Tlvs::default())
    };
    let found = message(json!({"recognition": "text"}), &submit);
    let envelope = &found.envelope;
    assert_eq!((envelope.esm, envelope.coding, envelope.pid), (0x80, 8, 0x11));
    assert_eq!((envelope.service.as_str(), envelope.config), ("VMA", 12));
    assert_eq!((envelope.arrived_ms, found.id.unix_ms()), (1_795_000_000_000, 1_795_000_000_000));
    assert_eq!((envelope.source.number.as_str(), found.parts.len()), ("491701234567", 1));
    assert_eq!((&found.parts[0].octets.0, found.parts[0].receipt), (&vec![0, 83, 0, 255], 0));
    let (topic, key, value) = Received::Message(Box::new(found.clone())).record().unwrap();
    assert_eq!((topic, key.as_str()), (topics::PROVIDER_INCOMING_MESSAGES, ""));
    assert_eq!(wire::decode::<ProviderMessage>(&value).unwrap(), found);
    assert!(message(json!({}), &delivered(0, "", Tlvs::default())).parts[0].octets.is_empty());
}

#[test]
fn parts_of_a_handsets_message_meet_under_one_key() {
    let udh = |octets: &[u8]| delivered(0x40, octets.to_vec(), Tlvs::default());
    let sar = Tlvs {
        sar_msg_ref_num: Some(0x1234),
        sar_total_segments: Some(3),
        sar_segment_seqnum: Some(2),
        ..Tlvs::default()
    };
    let cases = [
        (udh(b"\x05\x00\x03\xaa\x03\x02text"), ReferenceKind::Udh8, 0xaa),
        (udh(b"\x06\x08\x04\x12\x34\x03\x02text"), ReferenceKind::Udh16, 0x1234),
        (delivered(0, "text", sar), ReferenceKind::Sar, 0x1234),
    ];
    for (submit, kind, reference) in cases {
        let found = part(&submit);
        let place = found.concatenation;
        assert_eq!(
            (place.kind, place.reference, place.total, place.index),
            (kind, reference, 3, 2)
        );
        assert_eq!((found.part.octets.0.as_slice(), found.envelope.esm), (&b"text"[..], 0));
        let key = |found: ProviderPart| Received::Part(Box::new(found)).record().unwrap().1;
        let mut next = found.clone();
        next.concatenation.index = 3;
        next.part.id = PartId::new(1, [1; 10]);
        let mut others = found.clone();
        others.envelope.provider = "beta".into();
        assert_eq!(key(next), key(found.clone()));
        assert_ne!(key(others), key(found.clone()));
        let (topic, _, value) = Received::Part(Box::new(found.clone())).record().unwrap();
        assert_eq!(topic, topics::PROVIDER_INCOMING_MESSAGE_PARTS);
        assert_eq!(wire::decode::<ProviderPart>(&value).unwrap(), found);
    }
}

#[test]
fn a_part_that_is_the_only_one_is_a_message_and_ports_are_kept() {
    let ported = b"\x0b\x05\x04\x0b\x84\x23\xf0\x00\x03\x01\x01\x01text";
    let found = message(json!({}), &delivered(0x40, ported.to_vec(), Tlvs::default()));
    assert_eq!(found.parts[0].udh.0, b"\x05\x04\x0b\x84\x23\xf0");
    assert_eq!(found.parts[0].octets.0, b"text");
}

#[test]
fn what_cannot_be_is_refused_with_the_status_that_smpp_names() {
    let sar = Tlvs { sar_msg_ref_num: Some(1), ..Tlvs::default() };
    let long = [&b"\x05\x00\x03\xaa\xff\x02"[..], &[b'x'; 300]].concat();
    let cases = [
        (delivered(0x40, "", Tlvs::default()), CommandStatus::EsmeRinvmsglen),
        (
            delivered(0x40, b"\x05\x00\x03\xaa\x03".to_vec(), Tlvs::default()),
            CommandStatus::EsmeRinvmsglen,
        ),
        (
            delivered(0x40, b"\x05\x00\x03\xaa\x03\x04".to_vec(), Tlvs::default()),
            CommandStatus::EsmeRinvesmclass,
        ),
        (delivered(0, "text", sar), CommandStatus::EsmeRmissingtlv),
        (delivered(0x40, long, Tlvs::default()), CommandStatus::EsmeRinvmsglen),
    ];
    for (submit, status) in cases {
        assert_eq!(of(json!({}), &submit), Err(status), "{submit:?}");
    }
}

#[test]
fn data_sm_is_read_as_deliver_sm_is() {
    let submit = Submit { in_payload: true, ..delivered(0x04, TEXT, with_id("0FF")) };
    let mut octets = bytes::BytesMut::new();
    pdu::encode(&mut octets, CommandStatus::EsmeRok, 7, &Pdu::DataSm(submit)).unwrap();
    let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(&mut octets) else { panic!("whole") };
    let Ok(Pdu::DataSm(read)) = pdu::decode(&frame) else { panic!("data_sm") };
    assert_eq!(receipt(json!({}), &read).canonical.as_str(), "0FF");
}

proptest! {
    #[test]
    fn anything_is_told_apart_and_no_two_ways_share_a_record(
        esm_class: u8, by_text: bool, text_first: bool, in_payload: bool,
        message in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            "(id:[0-9a-f]{0,4} )?(stat:[A-Z]{0,8} )?[ -~]{0,20}".prop_map(String::into_bytes),
        ],
        id in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
        state: Option<u8>, sar: Option<(u16, u8, u8)>, error: Option<[u8; 3]>,
        from in prop::collection::vec(any::<u8>(), 0..21),
    ) {
        let recognition = if by_text { "text" } else { "flags" };
        let place = if text_first { "text" } else { "tlv" };
        let provider = provider(json!({"recognition": recognition, "ids": {"receipt_place": place}}));
        let tlvs = Tlvs {
            receipted_message_id: id.map(Octets::from),
            message_state: state,
            network_error_code: error,
            sar_msg_ref_num: sar.map(|sar| sar.0),
            sar_total_segments: sar.map(|sar| sar.1),
            sar_segment_seqnum: sar.map(|sar| sar.2),
            ..Tlvs::default()
        };
        let mut submit = Submit { in_payload, ..delivered(esm_class, message, tlvs) };
        submit.source.addr = from.into();
        let found = received(&provider, &submit, &stamp());
        let decoded = match &found {
            Err(status) => *status != CommandStatus::EsmeRok,
            Ok(Received::Nameless(_)) => submit.esm_class & 0x24 != 0 || submit.tlvs.receipted_message_id.is_some() || state.is_some(),
            Ok(kept) => {
                let (topic, _, value) = kept.record().expect("a record");
                match topic {
                    topics::PROVIDER_EVENTS => wire::decode::<ProviderEvent>(&value).is_ok(),
                    topics::PROVIDER_INCOMING_MESSAGES => wire::decode::<ProviderMessage>(&value).is_ok(),
                    _ => wire::decode::<ProviderPart>(&value).is_ok(),
                }
            }
        };
        prop_assert!(decoded, "{:?}", found);
    }
}
