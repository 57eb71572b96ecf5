//! What triggers functions, with a real broker, a real queue and a function in a process of its own
//! (example `recorder`): the semantics that AWS documents, and what tests may ask for beyond them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod broker;
mod kafka;
mod options;
mod queues;
mod rebalance;
mod recorder;
mod scene;
