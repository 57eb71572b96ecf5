//! PDUs on the wire: what is written is read back, and what is wrong is named.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use smpp::{
    Address, CommandId, CommandStatus, Cutter, Frame, Header, Octets, Pdu, Submit,
    frame::Cut,
    pdu::{
        self, Alert, Bind, BindMode, BindResp, Cancel, Destination, Failed, Multi, MultiResp,
        Outbind, Query, QueryResp, Replace, Tlv, Tlvs,
    },
};

fn frame(id: CommandId, body: &[u8]) -> Frame {
    let header = Header { length: 16 + body.len() as u32, id, status: 0, sequence: 7 };
    Frame { header, body: Bytes::copy_from_slice(body) }
}

fn read_back(status: CommandStatus, pdu: &Pdu) -> Pdu {
    let mut wire = BytesMut::new();
    pdu::encode(&mut wire, status, 9, pdu).expect("it fits");
    let frame = cut(&mut wire);
    assert!(wire.is_empty());
    assert_eq!((frame.header.status, frame.header.sequence), (status.into(), 9));
    pdu::decode(&frame).expect("it was written by us")
}

fn cut(wire: &mut BytesMut) -> Frame {
    match Cutter::new(Cutter::BOUND).cut(wire) {
        Cut::Frame(frame) => frame,
        other => unreachable!("{other:?}"),
    }
}

fn address(addr: &str) -> Address {
    Address { ton: 1.into(), npi: 1.into(), addr: addr.into() }
}

fn submit() -> Submit {
    Submit {
        service_type: "CMT".into(),
        source: Address { ton: 5.into(), npi: 0.into(), addr: Octets::copy_from(b"B\xfcro") },
        destination: address("491701234567"),
        esm_class: Submit::UDHI,
        protocol_id: 1,
        priority: 2,
        schedule: "261121110509500+".into(),
        validity: "000002000000000R".into(),
        registered_delivery: 1,
        replace_if_present: 1,
        data_coding: 4,
        default_msg_id: 3,
        message: Octets::copy_from(b"\x05\x00\x03\xaa\x02\x01\xff\x00canary"),
        in_payload: false,
        tlvs: Tlvs {
            sar_msg_ref_num: Some(0x1234),
            sar_total_segments: Some(2),
            sar_segment_seqnum: Some(1),
            user_message_reference: Some(99),
            receipted_message_id: Some("id-1".into()),
            message_state: Some(2),
            network_error_code: Some([3, 0, 1]),
            source_port: Some(5000),
            dest_port: Some(5001),
            dest_addr_subunit: Some(1),
            more_messages_to_send: Some(1),
            other: vec![
                Tlv { tag: 0x1400, value: Octets::copy_from(b"\x00\xff") },
                Tlv { tag: 0x130c, value: Octets::new() },
            ],
        },
    }
}

fn bind(mode: BindMode) -> Bind {
    Bind {
        mode,
        system_id: "canary-id".into(),
        password: "canary".into(),
        system_type: "VMA".into(),
        interface_version: 0x34,
        address_range: address("49*"),
    }
}

fn every_pdu() -> Vec<Pdu> {
    let plain = [
        Pdu::Unbind,
        Pdu::UnbindResp,
        Pdu::EnquireLink,
        Pdu::EnquireLinkResp,
        Pdu::GenericNack,
        Pdu::DeliverSmResp,
        Pdu::CancelSmResp,
        Pdu::ReplaceSmResp,
    ];
    [plain.to_vec(), binds(), messages(), operations()].concat()
}

fn binds() -> Vec<Pdu> {
    vec![
        Pdu::Bind(bind(BindMode::Transmitter)),
        Pdu::Bind(bind(BindMode::Receiver)),
        Pdu::Bind(bind(BindMode::Transceiver)),
        Pdu::BindResp(BindResp {
            mode: BindMode::Receiver,
            system_id: "us".into(),
            sc_interface_version: Some(0x50),
        }),
        Pdu::Outbind(Outbind { system_id: "us".into(), password: "canary".into() }),
    ]
}

