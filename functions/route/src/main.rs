//! Lambda `route`: settings, clients, run.

use std::time::Duration;

use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::function::{Configurations, Event, Shell};
use platform::kafka::{Batch, KafkaSettings};
use platform::settings::{self, exit_on_error};
use platform::time_limit::TimeLimit;
use route::configuration::Configuration;
use route::handler::Handler;
use route::record::BY;
use serde_json::value::RawValue;

/// Well below the function's time-out (60 s, template.yaml), so that a failure is reported by us.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let table =
        exit_on_error(settings::required("TABLE_CONFIG", "name of the configuration's table"));
    let limit = exit_on_error(TimeLimit::from_environment());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let store = ConfigStore::new(platform::aws::dynamodb().await, table);
    let handler = Handler {
        configurations: Configurations::new(store, Configuration::compile),
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
        let done = handler.handle(&event).await;
        done.map_err(|error| lambda_runtime::Error::from(format!("{error:#}")))
    }))
    .await
}
