//! Lambda `retry`: settings, clients, run.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use domain::routing::Router;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::correlations::CorrelationsTable;
use platform::function::{Configurations, Shell};
use platform::kafka::{Batch, KafkaSettings, Reader};
use platform::settings::{SettingError, exit_on_error, required};
use platform::time_limit::TimeLimit;
use retry::adapters::Kafka;
use retry::decide::BY;
use retry::handler::Handler;

/// Well below the function's time-out (60 s, template.yaml), so that a failure is reported by us.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);
/// MSK asks for rights to a group, although nobody joins it.
const GROUP: &str = "retry";

fn settings() -> Result<[String; 2], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_CORRELATIONS", "name of the table that keeps what was decided")?,
    ])
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let [config, correlations] = exit_on_error(settings());
    let limit = exit_on_error(TimeLimit::from_environment());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let versions = ConfigStore::new(dynamodb.clone(), config);
    let outputs = Batch::new(&kafka, PUBLISH_TIMEOUT)?;
    let handler = Handler {
        configurations: Configurations::new(versions.clone(), Router::compile),
        shell: Shell { by: BY, outputs, limit, now_ms: platform::clock::unix_ms },
        bodies: Kafka::new(Reader::new(&kafka, GROUP)?),
        current: versions,
        grounds: CorrelationsTable::new(dynamodb, correlations),
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        handler.handle(event.payload).await.map_err(|error| format!("{error:#}"))
    }))
    .await
}
