//! The gateway's command line. `sources` reads YAML and remembers where everything stands,
//! `client` speaks to the admin API, `commands` do one thing each and say it as text or JSON.
//!
//! Exit codes: 0 done; 1 the document has mistakes or the gateway refuses; 2 wrong usage (clap);
//! 3 the gateway does not answer.
#![forbid(unsafe_code)]

pub mod cli;
pub mod client;
pub mod commands;
pub mod failure;
mod located;
mod signature;
pub mod sources;
pub mod times;
