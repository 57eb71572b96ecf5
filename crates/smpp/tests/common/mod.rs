//! What the scripts of both sides use: frames in, PDUs out.

use bytes::{Bytes, BytesMut};
use smpp::{CommandId, CommandStatus, Cutter, Frame, Header, Pdu, frame::Cut, pdu};

/// A PDU that a session wrote.
#[derive(Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) sequence: u32,
    pub(crate) status: CommandStatus,
    pub(crate) pdu: Pdu,
}

pub(crate) fn sent(sequence: u32, status: CommandStatus, pdu: Pdu) -> Sent {
    Sent { sequence, status, pdu }
}

/// A frame of this PDU.
pub(crate) fn frame(sequence: u32, status: CommandStatus, pdu: &Pdu) -> Frame {
    let mut wire = BytesMut::new();
    pdu::encode(&mut wire, status, sequence, pdu).expect("it fits");
    cut(&mut wire).expect("it is whole")
}

pub(crate) fn request(sequence: u32, pdu: &Pdu) -> Frame {
    frame(sequence, CommandStatus::EsmeRok, pdu)
}

/// A frame with any body.
pub(crate) fn raw(id: CommandId, sequence: u32, body: &[u8]) -> Frame {
    let header = Header { length: 16 + body.len() as u32, id, status: 0, sequence };
    Frame { header, body: Bytes::copy_from_slice(body) }
}

/// Everything in the output, which is empty then.
pub(crate) fn pdus(output: &mut BytesMut) -> Vec<Sent> {
    let frames = std::iter::from_fn(|| cut(output)).collect::<Vec<_>>();
    assert!(output.is_empty(), "only whole PDUs are written");
    frames
        .iter()
        .map(|frame| Sent {
            sequence: frame.header.sequence,
            status: frame.header.status.into(),
            pdu: pdu::decode(frame).expect("a session writes what can be read"),
        })
        .collect()
}

fn cut(wire: &mut BytesMut) -> Option<Frame> {
    match Cutter::new(Cutter::BOUND).cut(wire) {
        Cut::Frame(frame) => Some(frame),
        _ => None,
    }
}
