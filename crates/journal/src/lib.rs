//! The submit journal's protocol for one slot, as a pure state machine: no I/O, no clock, no async.
//!
//! Promise: each message is sent, ended or held; of its sends at most one lacks a recorded
//! *unknown* that names it; every final outcome is published; what a ghost can still send, its
//! successor has already recorded as unknown. The rules are numbered as in the specification of
//! the journal; the modules name the rules that they hold.
//!
//! The shell calls `Slot::handle` with an [`Event`], then `Slot::next_action` until there is none.
//! It runs the timers that `Slot::wants` names and hands in at most `Slot::room` messages.
//! [`Survey`] tells an operator the doubts of a slot by the same fold.
//!
//! **What is known of parts is a fold over the journal in the order of offsets** (`ledger`), for
//! one's own records as for others': an own record counts when the cursor (`fence`) reaches it, not
//! when it was appended. So owner and successor cannot disagree.
//!
//! Choices that the specification leaves open:
//! - A message of which a part failed (rejected, expired, drained, dropped) sends no further part:
//!   what is not under way ends as *abandoned*. Its rest may not go elsewhere once a part is out,
//!   and half a message is of no use; nothing was sent of what is abandoned.
//! - A part that ends without an answer (expired, drained, dropped, abandoned) has no result of its
//!   own: the message's summary says it. Every message gets one summary per attempt; until it is
//!   confirmed the message is listed in positions, so that a successor can give it.
//! - An outcome that names an intent is believed: a PDU goes out only under an intent that is known
//!   to be valid, so a void intent has no outcome. Records without an intent (`unsent`), unknowns
//!   and positions count only from a valid owner.
//! - An owner whose own answer is lost journals `unknown` itself, as a successor would.
//! - At most one intent of a part is open: a valid owner intends a part only when it has none.
#![forbid(unsafe_code)]

mod event;
mod fence;
mod ledger;
mod part;
mod position;
mod progress;
mod publishing;
mod queue;
mod repeats;
mod rules;
mod search;
mod slot;
mod survey;

pub use event::{
    Action, Counters, Event, JournalRecord, Message, OnUnknown, Publication, Refusal, Settings,
    Ticket, Timer,
};
pub use rules::{Rule, Rules};
pub use slot::Slot;
pub use survey::{OpenDoubt, Survey, Unsurveyed};
