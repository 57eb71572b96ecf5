//! Sessions as pure state machines: events in, actions out, time passed in.
//!
//! The shell's loop, for either side:
//! 1. wait for the socket, an answer of its own, or [`deadline`](server::Server::deadline);
//! 2. `handle(event, now)`;
//! 3. carry out `next_action()` until it is `None` (always: the queue holds one event's actions);
//! 4. write what is in `output()` and clear it. It grows with what is read: a shell whose peer does
//!    not read stops reading from it.

pub mod client;
mod link;
pub mod server;
pub mod table;
mod timer;
mod window;

pub use window::SEQUENCE_MAX;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer did not bind, or did not answer the bind, in time.
    BindDeadline,
    /// The bind was refused.
    BindRefused,
    /// `command_length` cannot be true; a `generic_nack` is in the output.
    BadLength,
    /// An `enquire_link` was not answered.
    PeerSilent,
    /// Either side said `unbind`, and it is done.
    Unbound,
    /// Our `unbind` was not answered, or the window did not empty in time.
    UnbindDeadline,
    /// The connection was closed under us.
    ConnectionClosed,
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Not bound for this direction, or unbinding.
    NotBound,
    WindowFull,
    /// A field does not fit into the PDU.
    Invalid(crate::pdu::EncodeError),
}

/// What an answer says. A `generic_nack` never means success, whatever its status.
fn answer_status(id: rusmpp::CommandId, status: u32) -> rusmpp::CommandStatus {
    use rusmpp::{CommandId, CommandStatus};
    match CommandStatus::from(status) {
        CommandStatus::EsmeRok if id == CommandId::GenericNack => CommandStatus::EsmeRunknownerr,
        status => status,
    }
}
