//! SIGTERM and SIGINT become one token that every task watches.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled at the first SIGTERM or SIGINT. Needs a Tokio runtime.
///
/// # Errors
/// The handlers cannot be installed.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancel = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => (),
            _ = interrupt.recv() => (),
        }
        tracing::info!(event = "stopping");
        cancel.cancel();
    });
    Ok(token)
}
