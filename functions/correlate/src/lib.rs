//! Lambda `correlate`: whose receipt is it, and what follows (design, section 7).
//!
//! `record` reads a record of `provider-events`; `run` is the join of results and receipts over
//! table `correlations`, a machine of steps that are carried out elsewhere; `follow` says what a
//! matched receipt leads to. All three are pure. `handler` takes a batch through them.
#![forbid(unsafe_code)]

pub mod adapters;
pub mod follow;
pub mod handler;
mod key;
pub mod ports;
pub mod run;
