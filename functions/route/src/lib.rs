//! Lambda `route`: whole messages from customers become messages for providers.
//!
//! `record` decides about one record and is pure: a function of the record and the configuration
//! version that it names, so that a second run writes what the first wrote (only the `at_ms` of
//! events tell the runs apart; their ids do not). In particular *expired* means expired when the
//! attempt began; what runs out while it waits is ended by the sender. `handler` takes a batch
//! through it: poison becomes a dead letter, an outage fails the batch.
#![forbid(unsafe_code)]

pub mod configuration;
pub mod handler;
pub mod record;
