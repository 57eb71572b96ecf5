//! Lambda `route`: settings, clients, run.

use std::time::Duration;

use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::function::{Configurations, Event, Shell};
use platform::kafka::{Batch, KafkaSettings};
use platform::opt_outs::OptOutsTable;
use platform::queue::DelayQueue;
use platform::scheduled::{Schedule, ScheduledTable, writer};
use platform::settings::{SettingError, exit_on_error, required};
use platform::time_limit::TimeLimit;
use route::configuration::Configuration;
use route::handler::Handler;
use route::record::BY;
use serde_json::value::RawValue;

/// Well below the function's time-out (60 s, template.yaml), so that a failure is reported by us.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

fn settings() -> Result<[String; 4], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_OPT_OUTS", "name of the table of handsets' wishes")?,
        required("TABLE_SCHEDULED", "name of the table of messages that wait for their time")?,
        required("QUEUE_RELEASES", "URL of the queue of times that have come")?,
    ])
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let [config, opt_outs, scheduled, releases] = exit_on_error(settings());
    let limit = exit_on_error(TimeLimit::from_environment());
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
        shell: Shell {
            by: BY,
            outputs: Batch::new(&kafka, PUBLISH_TIMEOUT)?,
            limit,
            now_ms: platform::clock::unix_ms,
        },
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let event: Event<'_> = serde_json::from_str(event.payload.get())?;
        let done = Box::pin(handler.handle(&event)).await;
        done.map_err(|error| lambda_runtime::Error::from(format!("{error:#}")))
    }))
    .await
}
