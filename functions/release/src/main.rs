//! Lambda `release`: settings, clients, run.

use platform::config_store::ConfigStore;
use platform::function::{PUBLISH_TIMEOUT, Shell, serve};
use platform::kafka::KafkaSettings;
use platform::queue::DelayQueue;
use platform::scheduled::{Schedule, ScheduledTable, writer};
use platform::settings::{SettingError, exit_on_error, required};
use release::handler::{BY, Handler};
use serde_json::value::RawValue;

fn settings() -> Result<[String; 3], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_SCHEDULED", "name of the table of messages that wait for their time")?,
        required("QUEUE_RELEASES", "URL of the queue of times that have come")?,
    ])
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let [config, scheduled, releases] = exit_on_error(settings());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let handler = Handler {
        schedule: Schedule {
            table: ScheduledTable::new(dynamodb.clone(), scheduled),
            queue: DelayQueue::new(platform::aws::sqs().await, releases),
            new_writer: writer,
        },
        shell: Shell::new(BY, &kafka, PUBLISH_TIMEOUT)?,
        current: ConfigStore::new(dynamodb, config),
    };
    serve(async |event: &RawValue| handler.handle(serde_json::from_str(event.get())?).await).await
}
