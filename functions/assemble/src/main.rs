//! Lambda `assemble`: settings, clients, run.

use assemble::handler::{Event, Handler};
use assemble::settings::Environment;
use assemble::store::DynamoStore;
use lambda_runtime::{LambdaEvent, service_fn};
use platform::kafka::{Batch, CommittedProgress, KafkaSettings};
use platform::queue::DelayQueue;
use platform::settings::exit_on_error;
use platform::time_limit::TimeLimit;
use wire::topics::CUSTOMER_INCOMING_MESSAGE_PARTS;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let environment = exit_on_error(Environment::read());
    let limit = exit_on_error(TimeLimit::from_environment());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let sqs = platform::aws::sqs().await;
    let handler = Handler {
        store: DynamoStore::new(dynamodb, environment.table, environment.join.keep_ms),
        delays: DelayQueue::new(sqs, environment.queue),
        outputs: Batch::new(&kafka, environment.publish_timeout)?,
        progress: CommittedProgress::new(
            &kafka,
            &environment.group,
            CUSTOMER_INCOMING_MESSAGE_PARTS,
        )?,
        limit,
        settings: environment.join,
        now_ms: platform::clock::unix_ms,
        new_writer: || uuid::Uuid::now_v7().simple().to_string(),
    };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        handler.handle(event.payload).await.map_err(|error| format!("{error:#}"))
    }))
    .await
}
