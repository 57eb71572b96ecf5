//! Lambda `dispatch`: settings, clients, run.

use dispatch::cache::Cached;
use dispatch::decide::BY;
use dispatch::handler::Handler;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::deliveries::{Binds, Mailboxes};
use platform::function::{Event, PUBLISH_TIMEOUT, Shell};
use platform::kafka::KafkaSettings;
use platform::settings::{exit_on_error, required};
use serde_json::value::RawValue;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let binds = exit_on_error(required("TABLE_CUSTOMER_BINDS", "table of who is bound where"));
    let nodes = exit_on_error(required("TABLE_EDGE_NODES", "table of the edge's nodes"));
    let mailboxes = exit_on_error(required("TABLE_MAILBOXES", "table of what waits"));
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let handler = Handler {
        presence: Cached::new(Binds::new(dynamodb.clone(), binds, nodes)),
        mailbox: Mailboxes::new(dynamodb, mailboxes),
        shell: Shell::new(BY, &kafka, PUBLISH_TIMEOUT)?,
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let event: Event<'_> = serde_json::from_str(event.payload.get())?;
        let done = handler.handle(&event).await;
        done.map_err(|error| lambda_runtime::Error::from(format!("{error:#}")))
    }))
    .await
}
