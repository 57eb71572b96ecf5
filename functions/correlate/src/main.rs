//! Lambda `correlate`: settings, clients, run.

use std::time::Duration;

use correlate::follow::BY;
use correlate::handler::Handler;
use domain::config::Document;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::correlations::CorrelationsTable;
use platform::function::{Configurations, Event, Shell};
use platform::kafka::{Batch, KafkaSettings};
use platform::queue::DelayQueue;
use platform::settings::{SettingError, exit_on_error, required};
use platform::time_limit::TimeLimit;
use serde_json::value::RawValue;

/// Well below the function's time-out (60 s, template.yaml), so that a failure is reported by us.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

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
    let limit = exit_on_error(TimeLimit::from_environment());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let versions = ConfigStore::new(dynamodb.clone(), config);
    let outputs = Batch::new(&kafka, PUBLISH_TIMEOUT)?;
    let handler = Handler {
        configurations: Configurations::new(versions, Document::receipts_by_provider),
        shell: Shell { by: BY, outputs, limit, now_ms: platform::clock::unix_ms },
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
