//! From a PDU to octets. What cannot be written is refused and leaves the buffer as it was.

use bytes::BytesMut;
use rusmpp::{CommandId, CommandStatus};

use super::{Pdu, Submit};
use crate::Header;

/// A field that does not fit into its PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} does not fit: {limit} octets at most, no NUL")]
pub struct EncodeError {
    pub field: &'static str,
    pub limit: usize,
}

/// Appends a whole PDU to `out`.
pub fn encode(
    out: &mut BytesMut,
    status: CommandStatus,
    sequence: u32,
    pdu: &Pdu,
) -> Result<(), EncodeError> {
    todo!()
}

/// Appends a `submit_sm`.
pub fn submit_sm(out: &mut BytesMut, sequence: u32, submit: &Submit) -> Result<(), EncodeError> {
    todo!()
}

/// Appends a `deliver_sm`.
pub fn deliver_sm(out: &mut BytesMut, sequence: u32, submit: &Submit) -> Result<(), EncodeError> {
    todo!()
}

/// Appends a `submit_sm_resp`; with another status than OK it has no body (SMPP 3.4 §4.4.2).
pub fn submit_sm_resp(
    out: &mut BytesMut,
    sequence: u32,
    status: CommandStatus,
    message_id: &[u8],
) -> Result<(), EncodeError> {
    todo!()
}

/// Appends the answer that refuses the request with this header: its response, or `generic_nack`
/// where it has none. Responses are never answered.
pub fn reject(out: &mut BytesMut, header: &Header, status: CommandStatus) {
    todo!()
}
