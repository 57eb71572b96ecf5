//! Lambda `route-mo`: settings, clients, run.

use domain::mo::MoRouter;
use platform::config_store::ConfigStore;
use platform::function::{Configurations, PUBLISH_TIMEOUT, Shell, serve};
use platform::kafka::KafkaSettings;
use platform::opt_outs::OptOutsTable;
use platform::settings::{SettingError, exit_on_error, required};
use route_mo::decide::BY;
use route_mo::handler::Handler;
use serde_json::value::RawValue;

fn tables() -> Result<[String; 2], SettingError> {
    Ok([
        required("TABLE_CONFIG", "name of the configuration's table")?,
        required("TABLE_OPT_OUTS", "name of the table of handsets' wishes")?,
    ])
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let [config, opt_outs] = exit_on_error(tables());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let handler = Handler {
        configurations: Configurations::new(
            ConfigStore::new(dynamodb.clone(), config),
            MoRouter::compile,
        ),
        opt_outs: OptOutsTable::new(dynamodb, opt_outs),
        shell: Shell::new(BY, &kafka, PUBLISH_TIMEOUT)?,
        new_writer: || uuid::Uuid::now_v7().simple().to_string(),
    };
    serve(async |event: &RawValue| {
        Box::pin(handler.handle(&serde_json::from_str(event.get())?)).await
    })
    .await
}
