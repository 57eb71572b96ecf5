//! Deliveries as PDUs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::delivery;
use domain::address::Address;
use domain::config::LongMessages;
use domain::id::PartId;
use domain::message::{Part, ReferenceKind};
use domain::octets::Octets;
use domain::receipts::{MessageState, NetworkError};
use smpp::pdu::Submit;
use smpp::receipt;
use smpp::udh::{self, Kind};
use smpp_edge::deliveries::translate::{Form, pdus};
use wire::customer_deliveries::{CustomerDelivery, Delivered, HandsetMessage, Receipt};

const PLAIN: Form = Form { long_messages: LongMessages::Udh, vendor_tlvs: false, version: 0x34 };

fn told(change: impl FnOnce(&mut Receipt)) -> Submit {
    let mut delivery = delivery(1);
    let Delivered::Receipt(receipt) = &mut delivery.what else { panic!() };
    change(receipt);
    let [pdu] = pdus(&delivery, PLAIN).unwrap().try_into().unwrap();
    pdu
}

#[test]
fn a_receipt_comes_from_the_handset_with_text_and_parameters() {
    let pdu = told(|receipt| {
        receipt.network_error = Some(NetworkError { network: 3, code: 0x0102 });
        // 2025-10-09 08:53:20 and 2:03 min later.
        receipt.accepted_ms = 1_760_000_000_000;
        receipt.done_ms = 1_760_000_123_000;
    });
    assert_eq!((&pdu.source.addr[..], &pdu.destination.addr[..]), (&b"4671"[..], &b"4670"[..]));
    assert_eq!((pdu.esm_class, pdu.data_coding, pdu.registered_delivery), (0x04, 0, 0));
    let id = PartId::new(1_760_000_000_000, [1; 10]).to_string();
    let text = format!(
        "id:{id} sub:001 dlvrd:001 submit date:2510090853 done date:2510090855 \
         stat:DELIVRD err:000 text:"
    );
    assert_eq!(pdu.message, text.as_str().into());
    assert_eq!(pdu.tlvs.receipted_message_id, Some(id.as_str().into()));
    assert_eq!(pdu.tlvs.message_state, Some(2));
    assert_eq!(pdu.tlvs.network_error_code, Some([3, 1, 2]));
    let read = receipt::parse(&pdu.message);
    assert_eq!((read.id, read.dlvrd), (Some(id.as_str().into()), Some(1)));
}

#[test]
fn a_bad_receipt_counts_nothing_delivered_and_an_intermediate_one_says_so() {
    let failed = told(|receipt| {
        receipt.state = MessageState::Expired;
        receipt.error = "904".into();
    });
    let text = failed.message.to_text().into_owned();
    assert!(text.contains("dlvrd:000") && text.contains("stat:EXPIRED err:904"), "{text}");
    let underway = told(|receipt| {
        receipt.state = MessageState::Enroute;
        receipt.is_final = false;
    });
    assert_eq!(underway.esm_class, 0x20);
}

fn handsets(parts: &[&[u8]], split: Option<ReferenceKind>) -> CustomerDelivery {
    let address = |number: &str| Address { ton: 1, npi: 1, number: number.into() };
    let part = |octets: &&[u8]| Part {
        id: PartId::new(1, [9; 10]),
        aliases: Vec::new(),
        octets: Octets(octets.to_vec()),
        udh: Octets::default(),
        receipt: 0,
    };
    let message = HandsetMessage {
        provider: "alpha".into(),
        source: address("4671"),
        destination: address("72000"),
        service: "CMT".into(),
        pid: 1,
        esm: 0x83,
        coding: 8,
        split,
        parts: parts.iter().map(part).collect(),
        incomplete_of: None,
        keyword: None,
    };
    CustomerDelivery { what: Delivered::Message(message), ..delivery(1) }
}

fn places(pdus: &[Submit]) -> Vec<(Kind, u8, u8)> {
    let place = |pdu: &Submit| udh::concatenation(pdu).unwrap().unwrap();
    pdus.iter().map(place).map(|place| (place.kind, place.index, place.total)).collect()
}

