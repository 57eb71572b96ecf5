//! Lambda `sweep`: settings, clients, run.

use lambda_runtime::{LambdaEvent, service_fn};
use platform::queue::DelayQueue;
use platform::settings::{SettingError, exit_on_error, required};
use serde::de::IgnoredAny;
use sweep::adapters::AssembliesTable;
use sweep::handler::sweep;

fn settings() -> Result<(String, String), SettingError> {
    Ok((
        required("TABLE_ASSEMBLIES", "the table of open assemblies")?,
        required("QUEUE_ASSEMBLY_DEADLINES", "URL of the queue of deadlines")?,
    ))
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    platform::telemetry::start();
    let (table, queue) = exit_on_error(settings());
    let index = AssembliesTable::new(platform::aws::dynamodb().await, table);
    let queue = DelayQueue::new(platform::aws::sqs().await, queue);
    let (index, queue) = (&index, &queue);
    lambda_runtime::run(service_fn(|_: LambdaEvent<IgnoredAny>| async move {
        let swept = sweep(index, queue, platform::clock::unix_ms()).await;
        swept.map(|_| ()).map_err(|error| format!("{error:#}"))
    }))
    .await
}
