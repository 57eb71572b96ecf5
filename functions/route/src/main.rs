//! Lambda `route`: settings, clients, run.

use platform::config_store::ConfigStore;
use platform::function::{Configurations, PUBLISH_TIMEOUT, Shell, serve};
use platform::kafka::KafkaSettings;
use platform::opt_outs::OptOutsTable;
use platform::queue::DelayQueue;
use platform::scheduled::{Schedule, ScheduledTable, writer};
use platform::settings::{SettingError, exit_on_error, required};
use route::configuration::Configuration;
use route::handler::Handler;
use route::record::BY;
use serde_json::value::RawValue;

fn settings() -> Result<[String; 4], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_OPT_OUTS", "name of the table of handsets' wishes")?,
        required("TABLE_SCHEDULED", "name of the table of messages that wait for their time")?,
        required("QUEUE_RELEASES", "URL of the queue of times that have come")?,
    ])
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let [config, opt_outs, scheduled, releases] = exit_on_error(settings());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let store = ConfigStore::new(dynamodb.clone(), config);
    let handler = Handler {
        configurations: Configurations::new(store, Configuration::compile),
        opt_outs: OptOutsTable::new(dynamodb.clone(), opt_outs),
        schedule: Schedule {
            table: ScheduledTable::new(dynamodb, scheduled),
            queue: DelayQueue::new(platform::aws::sqs().await, releases),
            new_writer: writer,
        },
        shell: Shell::new(BY, &kafka, PUBLISH_TIMEOUT)?,
    };
    serve(async |event: &RawValue| {
        Box::pin(handler.handle(&serde_json::from_str(event.get())?)).await
    })
    .await
}
