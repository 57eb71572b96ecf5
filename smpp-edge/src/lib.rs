//! The SMPP server of the gateway (design, section 9): customers bind here, and a submit is
//! acknowledged only when Kafka has it on all in-sync replicas.
//!
//! The way of a submit: `listener` accepts, `connection` cuts frames for the session, `translate`
//! turns the PDU into a record, `publish` gives it to Kafka and brings the outcome back, the
//! session answers. The way back is `deliveries`.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod admission;
pub mod authenticate;
pub mod changes;
pub mod connection;
pub mod deliveries;
pub mod doubts;
pub mod health;
pub mod listener;
pub mod password;
pub mod proxy;
pub mod publish;
pub mod query;
pub mod settings;
pub mod tls;
pub mod translate;
