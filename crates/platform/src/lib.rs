//! The rim: Kafka, DynamoDB, SQS, secrets, settings, telemetry, shutdown, the time limit of pure
//! code. Decisions live elsewhere; these adapters carry them out and report honestly what happened.

pub mod attributes;
pub mod aws;
pub mod batches;
pub mod clock;
pub mod config_store;
pub mod config_watch;
pub mod correlations;
pub mod deliveries;
pub mod function;
pub mod health;
pub mod kafka;
pub mod messages;
pub mod opt_outs;
pub mod queue;
pub mod scheduled;
pub mod secrets;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
pub mod time_limit;

/// Of every program that uses this crate: most of a message's cost is in small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
