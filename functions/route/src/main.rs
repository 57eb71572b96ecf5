//! Lambda `route`: settings, clients, run.

use std::time::Duration;

use aws_lambda_events::event::kafka::KafkaEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::kafka::{Batch, KafkaSettings};
use platform::settings::{self, exit_on_error};
use route::configurations::Configurations;
use route::handler::Handler;

/// Well below the function's time-out (60 s, template.yaml), so that a failure is reported by us.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let table =
        exit_on_error(settings::required("TABLE_CONFIG", "name of the configuration's table"));
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let store = ConfigStore::new(platform::aws::dynamodb().await, table);
    let handler = Handler {
        configurations: Configurations::new(store),
        outputs: Batch::new(&kafka, PUBLISH_TIMEOUT)?,
        now_ms: platform::clock::unix_ms,
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<KafkaEvent>| async move {
        handler.handle(event.payload).await.map_err(|error| format!("{error:#}"))
    }))
    .await
}
