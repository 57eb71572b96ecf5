//! Lambda `sweep`: settings, clients, run.

use domain::config::Document;
use platform::config_store::ConfigStore;
use platform::correlations::CorrelationsTable;
use platform::deliveries::Mailboxes;
use platform::function::{Configurations, PUBLISH_TIMEOUT, Shell, serve};
use platform::kafka::KafkaSettings;
use platform::queue::DelayQueue;
use platform::scheduled::ScheduledTable;
use platform::settings::{SettingError, exit_on_error, required};
use serde_json::value::RawValue;
use sweep::adapters::AssembliesTable;
use sweep::handler::sweep;
use sweep::receipts::{BY, Receipts};

fn settings() -> Result<[String; 7], SettingError> {
    Ok([
        required("TABLE_ASSEMBLIES", "the table of open assemblies")?,
        required("QUEUE_ASSEMBLY_DEADLINES", "URL of the queue of deadlines")?,
        required("TABLE_CORRELATIONS", "the table of submit results and waiting receipts")?,
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_MAILBOXES", "the table of what waits for customers")?,
        required("TABLE_SCHEDULED", "the table of messages that wait for their time")?,
        required("QUEUE_RELEASES", "URL of the queue of times that have come")?,
    ])
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let [assemblies, queue, correlations, config, mailboxes, scheduled, releases] =
        exit_on_error(settings());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let index = AssembliesTable::new(dynamodb.clone(), assemblies);
    let sqs = platform::aws::sqs().await;
    let queue = DelayQueue::new(sqs.clone(), queue);
    let scheduled = ScheduledTable::new(dynamodb.clone(), scheduled);
    let releases = DelayQueue::new(sqs, releases);
    let versions = ConfigStore::new(dynamodb.clone(), config);
    let mailboxes = Mailboxes::new(dynamodb.clone(), mailboxes);
    let receipts = Receipts {
        table: CorrelationsTable::new(dynamodb, correlations),
        configurations: Configurations::new(versions, Document::receipts_by_provider),
        shell: Shell::new(BY, &kafka, PUBLISH_TIMEOUT)?,
    };
    serve(async |_: &RawValue| {
        let now_ms = platform::clock::unix_ms();
        // None waits for another's outage.
        let swept = sweep(&index, &queue, now_ms).await.map(|_| ());
        let times = sweep::scheduled::sweep(&scheduled, &releases, now_ms).await.map(|_| ());
        let given_up = Box::pin(receipts.sweep(now_ms)).await.map(|_| ());
        let ending = sweep::mailboxes::sweep(&mailboxes, &receipts.shell, now_ms);
        let ended = Box::pin(ending).await.map(|_| ());
        swept.and(times).and(given_up).and(ended)
    })
    .await
}
