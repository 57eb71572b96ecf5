//! What end-to-end tests, the demonstration, benches and faults share: the whole gateway as child
//! processes, what it wrote to Kafka, and the clients around it.
#![forbid(unsafe_code)]

pub mod bench;
pub mod clients;
pub mod control;
pub mod customer;
pub mod faults;
pub mod journeys;
pub mod log;
pub mod ports;
pub mod smsc;
pub mod stack;
pub mod store;
pub mod topics;
