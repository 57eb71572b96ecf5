//! SMPP 3.3, 3.4 and 5.0 without I/O, clock or runtime: frames, PDUs, session state machines,
//! text codings, user data headers, times and receipts.
//!
//! The shell around it owns the socket: it cuts frames ([`frame::Cutter`]), gives them to a
//! session ([`session::server::Server`], [`session::client::Client`]), carries out the session's
//! actions and writes what the session put into its output buffer.
//!
//! Nothing here prints message text, addresses or passwords: those are [`Octets`], whose `Debug`
//! shows a length only.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test needs some origin of time"))]

pub mod address;
pub mod coding;
pub mod frame;
mod octets;
pub mod pdu;
pub mod receipt;
pub mod session;
pub mod status;
pub mod time_format;
pub mod udh;

pub use frame::{Cutter, Frame, Header};
pub use octets::Octets;
pub use pdu::{Address, Pdu, Submit};
pub use rusmpp::{CommandId, CommandStatus};
