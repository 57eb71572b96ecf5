//! Lambda `correlate`: settings, clients, run.

use correlate::follow::BY;
use correlate::handler::Handler;
use domain::config::Document;
use platform::config_store::ConfigStore;
use platform::correlations::CorrelationsTable;
use platform::function::{Configurations, PUBLISH_TIMEOUT, Shell, serve};
use platform::kafka::KafkaSettings;
use platform::queue::DelayQueue;
use platform::settings::{SettingError, exit_on_error, required};
use serde_json::value::RawValue;

fn settings() -> Result<[String; 3], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_CORRELATIONS", "name of the table of submit results and waiting receipts")?,
        required("QUEUE_RETRIES", "URL of the queue of attempts that failed")?,
    ])
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let [config, correlations, retries] = exit_on_error(settings());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let versions = ConfigStore::new(dynamodb.clone(), config);
    let handler = Handler {
        configurations: Configurations::new(versions, Document::receipts_by_provider),
        shell: Shell::new(BY, &kafka, PUBLISH_TIMEOUT)?,
        store: CorrelationsTable::new(dynamodb, correlations),
        retries: DelayQueue::new(platform::aws::sqs().await, retries),
    };
    serve(async |event: &RawValue| handler.handle(&serde_json::from_str(event.get())?).await).await
}
