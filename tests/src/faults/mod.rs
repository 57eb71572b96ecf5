//! Faults: real processes on real Kafka are killed, stopped and cut off under a load of numbered
//! messages; then what was acknowledged, what the provider got and what is on record as doubt are
//! compared.
//!
//! [`scenario`] says what is done to whom, [`inject`] does it, [`run`] puts a gateway, a load and a
//! fault together, [`verdict`] judges. [`processes`], [`cluster`] and [`doubts`] read the kernel,
//! Kafka's metadata and Kafka's records; what they decide is pure. [`back`] is the same for receipts and
//! handsets' messages.

pub mod back;
pub mod cluster;
pub mod doubts;
pub mod inject;
pub mod load;
pub mod processes;
pub mod run;
pub mod scenario;
pub mod verdict;
