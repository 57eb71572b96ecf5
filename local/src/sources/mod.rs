//! What triggers functions: event sources as AWS documents them, played on one machine.

pub mod http;
pub mod kafka;
pub mod schedule;
pub mod sqs;