fn messages() -> Vec<Pdu> {
    let in_payload = Submit { message: vec![0xaa; 65_535].into(), in_payload: true, ..submit() };
    let data = Submit {
        protocol_id: 0,
        priority: 0,
        schedule: Octets::new(),
        validity: Octets::new(),
        replace_if_present: 0,
        default_msg_id: 0,
        in_payload: true,
        ..submit()
    };
    let destinations = vec![
        Destination::Address(address("4917012345")),
        Destination::DistributionList("canary".into()),
    ];
    let multi = Submit { destination: Address::default(), ..submit() };
    let failed = vec![Failed { address: address("4917012345"), status: 0x0b }];
    let message_id: Octets = "id-1".into();
    vec![
        Pdu::SubmitSm(submit()),
        Pdu::SubmitSm(in_payload),
        Pdu::SubmitSm(Submit { message: vec![1; 255].into(), ..Submit::default() }),
        Pdu::SubmitSmResp(Some(message_id.clone())),
        Pdu::SubmitMulti(Multi { submit: multi, destinations }),
        Pdu::SubmitMultiResp(MultiResp { message_id: Some(message_id.clone()), failed }),
        Pdu::DeliverSm(submit()),
        Pdu::DataSm(data),
        Pdu::DataSmResp(Some(message_id)),
    ]
}

fn operations() -> Vec<Pdu> {
    let source = address("1234");
    let message_id: Octets = "id-1".into();
    vec![
        Pdu::QuerySm(Query { message_id: message_id.clone(), source: source.clone() }),
        Pdu::QuerySmResp(Some(QueryResp {
            message_id: message_id.clone(),
            final_date: "261121110509500+".into(),
            message_state: 2,
            error_code: 1,
        })),
        Pdu::CancelSm(Cancel {
            service_type: "CMT".into(),
            message_id: message_id.clone(),
            source: source.clone(),
            destination: address("4917012345"),
        }),
        Pdu::ReplaceSm(Replace {
            message_id,
            source: source.clone(),
            schedule: Octets::new(),
            validity: "000002000000000R".into(),
            registered_delivery: 1,
            default_msg_id: 0,
            message: "canary".into(),
            in_payload: false,
        }),
        Pdu::AlertNotification(Alert { source, esme: address("4917012345") }),
    ]
}

#[test]
fn every_pdu_is_read_as_it_was_written() {
    for pdu in every_pdu() {
        assert_eq!(read_back(CommandStatus::EsmeRok, &pdu), pdu);
    }
}

#[test]
fn a_submit_sm_stands_on_the_wire_as_the_specification_draws_it() {
    let submit = Submit {
        source: Address { ton: 5.into(), npi: 0.into(), addr: "ab".into() },
        destination: address("49"),
        message: "Hi".into(),
        ..Submit::default()
    };
    let mut wire = BytesMut::new();
    pdu::submit_sm(&mut wire, 0x0102, &submit).unwrap();
    let expected = [
        &[0, 0, 0, 41, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 1, 2][..],
        &[0, 5, 0, b'a', b'b', 0, 1, 1, b'4', b'9', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, b'H', b'i'],
    ]
    .concat();
    assert_eq!(wire.len(), expected.len());
    assert_eq!(wire[4..], expected[4..]);
    assert_eq!(wire[3] as usize, wire.len());
}

#[test]
fn error_responses_have_no_body_and_may_come_without_one() {
    let id = Some("id-1".into());
    let refused = CommandStatus::EsmeRthrottled;
    assert_eq!(read_back(refused, &Pdu::SubmitSmResp(id)), Pdu::SubmitSmResp(None));
    let bare = frame(CommandId::SubmitSmResp, b"");
    assert_eq!(pdu::decode(&bare), Ok(Pdu::SubmitSmResp(None)));
    let unterminated = frame(CommandId::SubmitSmResp, b"id-1");
    assert_eq!(pdu::decode(&unterminated), Ok(Pdu::SubmitSmResp(Some("id-1".into()))));
    let bare = frame(CommandId::BindTransceiverResp, b"");
    assert_eq!(pdu::decode(&bare), Ok(Pdu::BindResp(BindResp::default())));
}

/// `submit_sm` bodies by field, so that each can be broken apart.
fn body(fields: [&[u8]; 6]) -> Vec<u8> {
    let [service, source, destination, times, length, rest] = fields;
    let between = [0u8, 0, 0];
    let after = [0u8, 0, 0, 0];
    [service, source, destination, &between, times, &after, length, rest].concat()
}

