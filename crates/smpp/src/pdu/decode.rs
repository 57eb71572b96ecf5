//! From a frame to a PDU. An error carries the status to answer with; the session lives on.

use rusmpp::{CommandId, CommandStatus};

use super::Pdu;
use crate::Frame;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is wrong ({status:?})")]
pub struct DecodeError {
    /// The status the specification names for that field.
    pub status: CommandStatus,
    /// Which field, by its name in the specification.
    pub field: &'static str,
}

/// Reads the body of `frame`. Errors: the field that is wrong, and the status to answer with
/// ([`super::reject`] writes that answer); an unknown command is `ESME_RINVCMDID`.
pub fn decode(frame: &Frame) -> Result<Pdu, DecodeError> {
    match frame.header.id {
        CommandId::EnquireLink => Ok(Pdu::EnquireLink),
        _ => Err(DecodeError { status: CommandStatus::EsmeRinvcmdid, field: "command_id" }),
    }
}
