//! Lambda `configure`: settings, clients, run.

use std::convert::Infallible;
use std::time::Duration;

use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use configure::adapters::{Kafka, Reading};
use configure::handler::Handler;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::config_store::ConfigStore;
use platform::kafka::{Admin, Batch, KafkaSettings, Reader};
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
    let settings = exit_on_error(KafkaSettings::from_environment().await);
    let handler = Handler {
        store: ConfigStore::new(platform::aws::dynamodb().await, table),
        kafka: Kafka {
            admin: Admin::new(&settings)?,
            batch: Batch::new(&settings, PUBLISH_TIMEOUT)?,
            reading: Reading::new(Reader::new(&settings, READERS_GROUP)?),
        },
        now_ms: platform::clock::unix_ms,
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
        Ok::<_, Infallible>(handler.handle(event.payload).await)
    }))
    .await
}
