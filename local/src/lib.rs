//! The whole gateway on one machine: what template.yaml declares, on a real Kafka, a local store and
//! local queues, with the services and a simulated provider around it.

pub mod aws;
pub mod cli;
pub mod kafka;
pub mod options;
pub mod ports;
pub mod process;
pub mod runtime;
pub mod seed;
pub mod serve;
pub mod sources;
pub mod stack;
pub mod template;

/// The account that is played here, as LocalStack and others call it.
pub const ACCOUNT: &str = "000000000000";
