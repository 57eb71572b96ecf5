//! Lambda `route`: whole messages from customers become messages for providers.
//!
//! `record` decides about one record and is pure: a function of the record and the configuration
//! version that it names, so that a second run writes what the first wrote (only the `at_ms` of
//! events tell the runs apart; their ids do not). In particular *expired* means expired when the
//! attempt began; what runs out while it waits is ended by the sender. `handler` takes a batch
//! through it: poison becomes a dead letter, an outage fails the batch.
//!
//! Of customers whose numbers have opt-out words it also reads what the handsets wish (table
//! `opt_outs`). That too is the same at every run: a wish counts by when the message's attempt began
//! ([`domain::mo::opt_out`]), which stands in the message. So a STOP that comes while a message waits for
//! its next attempt holds for that one, and every copy of the attempt decides alike.
//!
//! A message with a time is parked (`parking`); it is routed when `release` sends it back, marked.
#![forbid(unsafe_code)]

mod adapters;
pub mod configuration;
pub mod handler;
mod parking;
pub mod ports;
pub mod record;
