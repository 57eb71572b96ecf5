//! Lambda `release`: settings, clients, run.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::function::Shell;
use platform::kafka::{Batch, KafkaSettings};
use platform::queue::DelayQueue;
use platform::scheduled::{Schedule, ScheduledTable, writer};
use platform::settings::{SettingError, exit_on_error, required};
use platform::time_limit::TimeLimit;
use release::handler::{BY, Handler};

/// Well below the function's time-out (60 s, template.yaml), so that a failure is reported by us.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

fn settings() -> Result<[String; 3], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_SCHEDULED", "name of the table of messages that wait for their time")?,
        required("QUEUE_RELEASES", "URL of the queue of times that have come")?,
    ])
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let [config, scheduled, releases] = exit_on_error(settings());
    let limit = exit_on_error(TimeLimit::from_environment());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let outputs = Batch::new(&kafka, PUBLISH_TIMEOUT)?;
    let handler = Handler {
        schedule: Schedule {
            table: ScheduledTable::new(dynamodb.clone(), scheduled),
            queue: DelayQueue::new(platform::aws::sqs().await, releases),
            new_writer: writer,
        },
        shell: Shell { by: BY, outputs, limit, now_ms: platform::clock::unix_ms },
        current: ConfigStore::new(dynamodb, config),
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        handler.handle(event.payload).await.map_err(|error| format!("{error:#}"))
    }))
    .await
}
