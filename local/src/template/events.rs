//! What triggers a function: Kafka topics, queues, HTTP routes, schedules.

use std::time::Duration;

use super::error::TemplateError;
use super::section::Section;

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Topics of the MSK cluster.
    Kafka(KafkaMapping),
    /// A queue.
    Sqs(SqsMapping),
    /// A route of an HTTP API.
    Http(HttpRoute),
    /// A schedule expression, e.g. `rate(5 minutes)`.
    Schedule(String),
}

/// A Kafka event source mapping.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-msk-configure.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaMapping {
    /// Topics.
    pub topics: Vec<String>,
    /// Consumer group.
    pub group: String,
    /// Where a group without offsets begins.
    pub from_start: bool,
    /// Records of one invocation at most.
    pub batch_size: u32,
    /// How long a batch is gathered.
    pub window: Duration,
    /// Event pollers that are always there.
    pub pollers: u32,
    /// Retries of a failed batch; none: for ever.
    pub retries_max: Option<u32>,
    /// Age at which a failed record is given up; none: never.
    pub age_max: Option<Duration>,
    /// A failed batch is retried in halves.
    pub bisect: bool,
    /// The function names the records that failed.
    pub partial: bool,
}

/// A queue's event source mapping.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqsMapping {
    /// ARN of the queue.
    pub queue_arn: String,
    /// Messages of one invocation at most.
    pub batch_size: u32,
    /// How long a batch is gathered.
    pub window: Duration,
    /// The function names the messages that failed.
    pub partial: bool,
    /// Invocations at once, by this mapping.
    pub concurrency_max: Option<u32>,
}

/// A route of an HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRoute {
    /// Logical id of the API.
    pub api: String,
    /// Upper-case method, or `ANY`.
    pub method: String,
    /// Path with `{parameters}`.
    pub path: String,
}

/// Window of a Kafka mapping whose template sets none (AWS: 500 ms, reachable in no other way).
pub(super) const KAFKA_WINDOW_DEFAULT: Duration = Duration::from_millis(500);

/// Reads one entry of a function's `Events`.
///
/// # Errors
/// A kind or property that is not played here.
pub(super) fn read(section: &Section<'_>) -> Result<Event, TemplateError> {
    section.only(&["Type", "Properties"])?;
    let kind = section.need("Type")?.text()?;
    let properties = section.need("Properties")?;
    match kind.as_str() {
        "MSK" => kafka(&properties).map(Event::Kafka),
        "SQS" => sqs(&properties).map(Event::Sqs),
        "HttpApi" => http(&properties).map(Event::Http),
        "Schedule" => schedule(&properties).map(Event::Schedule),
        other => Err(section.error(format!("event type {other} is not played on one machine"))),
    }
}

fn kafka(section: &Section<'_>) -> Result<KafkaMapping, TemplateError> {
    section.only(&[
        "Stream",
        "Topics",
        "ConsumerGroupId",
        "StartingPosition",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "ProvisionedPollerConfig",
        "MaximumRetryAttempts",
        "MaximumRecordAgeInSeconds",
        "BisectBatchOnFunctionError",
        "FunctionResponseTypes",
        "Enabled",
    ])?;
    let pollers = section.get("ProvisionedPollerConfig").and_then(|it| it.get("MinimumPollers"));
    let age = limit(section, "MaximumRecordAgeInSeconds", 604_800)?;
    Ok(KafkaMapping {
        topics: section.need("Topics")?.texts()?,
        group: section.need("ConsumerGroupId")?.text()?,
        from_start: starting_position(section)?,
        batch_size: section.get("BatchSize").map_or(Ok(100), |it| it.number_in(1, 10_000))?,
        window: window(section)?.unwrap_or(KAFKA_WINDOW_DEFAULT),
        pollers: pollers.map_or(Ok(1), |it| it.number_in(1, 200))?,
        retries_max: limit(section, "MaximumRetryAttempts", 10_000)?,
        age_max: age.map(|seconds| Duration::from_secs(seconds.into())),
        bisect: section.get("BisectBatchOnFunctionError").map_or(Ok(false), |it| it.flag())?,
        partial: partial(section)?,
    })
}

fn starting_position(section: &Section<'_>) -> Result<bool, TemplateError> {
    let position = section.need("StartingPosition")?;
    match position.text()?.as_str() {
        "TRIM_HORIZON" => Ok(true),
        "LATEST" => Ok(false),
        other => Err(position.error(format!("starting position {other} is not played here"))),
    }
}

/// A limit whose -1, or absence, means none.
fn limit(section: &Section<'_>, key: &str, most: u32) -> Result<Option<u32>, TemplateError> {
    match section.get(key) {
        None => Ok(None),
        Some(limit) if limit.number()? == -1 => Ok(None),
        Some(limit) => limit.number_in(0, most).map(Some),
    }
}

fn window(section: &Section<'_>) -> Result<Option<Duration>, TemplateError> {
    let seconds =
        section.get("MaximumBatchingWindowInSeconds").map(|it| it.number_in(0, 300)).transpose()?;
    Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
}

fn partial(section: &Section<'_>) -> Result<bool, TemplateError> {
    let Some(types) = section.get("FunctionResponseTypes") else { return Ok(false) };
    match types.texts()?.as_slice() {
        [] => Ok(false),
        [only] if only == "ReportBatchItemFailures" => Ok(true),
        _ => Err(types.error("knows ReportBatchItemFailures only")),
    }
}

fn sqs(section: &Section<'_>) -> Result<SqsMapping, TemplateError> {
    section.only(&[
        "Queue",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "FunctionResponseTypes",
        "ScalingConfig",
        "Enabled",
    ])?;
    let concurrency = section.get("ScalingConfig").and_then(|it| it.get("MaximumConcurrency"));
    Ok(SqsMapping {
        queue_arn: section.need("Queue")?.text()?,
        batch_size: section.get("BatchSize").map_or(Ok(10), |it| it.number_in(1, 10_000))?,
        window: window(section)?.unwrap_or_default(),
        partial: partial(section)?,
        concurrency_max: concurrency.map(|it| it.number_in(2, 1_000)).transpose()?,
    })
}

fn http(section: &Section<'_>) -> Result<HttpRoute, TemplateError> {
    section.only(&[
        "ApiId",
        "Method",
        "Path",
        "Auth",
        "PayloadFormatVersion",
        "TimeoutInMillis",
    ])?;
    if let Some(version) = section.get("PayloadFormatVersion")
        && version.text()? != "2.0"
    {
        return Err(version.error("payload format 2.0 only"));
    }
    Ok(HttpRoute {
        api: section.need("ApiId")?.text()?,
        method: section.need("Method")?.text()?.to_uppercase(),
        path: section.need("Path")?.text()?,
    })
}

fn schedule(section: &Section<'_>) -> Result<String, TemplateError> {
    section.only(&["Schedule", "Enabled", "Name", "Description"])?;
    section.need("Schedule")?.text()
}
