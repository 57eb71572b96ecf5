//! Lambda `assemble`: settings, clients, run.

use assemble::adapters::BothTopics;
use assemble::handler::Handler;
use assemble::held::Source;
use assemble::settings::Environment;
use assemble::store::DynamoStore;
use platform::function::serve;
use platform::kafka::{Batch, CommittedProgress, KafkaSettings};
use platform::queue::DelayQueue;
use platform::settings::exit_on_error;
use platform::time_limit::TimeLimit;
use serde_json::value::RawValue;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    platform::telemetry::start();
    let environment = exit_on_error(Environment::read());
    let limit = exit_on_error(TimeLimit::from_environment());
    let kafka = exit_on_error(KafkaSettings::from_environment().await);
    let dynamodb = platform::aws::dynamodb().await;
    let sqs = platform::aws::sqs().await;
    let progress =
        |group: &str, source: Source| CommittedProgress::new(&kafka, group, source.topic());
    let handler = Handler {
        store: DynamoStore::new(dynamodb, environment.table, environment.join.keep_ms),
        delays: DelayQueue::new(sqs, environment.queue),
        outputs: Batch::new(&kafka, environment.publish_timeout)?,
        progress: BothTopics {
            customers: progress(&environment.group, Source::Customers)?,
            handsets: progress(&environment.handsets_group, Source::Handsets)?,
        },
        limit,
        settings: environment.join,
        now_ms: platform::clock::unix_ms,
        new_writer: || uuid::Uuid::now_v7().simple().to_string(),
    };
    serve(async |event: &RawValue| handler.handle(serde_json::from_str(event.get())?).await).await
}
