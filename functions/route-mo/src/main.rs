//! Lambda `route-mo`: settings, clients, run.

use std::time::Duration;

use domain::mo::MoRouter;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::function::{Configurations, Event, Shell};
use platform::kafka::{Batch, KafkaSettings};
use platform::opt_outs::OptOutsTable;
use platform::settings::{SettingError, exit_on_error, required};
use platform::time_limit::TimeLimit;
use route_mo::decide::BY;
use route_mo::handler::Handler;
use serde_json::value::RawValue;

/// Well below the function's time-out (60 s, template.yaml), so that a failure is reported by us.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

fn tables() -> Result<[String; 2], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_OPT_OUTS", "name of the table of handsets' wishes")?,
    ])
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let [config, opt_outs] = exit_on_error(tables());
    let limit = exit_on_error(TimeLimit::from_environment());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let handler = Handler {
        configurations: Configurations::new(
            ConfigStore::new(dynamodb.clone(), config),
            MoRouter::compile,
        ),
        opt_outs: OptOutsTable::new(dynamodb, opt_outs),
        shell: Shell {
            by: BY,
            outputs: Batch::new(&kafka, PUBLISH_TIMEOUT)?,
            limit,
            now_ms: platform::clock::unix_ms,
        },
        new_writer: || uuid::Uuid::now_v7().simple().to_string(),
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let event: Event<'_> = serde_json::from_str(event.payload.get())?;
        let done = Box::pin(handler.handle(&event)).await;
        done.map_err(|error| lambda_runtime::Error::from(format!("{error:#}")))
    }))
    .await
}
