//! Lambda `dispatch`: settings, clients, run.

use dispatch::cache::Cached;
use dispatch::decide::BY;
use dispatch::handler::Handler;
use platform::deliveries::{Binds, Mailboxes};
use platform::function::{PUBLISH_TIMEOUT, Shell, serve};
use platform::kafka::KafkaSettings;
use platform::settings::{exit_on_error, required};
use serde_json::value::RawValue;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
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
    serve(async |event: &RawValue| handler.handle(&serde_json::from_str(event.get())?).await).await
}
