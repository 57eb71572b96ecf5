//! The store and the queues as processes of their own (`local store`, `local queues`): they block or
//! crash without us, and tests can stop them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use dynoxide::Database;
use hyper_util::rt::TokioIo;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::template::Queue;

/// How often items past their time to live are tidied up.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Serves DynamoDB's API from a file, or from memory.
///
/// # Errors
/// The address or the file cannot be used.
pub async fn store(listen: SocketAddr, path: Option<&Path>) -> anyhow::Result<()> {
    let database = match path {
        None => Database::memory(),
        Some(path) => {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            Database::new(path.to_str().context("the path is not UTF-8")?)
        }
    };
    let database = database.context("the store's file cannot be opened")?;
    let listener = bind(listen).await?;
    tokio::spawn(sweep(database.clone()));
    let served = dynoxide::server::serve_with_shutdown(listener, database, terminated()?).await;
    served.map_err(anyhow::Error::msg)
}

async fn sweep(database: Database) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(items)) => tracing::debug!(event = "swept", items),
            Ok(Err(error)) => tracing::warn!(event = "sweep_failed", %error),
            Err(error) => tracing::warn!(event = "sweep_failed", %error),
        }
    }
}

/// Queues as [`queues`] reads them.
#[must_use]
pub fn declare(queues: &[Queue]) -> Value {
    let declared = |it: &Queue| json!({ "QueueName": it.name, "Attributes": it.attributes });
    queues.iter().map(declared).collect()
}

/// Serves SQS's API from memory; the declared queues are there when it listens.
///
/// # Errors
/// The address cannot be used, or a queue not be made.
pub async fn queues(
    listen: SocketAddr,
    region: &str,
    account: &str,
    declared: Option<&Path>,
) -> anyhow::Result<()> {
    let listener = bind(listen).await?;
    let address = listener.local_addr()?;
    let config = SqsConfig {
        skip_signature_validation: true,
        default_region: region.to_owned(),
        account_id: account.to_owned(),
        host: address.ip().to_string(),
        port: address.port(),
    };
    let provider = Arc::new(RustackSqs::new(config));
    if let Some(declared) = declared {
        make(&provider, declared).await.with_context(|| declared.display().to_string())?;
    }
    let handler = RustackSqsHandler::new(provider);
    let http = SqsHttpConfig { region: region.to_owned(), ..SqsHttpConfig::default() };
    let service = SqsHttpService::new(Arc::new(handler), http);
    let ended = terminated()?;
    tokio::pin!(ended);
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut ended => return Ok(()),
        };
        stream.set_nodelay(true)?;
        let served = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(event = "connection_ended", %error);
            }
        });
    }
}

async fn make(provider: &RustackSqs, declared: &Path) -> anyhow::Result<()> {
    let queues: Vec<Value> = serde_json::from_slice(&std::fs::read(declared)?)?;
    for queue in queues {
        let name = queue["QueueName"].to_string();
        let made = provider.create_queue(serde_json::from_value(queue)?).await;
        made.map_err(|error| anyhow::anyhow!("queue {name} is not made: {error}"))?;
    }
    Ok(())
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))
}

fn terminated() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let stop = platform::shutdown::on_signal()?;
    Ok(stop.cancelled_owned())
}
