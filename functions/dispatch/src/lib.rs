//! Lambda `dispatch`: receipts and handsets' messages for customers go to the edge node that holds a
//! bind of theirs, or wait in the mailbox (design, section 8).
//!
//! `decide` is pure: where a delivery goes, given who is bound where. `handler` takes a batch through
//! it: what is parked is parked first, then it is looked again, consistently: whoever bound meanwhile is
//! sent a hint to drain, never a second copy.
#![forbid(unsafe_code)]

pub mod cache;
pub mod decide;
pub mod handler;