#[test]
fn a_body_that_is_wrong_is_answered_with_the_status_of_the_field() {
    use CommandStatus as S;
    const NO: &[u8] = b"\0";
    const ADDRESS: &[u8] = b"\x01\x0149\0";
    const TIMES: &[u8] = b"\0\0";
    let long = [b"\x01\x01".as_slice(), &[b'1'; 21], b"\0"].concat();
    let late = [[b'1'; 17].as_slice(), b"\0\0"].concat();
    let good = body([NO, ADDRESS, ADDRESS, TIMES, b"\x02", b"Hi"]);
    assert!(pdu::decode(&frame(CommandId::SubmitSm, &good)).is_ok());
    let cases: Vec<(S, &str, Vec<u8>)> = vec![
        (S::EsmeRinvcmdlen, "empty", vec![]),
        (S::EsmeRinvsertyp, "long service type", body([b"123456\0", NO, NO, NO, NO, NO])),
        (S::EsmeRinvsertyp, "service type without NUL", b"CMT".to_vec()),
        (S::EsmeRinvsrcadr, "long source", body([NO, &long, ADDRESS, TIMES, NO, b""])),
        (S::EsmeRinvsrcadr, "source without NUL", b"\0\x01\x0149".to_vec()),
        (S::EsmeRinvdstadr, "long destination", body([NO, ADDRESS, &long, TIMES, NO, b""])),
        (S::EsmeRinvsched, "long schedule", body([NO, ADDRESS, ADDRESS, &late, NO, b""])),
        (
            S::EsmeRinvexpiry,
            "long validity",
            body([NO, ADDRESS, ADDRESS, &[b"\0", &late[..]].concat(), NO, b""]),
        ),
        (S::EsmeRinvcmdlen, "no sm_length", body([NO, ADDRESS, ADDRESS, TIMES, b"", b""])),
        (S::EsmeRinvmsglen, "sm_length", body([NO, ADDRESS, ADDRESS, TIMES, b"\x03", b"Hi"])),
        (S::EsmeRinvtlvstream, "3 octets more", [&good[..], b"\x02\x0c\0"].concat()),
        (S::EsmeRinvtlvstream, "TLV too long", [&good[..], b"\x14\0\0\x02\0"].concat()),
        (S::EsmeRinvtlvlen, "sar of 1 octet", [&good[..], b"\x02\x0c\0\x01\0"].concat()),
        (S::EsmeRtlvnotallwd, "both", [&good[..], b"\x04\x24\0\x01a"].concat()),
    ];
    for (status, case, body) in cases {
        let error = pdu::decode(&frame(CommandId::SubmitSm, &body)).unwrap_err();
        assert_eq!(error.status, status, "{case}");
    }
}

#[test]
fn binds_that_are_too_long_are_answered_with_the_status_of_the_field() {
    use CommandStatus as S;
    let cases: [(S, &[u8]); 6] = [
        (S::EsmeRinvsysid, b"1234567890123456\0\0\0\x34\0\0\0"),
        (S::EsmeRinvpaswd, b"id\x00123456789\0\0\x34\0\0\0"),
        (S::EsmeRinvsystyp, b"id\0pw\x001234567890123\0\x34\0\0\0"),
        (S::EsmeRinvsystyp, b"id\0pw\0unterminated"),
        (S::EsmeRinvcmdlen, b"id\0pw\0\0"),
        (S::EsmeRbindfail, b"id\0pw\0\0\x34\0\0no end"),
    ];
    for (status, body) in cases {
        let error = pdu::decode(&frame(CommandId::BindTransmitter, body)).unwrap_err();
        assert_eq!(error.status, status);
    }
}

#[test]
fn submit_multi_names_its_own_faults() {
    let cases: [(CommandStatus, &[u8]); 3] = [
        (CommandStatus::EsmeRinvnumdests, b"\0\0\0\0\0"),
        (CommandStatus::EsmeRinvdestflag, b"\0\0\0\0\x01\x03"),
        (CommandStatus::EsmeRinvdlname, b"\0\0\0\0\x01\x02no end"),
    ];
    for (status, body) in cases {
        let error = pdu::decode(&frame(CommandId::SubmitMulti, body)).unwrap_err();
        assert_eq!(error.status, status);
    }
}