#[test]
fn a_handsets_message_of_one_part_comes_as_it_came() {
    let [pdu] = pdus(&handsets(&[b"text"], None), PLAIN).unwrap().try_into().unwrap();
    assert_eq!((&pdu.source.addr[..], &pdu.destination.addr[..]), (&b"4671"[..], &b"72000"[..]));
    assert_eq!((pdu.esm_class, pdu.data_coding, pdu.protocol_id), (0x80, 8, 1));
    assert_eq!((&pdu.service_type[..], &pdu.message[..]), (&b"CMT"[..], &b"text"[..]));
    assert!(!pdu.in_payload);
}

#[test]
fn parts_are_joined_as_the_customer_wants_it() {
    let long = |long_messages, split| {
        pdus(&handsets(&[b"one", b"two"], split), Form { long_messages, ..PLAIN }).unwrap()
    };
    let narrow = long(LongMessages::Udh, Some(ReferenceKind::Udh8));
    assert_eq!(places(&narrow), [(Kind::Udh8, 1, 2), (Kind::Udh8, 2, 2)]);
    assert_eq!(&udh::payload(&narrow[1]).unwrap()[..], b"two");
    let wide = long(LongMessages::Udh, Some(ReferenceKind::Udh16));
    assert_eq!(places(&wide), [(Kind::Udh16, 1, 2), (Kind::Udh16, 2, 2)]);
    let sar = long(LongMessages::Sar, Some(ReferenceKind::Udh8));
    assert_eq!(places(&sar), [(Kind::Sar, 1, 2), (Kind::Sar, 2, 2)]);
    assert_eq!((sar[0].esm_class, &sar[0].message[..]), (0x80, &b"one"[..]));
    let [payload] = long(LongMessages::Payload, Some(ReferenceKind::Udh8)).try_into().unwrap();
    assert_eq!((payload.in_payload, &payload.message[..]), (true, &b"onetwo"[..]));
    let references = |pdus: &[Submit]| udh::concatenation(&pdus[0]).unwrap().unwrap().reference;
    let again = long(LongMessages::Udh, Some(ReferenceKind::Udh16));
    assert_eq!(references(&wide), references(&again), "the same at each repeat");
}

#[test]
fn a_client_of_version_3_3_gets_a_header_whatever_is_set() {
    for long_messages in [LongMessages::Sar, LongMessages::Payload] {
        let form = Form { long_messages, version: 0x33, ..PLAIN };
        let parts = pdus(&handsets(&[b"one", b"two"], None), form).unwrap();
        assert_eq!(places(&parts), [(Kind::Udh8, 1, 2), (Kind::Udh8, 2, 2)]);
    }
}

#[test]
fn other_elements_of_the_header_stay_and_a_header_that_cannot_be_is_refused() {
    let mut delivery = handsets(&[b"one", b"two"], Some(ReferenceKind::Udh8));
    let Delivered::Message(message) = &mut delivery.what else { panic!() };
    message.parts[0].udh = Octets(vec![0x05, 4, 0x0b, 0x84, 0x23, 0xf0]);
    let parts = pdus(&delivery, PLAIN).unwrap();
    let header = udh::header(&parts[0].message).unwrap();
    let ids: Vec<u8> = udh::elements(header).map(|element| element.unwrap().0).collect();
    assert_eq!(ids, [0x00, 0x05]);
    let Delivered::Message(message) = &mut delivery.what else { panic!() };
    message.parts[0].udh = Octets([vec![0x05, 252], vec![0; 252]].concat());
    assert_eq!(pdus(&delivery, PLAIN), None);
}

#[test]
fn our_own_parameters_go_along_by_setting() {
    let mut delivery = handsets(&[b"one"], None);
    let Delivered::Message(message) = &mut delivery.what else { panic!() };
    message.incomplete_of = Some(3);
    let form = Form { vendor_tlvs: true, ..PLAIN };
    let [pdu] = pdus(&delivery, form).unwrap().try_into().unwrap();
    let other: Vec<_> = pdu.tlvs.other.iter().map(|tlv| (tlv.tag, tlv.value.to_vec())).collect();
    assert_eq!(other, [(0x1501, vec![3]), (0x1500, delivery.id.to_string().into_bytes())]);
    let [pdu] = pdus(&delivery, PLAIN).unwrap().try_into().unwrap();
    assert_eq!(pdu.tlvs.other, []);
}
