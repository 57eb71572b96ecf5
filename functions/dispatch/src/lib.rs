//! Lambda `dispatch`: receipts and handsets' messages for customers go to the edge node that holds a
//! bind of theirs, or wait in the mailbox (design, section 8).
//!
//! `decide` says where a delivery goes, given who is bound where; `run` takes a batch through it, step
//! by step: what is parked is parked first, then it is looked again, consistently: whoever bound
//! meanwhile is sent a hint to drain, never a second copy. Both are pure; `handler` carries out.
#![forbid(unsafe_code)]

pub mod cache;
pub mod decide;
pub mod handler;
pub mod run;