#[test]
fn octets_after_a_body_without_parameters_do_no_harm() {
    let cases = [(CommandId::EnquireLink, Pdu::EnquireLink), (CommandId::Unbind, Pdu::Unbind)];
    for (id, pdu) in cases {
        assert_eq!(pdu::decode(&frame(id, b"garbage")), Ok(pdu));
    }
}

#[test]
fn rejections_use_the_response_of_the_command_or_generic_nack() {
    let cases = [
        (CommandId::SubmitSm, CommandStatus::EsmeRinvsrcadr, 0x8000_0004u32, 16),
        (CommandId::DeliverSm, CommandStatus::EsmeRxTAppn, 0x8000_0005, 17),
        (CommandId::Outbind, CommandStatus::EsmeRinvbndsts, 0x8000_0000, 16),
        (CommandId::Other(0x99), CommandStatus::EsmeRinvcmdid, 0x8000_0000, 16),
        (CommandId::BroadcastSm, CommandStatus::EsmeRinvcmdid, 0x8000_0000, 16),
    ];
    for (id, status, answer, length) in cases {
        let mut wire = BytesMut::new();
        pdu::reject(&mut wire, &frame(id, b"").header, status);
        assert_eq!(wire.len(), length);
        let header = cut(&mut wire).header;
        let expected = (answer, u32::from(status), 7);
        assert_eq!((u32::from(header.id), header.status, header.sequence), expected);
    }
    for id in [CommandId::SubmitSmResp, CommandId::Other(0x8000_0099), CommandId::GenericNack] {
        let mut wire = BytesMut::new();
        pdu::reject(&mut wire, &frame(id, b"").header, CommandStatus::EsmeRinvcmdid);
        assert!(wire.is_empty(), "responses are never answered");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_the_buffer_alone() {
    let long_source = Submit { source: address(&"1".repeat(21)), ..submit() };
    let nul = Submit { destination: address("49\u{0}17"), ..submit() };
    let long = Submit { message: vec![0; 256].into(), ..submit() };
    let payload = Submit { message: vec![0; 65_536].into(), in_payload: true, ..submit() };
    let cases = [
        ("source_addr", long_source),
        ("destination_addr", nul),
        ("short_message", long),
        ("message_payload", payload),
    ];
    for (field, submit) in cases {
        let mut wire = BytesMut::from(&b"before"[..]);
        assert_eq!(pdu::submit_sm(&mut wire, 1, &submit).unwrap_err().field, field);
        assert_eq!(wire, "before");
    }
}

#[test]
fn nothing_of_a_customer_is_shown() {
    for pdu in every_pdu() {
        let shown = format!("{pdu:?}");
        assert!(!shown.contains("canary") && !shown.contains("4917"), "{shown}");
    }
}

proptest! {
    #[test]
    fn any_body_is_read_without_a_panic(
        id in prop_oneof![0u32..0x120, 0x8000_0000u32..0x8000_0120],
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _either = pdu::decode(&frame(id.into(), &body));
    }

    #[test]
    fn a_good_pdu_with_one_octet_changed_or_cut_is_read_without_a_panic(
        which: prop::sample::Index, at: prop::sample::Index, octet: u8, shorten: bool,
    ) {
        let pdus = every_pdu();
        let mut wire = BytesMut::new();
        pdu::encode(&mut wire, CommandStatus::EsmeRok, 1, which.get(&pdus)).unwrap();
        let Frame { header, body } = cut(&mut wire);
        let mut body = body.to_vec();
        if !body.is_empty() {
            let at = at.index(body.len());
            if shorten { body.truncate(at) } else { body[at] = octet }
        }
        let _either = pdu::decode(&Frame { header, body: body.into() });
    }

    #[test]
    fn any_stream_is_cut_without_a_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut buffer = BytesMut::from(&octets[..]);
        while let Cut::Frame(frame) = Cutter::new(100).cut(&mut buffer) {
            let _either = pdu::decode(&frame);
        }
    }
}
