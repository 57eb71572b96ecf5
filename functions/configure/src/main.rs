//! Lambda `configure`: settings, clients, run.

use std::time::Duration;

use configure::adapters::{Kafka, Reading};
use configure::handler::Handler;
use platform::config_store::ConfigStore;
use platform::function::serve;
use platform::kafka::{Admin, Batch, KafkaSettings, Reader};
use platform::messages::{MessagesTable, NumberHash};
use platform::settings::{self, exit_on_error};
use serde_json::value::RawValue;

/// Below the function's time-out (29 s, template.yaml).
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// The group that template.yaml gives rights to; nobody joins it.
const READERS_GROUP: &str = "configure";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let table =
        exit_on_error(settings::required("TABLE_CONFIG", "name of the configuration's table"));
    let messages = exit_on_error(settings::required::<String>(
        "TABLE_MESSAGES",
        "name of the table of what happened to messages",
    ));
    let numbers = exit_on_error(settings::required::<NumberHash>(
        "NUMBER_PEPPER",
        "as `record` has it: handsets are found by it",
    ));
    let dynamodb = platform::aws::dynamodb().await;
    let settings = exit_on_error(KafkaSettings::from_environment().await);
    let handler = Handler {
        store: ConfigStore::new(dynamodb.clone(), table),
        kafka: Kafka {
            admin: Admin::new(&settings)?,
            batch: Batch::new(&settings, PUBLISH_TIMEOUT)?,
            reading: Reading::new(Reader::new(&settings, READERS_GROUP)?),
        },
        messages: MessagesTable::new(dynamodb, messages),
        numbers,
        now_ms: platform::clock::unix_ms,
    };
    serve(async |event: &RawValue| Ok(handler.handle(serde_json::from_str(event.get())?).await))
        .await
}
