//! Logs: JSON lines on standard output, one named event each. Levels by `RUST_LOG` (default
//! `info`). Nothing of a customer (text, numbers, credentials) stands in them above DEBUG.

use tracing_subscriber::EnvFilter;

/// Starts logging for `program`. Call once.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter);
    // A panic's message may quote what it met: only its place is told.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(event = "panicked", place);
    }));
    // A second start (tests in one process) keeps the first one's settings.
    let _already_started = logs.try_init();
}
