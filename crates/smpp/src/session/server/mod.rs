//! The SMSC's side of a session: a customer binds to us.

mod machine;

use std::time::Duration;

use rusmpp::CommandStatus;

pub use self::machine::Server;
use super::{CloseReason, NotSent};
use crate::{
    Frame, Octets,
    pdu::{Bind, Cancel, Failed, Multi, Outbind, Query, QueryResp, Replace, Submit},
};

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From the connection to the bind.
    pub bind_deadline: Duration,
    /// Silence after which we send `enquire_link`.
    pub enquire_link_interval: Duration,
    /// For the answers to our `enquire_link`, `deliver_sm` and `unbind`.
    pub response_deadline: Duration,
    /// For the window to empty when the session is to end.
    pub drain_deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bind_deadline: Duration::from_secs(5),
            enquire_link_interval: Duration::from_secs(30),
            response_deadline: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(60),
        }
    }
}

/// What the shell decided about a bind.
#[derive(Clone, Debug)]
pub enum Verdict {
    Accepted {
        /// Our `system_id` for the response.
        system_id: Octets,
        /// Unanswered requests that the customer may have; more are `ESME_RTHROTTLED`.
        window: usize,
        /// Unanswered `deliver_sm` that we may have.
        deliver_window: usize,
    },
    Refused(CommandStatus),
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "the large variants are the hot ones")]
pub enum Event {
    Frame(Frame),
    /// [`crate::frame::Cut::BadLength`].
    BadLength,
    /// The [`deadline`](Server::deadline) has passed. Harmless when it has not.
    Timeout,
    /// The answer to [`Action::Bind`].
    BindVerdict(Verdict),
    /// The answer to any request but a bind, in any order. The id counts for submits with status
    /// OK only. An unknown sequence is ignored.
    Answer {
        sequence: u32,
        status: CommandStatus,
        message_id: Octets,
    },
    /// The answer to [`Action::SubmitMulti`] where some destinations failed.
    AnswerMulti {
        sequence: u32,
        message_id: Octets,
        failed: Vec<Failed>,
    },
    /// The good answer to [`Action::Query`].
    AnswerQuery {
        sequence: u32,
        response: QueryResp,
    },
    /// Send a `deliver_sm`; `token` is the caller's and comes back.
    Deliver {
        token: u64,
        submit: Submit,
    },
    /// Ask the customer to bind (SMPP 3.4 §2.2.1).
    Outbind(Outbind),
    /// Take nothing more, finish the window, unbind, close.
    Shutdown,
    /// The connection is gone.
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Decide, and come back with [`Event::BindVerdict`].
    Bind(Bind),
    /// A `submit_sm` within the window; wants [`Event::Answer`].
    Submit {
        sequence: u32,
        submit: Submit,
    },
    /// A `data_sm`; wants [`Event::Answer`].
    Data {
        sequence: u32,
        submit: Submit,
    },
    SubmitMulti {
        sequence: u32,
        multi: Multi,
    },
    Query {
        sequence: u32,
        query: Query,
    },
    Cancel {
        sequence: u32,
        cancel: Cancel,
    },
    Replace {
        sequence: u32,
        replace: Replace,
    },
    /// The customer's answer to a `deliver_sm`.
    Delivered {
        token: u64,
        status: CommandStatus,
    },
    /// It left, and no answer came in time or the session ended.
    Unanswered {
        token: u64,
    },
    /// It never left.
    NotDelivered {
        token: u64,
        why: NotSent,
    },
    /// Write what is left of the output, then close. The last action of a session.
    Close(CloseReason),
}
