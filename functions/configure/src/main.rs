//! Lambda `configure`: settings, clients, run.

use std::convert::Infallible;
use std::time::Duration;

use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use configure::adapters::{Kafka, Reading};
use configure::handler::Handler;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::kafka::{Admin, Batch, KafkaSettings, Reader};
use platform::messages::{MessagesTable, NumberHash};
use platform::settings::{self, exit_on_error};

/// Below the function's time-out (29 s, template.yaml).
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// The group that template.yaml gives rights to; nobody joins it.
const READERS_GROUP: &str = "configure";

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
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
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
        Ok::<_, Infallible>(handler.handle(event.payload).await)
    }))
    .await
}
