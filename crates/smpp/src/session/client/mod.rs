//! The ESME's side of a session: we bind to a provider.

mod machine;

use std::time::Duration;

use rusmpp::CommandStatus;

pub use self::machine::Client;
use super::{CloseReason, NotSent};
use crate::{
    Frame, Octets,
    pdu::{Bind, Submit},
};

#[derive(Clone, Debug)]
pub struct Settings {
    /// Sent at once, or at the provider's `outbind`.
    pub bind: Bind,
    /// Wait for `outbind` before binding.
    pub await_outbind: bool,
    /// `submit_sm` without an answer at any time.
    pub window: usize,
    /// From the connection to the answer to our bind.
    pub bind_deadline: Duration,
    /// Silence after which we send `enquire_link`.
    pub enquire_link_interval: Duration,
    /// For the answers to `submit_sm`, `enquire_link` and `unbind`.
    pub response_deadline: Duration,
    /// For the window to empty when the session is to end.
    pub drain_deadline: Duration,
    /// Unanswered `deliver_sm` that the provider may have; more are `ESME_RTHROTTLED`.
    pub deliver_window: usize,
}

impl Settings {
    /// The usual values for a bind.
    pub fn new(bind: Bind) -> Self {
        Self {
            bind,
            await_outbind: false,
            window: 10,
            bind_deadline: Duration::from_secs(10),
            enquire_link_interval: Duration::from_secs(30),
            response_deadline: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(30),
            deliver_window: 1000,
        }
    }
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "the large variants are the hot ones")]
pub enum Event {
    Frame(Frame),
    /// [`crate::frame::Cut::BadLength`].
    BadLength,
    /// The [`deadline`](Client::deadline) has passed. Harmless when it has not.
    Timeout,
    /// Send a `submit_sm`; `token` is the caller's and comes back exactly once, in `Answered`,
    /// `Unanswered` or `NotSent`.
    Submit {
        token: u64,
        submit: Submit,
    },
    /// The answer to [`Action::Deliver`], in any order. An unknown sequence is ignored.
    Answer {
        sequence: u32,
        status: CommandStatus,
    },
    /// Send nothing more, finish the window, unbind, close.
    Shutdown,
    /// The connection is gone.
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "the large variants are the hot ones")]
pub enum Action {
    Bound {
        system_id: Octets,
        sc_interface_version: Option<u8>,
    },
    /// `Close` follows.
    BindRefused {
        status: CommandStatus,
    },
    /// The provider's answer. An error may come without an id.
    Answered {
        token: u64,
        status: CommandStatus,
        message_id: Option<Octets>,
    },
    /// It left (or may have), and no answer came in time or the session ended.
    Unanswered {
        token: u64,
    },
    /// It never left.
    NotSent {
        token: u64,
        why: NotSent,
    },
    /// A `deliver_sm` or `data_sm` from the provider; wants [`Event::Answer`].
    Deliver {
        sequence: u32,
        submit: Submit,
    },
    /// Write what is left of the output, then close. The last action of a session.
    Close(CloseReason),
}
