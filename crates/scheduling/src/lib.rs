//! Messages that wait for their time: park, cancel, replace, release (design, section 8).
//!
//! One item of table `scheduled` is all that the four have in common. Each is a machine here, without
//! I/O and clock: it asks for one thing at a time ([`Step`]) and goes on when it is told the answer, so
//! that the model test (`functions/release/tests/model`) can stop, repeat and overlap them between any
//! two. The rules, each of which it was seen to need:
//!
//! - **Whatever has a time goes through the table**, whatever the clock says; only what `release` marked
//!   is routed. So a batch that comes again after the time changes nothing.
//! - **Every change is written on the condition that the item is what was read**, and is final: a
//!   message is released or cancelled, never both.
//! - **A hint is on its way before a time is written**; one that is early waits on, one without an item
//!   too. Of those that are lost `sweep` sends new ones.
//! - **Who finds a message released or cancelled and not told publishes what follows**, the same at
//!   every run, and writes that it is told only when that is confirmed.
//! - **A cancel that is earlier than the parking leaves a mark**, which the parking finds.
#![forbid(unsafe_code)]

pub mod change;
pub mod effects;
pub mod park;
pub mod release;
mod step;

pub use step::{Answer, Machine, ROUNDS_MAX, Step};
