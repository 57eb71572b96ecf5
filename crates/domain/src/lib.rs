//! What the gateway decides about messages: ids, messages and their parts, addresses, pacing,
//! configuration, routing both ways, receipts. No I/O, no clock, no async: time and randomness are passed
//! in.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test needs some origin of time"))]

pub mod address;
pub mod config;
pub mod id;
pub mod message;
pub mod mo;
pub mod octets;
pub mod pacing;
pub mod receipts;
pub mod routing;
pub mod scheduled_id;
pub mod segmentation;
