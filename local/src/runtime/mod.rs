//! Lambda on one machine: functions as processes that ask a Runtime API for their invocations.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

mod api;
mod function;
mod sandbox;
mod scratch;

pub use function::{Function, Settings};

use bytes::Bytes;

/// How an invocation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function answered with an error (its JSON).
    #[error("the function failed: {}", String::from_utf8_lossy(.0))]
    Function(Bytes),
    /// It took longer than its time-out and was killed.
    #[error("Task timed out after {0} seconds")]
    TimedOut(u64),
    /// Its process ended during the invocation.
    #[error("the runtime exited: {0}")]
    Exited(String),
    /// Its process did not get as far as asking for an invocation.
    #[error("init failed: {0}")]
    Init(String),
    /// Its answer is over the limit (6 MB).
    #[error("the response is over {0} octets")]
    ResponseTooLarge(usize),
}

/// Octets of a request or response at most.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const PAYLOAD_MAX: usize = 6 * 1024 * 1024;
