//! Lambda `correlate`: settings, clients, run.

use correlate::follow::BY;
use correlate::handler::Handler;
use domain::config::Document;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::correlations::CorrelationsTable;
use platform::function::{Configurations, Event, PUBLISH_TIMEOUT, Shell};
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
async fn main() -> Result<(), lambda_runtime::Error> {
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
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let event: Event<'_> = serde_json::from_str(event.payload.get())?;
        let done = handler.handle(&event).await;
        done.map_err(|error| lambda_runtime::Error::from(format!("{error:#}")))
    }))
    .await
}
