//! Lambda `retry`: what failed at a provider is tried at the next, while that is safe (design,
//! sections 6 and 7).
//!
//! `decide` decides about one attempt and is pure. `handler` reads the message back from Kafka and
//! settles once by which configuration version it is decided: two runs under two versions could send
//! a message to two providers, or send what the customer was told had failed.
#![forbid(unsafe_code)]

pub mod adapters;
pub mod decide;
pub mod handler;
pub mod ports;
