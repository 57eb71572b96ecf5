//! A PDU of any command with any body: reading is total, what was read can be written and reads the
//! same, and what was refused gets one answer.
//!
//! Input: a PDU as on the wire; its `command_length` is not looked at (target `frame` does that).

use bytes::{Bytes, BytesMut};
use smpp::{
    CommandId, CommandStatus, Cutter, Frame, Header, Octets, Pdu, Submit, address,
    frame::Cut,
    pdu::{self, DecodeError, MultiResp},
    receipt, time_format, udh,
};

const SEQUENCE: u32 = 77;

pub fn check(input: &[u8]) {
    let Some((header, body)) = input.split_first_chunk::<16>() else { return };
    let [_, _, _, _, a, b, c, d, ..] = *header;
    let id = CommandId::from(u32::from_be_bytes([a, b, c, d]));
    let length = (header.len() + body.len()) as u32;
    let header = Header { length, id, status: 0, sequence: SEQUENCE };
    match pdu::decode(&Frame { header, body: Bytes::copy_from_slice(body) }) {
        Ok(pdu) => good(id, &pdu),
        Err(error) => refused(&header, error),
    }
}

fn good(id: CommandId, pdu: &Pdu) {
    let mut wire = BytesMut::new();
    if let Err(error) = pdu::encode(&mut wire, CommandStatus::EsmeRok, SEQUENCE, pdu) {
        // Responses and a receipt's id are read more leniently than we write.
        assert!(id.is_response() || error.field == "receipted_message_id", "{id:?}: {error}");
        assert!(wire.is_empty(), "what does not fit leaves the buffer as it was");
        return;
    }
    let frame = only_frame(&mut wire);
    assert_eq!((frame.header.id, frame.header.sequence), (id, SEQUENCE));
    let again = pdu::decode(&frame).expect("what we write can be read");
    assert!(again == with_empty_ids(pdu.clone()), "it reads the same: {pdu:?} {again:?}");
    match pdu {
        Pdu::SubmitSm(submit) | Pdu::DeliverSm(submit) | Pdu::DataSm(submit) => content(submit),
        Pdu::SubmitMulti(multi) => content(&multi.submit),
        _ => {}
    }
}

/// What is done next with a message: none of it may panic.
fn content(submit: &Submit) {
    let _either =
        (address::check_source(&submit.source), address::check_destination(&submit.destination));
    let _either = (time_format::parse(&submit.schedule), time_format::parse(&submit.validity));
    let place = udh::concatenation(submit);
    if let Ok(payload) = udh::payload(submit) {
        assert!(submit.message.ends_with(&payload));
    }
    if let Ok(Some(place)) = place {
        assert!(place.index >= 1 && place.index <= place.total);
    }
    if submit.is_receipt() {
        let _any = receipt::parse(&submit.message).state();
    }
}

fn refused(header: &Header, error: DecodeError) {
    assert_ne!(error.status, CommandStatus::EsmeRok);
    let mut wire = BytesMut::new();
    pdu::reject(&mut wire, header, error.status);
    if header.id.is_response() || header.id == CommandId::AlertNotification {
        return assert!(wire.is_empty(), "these are never answered");
    }
    let answer = only_frame(&mut wire);
    assert!(answer.header.id.is_response());
    assert_eq!(CommandStatus::from(answer.header.status), error.status);
    assert_eq!(answer.header.sequence, header.sequence);
    assert!(pdu::decode(&answer).is_ok());
}

fn only_frame(wire: &mut BytesMut) -> Frame {
    let Cut::Frame(frame) = Cutter::new(u32::MAX).cut(wire) else { unreachable!("a whole PDU") };
    assert!(wire.is_empty(), "one PDU and no more");
    frame
}

/// An id that was missing is written as an empty one.
fn with_empty_ids(pdu: Pdu) -> Pdu {
    let filled = |id: Option<Octets>| Some(id.unwrap_or_default());
    match pdu {
        Pdu::SubmitSmResp(id) => Pdu::SubmitSmResp(filled(id)),
        Pdu::DataSmResp(id) => Pdu::DataSmResp(filled(id)),
        Pdu::SubmitMultiResp(MultiResp { message_id, failed }) => {
            Pdu::SubmitMultiResp(MultiResp { message_id: filled(message_id), failed })
        }
        other => other,
    }
}
