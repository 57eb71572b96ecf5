//! smpp-edge: customers bind here. Settings come from the environment; see `settings`.

use std::sync::Arc;
use std::time::Duration;

use platform::config_store::ConfigStore;
use platform::kafka::{KafkaSettings, check_topics};
use platform::messages::MessagesTable;
use platform::queue::DelayQueue;
use platform::scheduled::{Schedule, ScheduledTable, writer};
use platform::settings::exit_on_error;
use platform::{aws, config_watch, shutdown, telemetry};
use smpp_edge::accounts::Accounts;
use smpp_edge::admission::Admission;
use smpp_edge::authenticate::{Authenticator, REFUSAL_AFTER};
use smpp_edge::changes::Changes;
use smpp_edge::connection::Node;
use smpp_edge::publish::{Fatal, Records};
use smpp_edge::query::Queries;
use smpp_edge::settings::Settings;
use smpp_edge::{deliveries, doubts, health, listener, tls};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::topics;

/// For the doubts that Kafka does not have yet when the node ends.
const RECORDING_MAX: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::start();
    let settings = exit_on_error(Settings::from_environment());
    let stop = shutdown::on_signal()?;
    let kafka = KafkaSettings::from_environment().await?;
    let needed = [
        topics::CUSTOMER_INCOMING_MESSAGE_PARTS,
        topics::CUSTOMER_INCOMING_MESSAGES,
        topics::MESSAGE_EVENTS,
        topics::EDGE_DELIVERIES,
        topics::CUSTOMER_DELIVERIES,
        topics::DEAD_LETTERS,
    ];
    check_topics(&kafka, &needed.map(str::to_owned)).await?;
    let dynamodb = aws::dynamodb().await;
    let store = ConfigStore::new(dynamodb.clone(), settings.config_table.clone());
    let compile = |version, document: &_| Arc::new(Accounts::compile(version, document));
    let accounts = config_watch::follow(store, compile, stop.clone()).await;
    let queries =
        Queries::new(MessagesTable::new(dynamodb.clone(), settings.messages_table.clone()));
    let changes = Changes::new(Schedule {
        table: ScheduledTable::new(dynamodb.clone(), settings.scheduled_table.clone()),
        queue: DelayQueue::new(aws::sqs().await, settings.releases_queue.clone()),
        new_writer: writer,
    });
    let (deliveries, delivering) =
        deliveries::start(&kafka, dynamodb, &settings.tables, &settings.group)?;
    let (doubts, doubted) = doubts::channel();
    let node = Arc::new(Node {
        accounts,
        admission: Admission::default(),
        authenticator: Authenticator::new(REFUSAL_AFTER),
        records: Arc::new(Records::new(&kafka, settings.publish_retry, doubts)?),
        deliveries,
        queries,
        changes,
        stop: stop.clone(),
        settings,
    });
    let ended = CancellationToken::new();
    let recording = tokio::spawn(doubts::record(kafka, doubted, ended.clone()));
    let watching = tokio::spawn(watch(node.clone(), ended.clone()));
    let served = serve(node, delivering, ended.clone()).await;
    ended.cancel();
    if tokio::time::timeout(RECORDING_MAX, recording).await.is_err() {
        tracing::error!(event = "doubts_not_recorded");
    }
    watching.await??;
    served
}

/// A node whose producer failed for good takes leave of its customers, who bind elsewhere.
async fn watch(node: Arc<Node>, ended: CancellationToken) -> Result<(), Fatal> {
    let watched = node.records.clone().watch(ended).await;
    if let Err(error) = &watched {
        tracing::error!(event = "producer_fatal", %error);
        node.stop.cancel();
    }
    watched
}

async fn serve(
    node: Arc<Node>,
    delivering: deliveries::Running,
    ended: CancellationToken,
) -> anyhow::Result<()> {
    let tasks = TaskTracker::new();
    let watched = node.clone();
    let health_at =
        platform::health::serve(node.settings.health, move || health::of(&watched), ended).await?;
    if let Some(listen) = node.settings.listen {
        let address = listener::serve(node.clone(), listen, None, tasks.clone()).await?;
        tracing::info!(event = "listening", %address, tls = false, health = %health_at);
    }
    if let Some(settings) = &node.settings.tls {
        let acceptor = tls::acceptor(settings)?;
        let address =
            listener::serve(node.clone(), settings.listen, Some(acceptor), tasks.clone()).await?;
        tracing::info!(event = "listening", %address, tls = true, health = %health_at);
    }
    node.stop.cancelled().await;
    delivering.stop().await;
    tasks.close();
    if tokio::time::timeout(node.settings.drain, tasks.wait()).await.is_err() {
        tracing::warn!(event = "connections_cut", count = tasks.len());
    }
    delivering.finish().await;
    let flushed = node.clone();
    tokio::task::spawn_blocking(move || flushed.records.flush(Duration::from_secs(5))).await?;
    tracing::info!(event = "stopped");
    Ok(())
}
