//! Lambda `retry`: settings, clients, run.

use domain::routing::Router;
use platform::config_store::ConfigStore;
use platform::correlations::CorrelationsTable;
use platform::function::{Configurations, PUBLISH_TIMEOUT, Shell, serve};
use platform::kafka::{KafkaSettings, Reader};
use platform::settings::{SettingError, exit_on_error, required};
use retry::adapters::Kafka;
use retry::decide::BY;
use retry::handler::Handler;
use serde_json::value::RawValue;

/// MSK asks for rights to a group, although nobody joins it.
const GROUP: &str = "retry";

fn settings() -> Result<[String; 2], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_CORRELATIONS", "name of the table that keeps what was decided")?,
    ])
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let [config, correlations] = exit_on_error(settings());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let versions = ConfigStore::new(dynamodb.clone(), config);
    let handler = Handler {
        configurations: Configurations::new(versions.clone(), Router::compile),
        shell: Shell::new(BY, &kafka, PUBLISH_TIMEOUT)?,
        bodies: Kafka::new(Reader::new(&kafka, GROUP)?),
        current: versions,
        grounds: CorrelationsTable::new(dynamodb, correlations),
    };
    serve(async |event: &RawValue| handler.handle(serde_json::from_str(event.get())?).await).await
}
