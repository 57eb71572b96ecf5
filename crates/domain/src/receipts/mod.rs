//! Delivery receipts: whose message a provider speaks of, what it says, and what follows from that
//! (design, section 7). All pure: `correlate` calls the same functions from the receipt's side and
//! from the submit result's side, so that whichever comes second decides as the first would have.
//!
//! The way of a receipt: [`is_receipt`] tells it from a handset's message, [`canonical_id`] makes
//! its id the key that the submit result has too, [`decide`] finds the part among the results under
//! that key, [`meaning`] reads the state and error codes by the provider's table, and
//! [`consequence`] says whether the message is tried elsewhere or the customer is told.

mod address;
mod canonical;
mod consequence;
mod date;
mod matching;
mod meaning;
mod pattern;
mod recognise;
mod state;

pub use address::same_handset;
pub use canonical::{CanonicalId, Side, canonical_id};
pub use consequence::{Attempt, Consequence, CustomerReceipt, NoRetry, consequence, retry};
pub use date::{ReceiptDate, done_ms};
pub use matching::{
    AHEAD_MAX_MS, Candidate, Claim, Decision, Misfit, Refusal, decide, decide_each, fits,
};
pub(crate) use meaning::ERROR_MAX;
pub use meaning::{Fault, Meaning, Said, USUAL, Usual, meaning};
pub(crate) use pattern::{error_pattern, network_pattern};
pub use recognise::{Signs, is_receipt};
pub use state::{MessageState, NetworkError, state};
