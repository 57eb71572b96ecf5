//! A service's view of the configuration: it looks at `current` every 5 s (design, section 3).

use std::time::Duration;

use domain::config::Document;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config_store::ConfigStore;

/// How often `current` is looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// While there is no configuration at all.
const FIRST_LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits for the first configuration, then follows `current`, each version turned into what the
/// service uses by `compile`. While the store does not answer, the last version stays in force.
pub async fn follow<T: Send + Sync + 'static>(
    store: ConfigStore,
    compile: impl Fn(u64, &Document) -> T + Send + 'static,
    stop: CancellationToken,
) -> watch::Receiver<T> {
    let (version, first) = loop {
        match newer(&store, 0).await {
            Ok(Some((version, document))) => break (version, compile(version, &document)),
            Ok(None) => tracing::debug!(event = "configuration_awaited"),
            Err(error) => {
                tracing::warn!(event = "configuration_unreachable", error = format!("{error:#}"))
            }
        }
        tokio::time::sleep(FIRST_LOOK_EVERY).await;
    };
    tracing::info!(event = "configuration_in_force", version);
    let (sender, receiver) = watch::channel(first);
    tokio::spawn(async move {
        let mut version = version;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => (),
                () = stop.cancelled() => return,
                () = sender.closed() => return,
            }
            match newer(&store, version).await {
                Ok(Some((found, document))) => {
                    version = found;
                    tracing::info!(event = "configuration_in_force", version);
                    sender.send_replace(compile(version, &document));
                }
                Ok(None) => (),
                Err(error) => {
                    tracing::warn!(
                        event = "configuration_unreachable",
                        error = format!("{error:#}")
                    );
                }
            }
        }
    });
    receiver
}

async fn newer(
    store: &ConfigStore,
    than: u64,
) -> anyhow::Result<Option<(u64, std::sync::Arc<Document>)>> {
    match store.current().await? {
        Some(version) if version != than => Ok(Some((version, store.load(version).await?))),
        _ => Ok(None),
    }
}
