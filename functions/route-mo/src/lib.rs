//! Lambda `route-mo`: messages from handsets become their customers'.
//!
//! [`decide`] says what follows from one message under the configuration version that it names, and
//! is pure, so that a second run publishes what the first did. [`recording`] holds how a handset's
//! wish (STOP, START) gets into table `opt_outs` in time to count for all runs alike. [`handler`]
//! takes a batch through both: what is nobody's becomes a dead letter, an outage fails the batch.
#![forbid(unsafe_code)]

mod adapters;
pub mod answer;
pub mod decide;
pub mod handler;
pub mod ports;
pub mod recording;
