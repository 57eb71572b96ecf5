//! Lambda's runtime around a function: one invocation after the other.

use std::future::Future;
use std::pin::Pin;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

type Answered<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Box<RawValue>>> + 'a>>;

/// Serves invocations until the environment is ended: `handle` gets an event's JSON. What fails is told
/// with all its causes.
///
/// # Errors
/// The runtime API cannot be reached.
pub async fn serve<R: Serialize>(
    handle: impl AsyncFn(&RawValue) -> anyhow::Result<R>,
) -> anyhow::Result<()> {
    let handle = &handle;
    let invoke = |event: Box<RawValue>| -> Answered<'_> {
        Box::pin(async move { Ok(to_raw_value(&handle(&event).await?)?) })
    };
    run(&invoke).await.map_err(anyhow::Error::from_boxed)
}

/// Apart and not generic, so that the runtime is compiled once and not for every function.
async fn run<'a>(invoke: &'a dyn Fn(Box<RawValue>) -> Answered<'a>) -> Result<(), Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        invoke(event.payload).await.map_err(|error| Error::from(format!("{error:#}")))
    }))
    .await
}
