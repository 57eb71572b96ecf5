//! A provider (SMSC) and a load of customers, for running, testing and measuring the gateway.
//!
//! The load numbers its messages ([`number`]), the SMSC counts their arrivals ([`arrivals`]), and
//! [`check`] compares what was acknowledged, what arrived and what is on record as doubt. On the way
//! back the SMSC notes what it delivered ([`smsc::delivered`]), the load what it got
//! ([`load::ledger`]), and [`returned`] compares these. Protocol
//! and decisions are pure ([`smsc::session`], [`smsc::behaviour`], [`load::flow`], [`load::plan`]);
//! sockets are moved by one loop ([`socket`]) for both sides.

pub mod arrivals;
pub mod check;
pub mod clock;
pub mod esme;
pub mod idle;
pub mod latency;
pub mod load;
pub mod number;
pub mod rate;
pub mod returned;
pub mod smsc;
pub mod socket;
pub mod tls;
