//! The records of the topics: one struct per topic, JSON with a version field `v`. Unknown fields
//! are ignored; an unknown `v` or anything else that cannot be understood is a dead letter.
//! Golden files under `golden/` hold the form that is on the wire.
#![forbid(unsafe_code)]

pub mod admin_api;
pub mod assembly_deadlines;
pub mod correlations;
pub mod customer_deliveries;
pub mod customer_incoming;
pub mod dead_letters;
pub mod edge_deliveries;
pub mod event_lines;
pub mod message_events;
pub mod message_status;
pub mod provider_events;
pub mod provider_incoming;
pub mod provider_outgoing;
pub mod retries;
pub mod scheduled;
pub mod submit_journal;
pub mod topics;
mod version;

pub use version::{Undecodable, V, decode, encode};
