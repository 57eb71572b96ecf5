//! Sends routed messages to providers over persistent binds, no faster than agreed, each once
//! (design, section 6).
//!
//! The way of a message: `reading` brings it from the provider's topics to its `slot`, crate
//! `journal` decides when it may go, `bind` writes it to the provider and brings the answer, `publishing`
//! tells `provider-events`. `group` says which slots are this task's.
//!
//! The way back: what a provider delivers over any bind is told apart by `receiving`, and answered
//! OK once `publishing` has it on Kafka.
#![forbid(unsafe_code)]

pub mod bind;
pub mod group;
pub mod journal_reader;
pub mod late_repeats;
pub mod pacing;
pub mod plan;
pub mod publishing;
pub mod reading;
pub mod receiving;
pub mod settings;
pub mod slot;
pub mod tls;
pub mod translate;
