//! A service refuses to start on a topic that could lose what was acknowledged (design, section 3).

use std::time::Duration;

use anyhow::Context as _;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::client::{Context, KafkaSettings};

/// A topic that is weaker than the promise needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "topic {topic}: {what}; acknowledged messages could be lost. Raise it, or on one machine only \
     set KAFKA_ALLOW_SINGLE_BROKER=true"
)]
pub struct TopicUnsafe {
    topic: String,
    what: String,
}

const REPLICAS_MIN: usize = 3;
const IN_SYNC_MIN: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(15);

/// Checks that each topic exists, has three replicas, two in sync at least, and no unclean
/// election. With `allow_single_broker` only existence is checked. Blocks the thread.
///
/// # Errors
/// A topic is missing or weaker, or Kafka does not answer.
pub async fn check_topics(settings: &KafkaSettings, topics: &[String]) -> anyhow::Result<()> {
    if topics.is_empty() {
        return Ok(());
    }
    let consumer: BaseConsumer<Context> =
        settings.client().create_with_context(settings.context())?;
    // The client asks for its IAM token when it is polled, and only then.
    if let Some(Err(error)) = consumer.poll(Duration::ZERO) {
        tracing::debug!(event = "topics_checked_idle", %error);
    }
    for topic in topics {
        let metadata = consumer
            .fetch_metadata(Some(topic), PATIENCE)
            .with_context(|| format!("Kafka does not tell about topic {topic}"))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = found.map(|found| found.partitions()).unwrap_or_default();
        anyhow::ensure!(
            !partitions.is_empty(),
            "topic {topic} does not exist; create it (configure does for providers' topics)"
        );
        let replicas = partitions.iter().map(|p| p.replicas().len()).min().unwrap_or(0);
        if !settings.allow_single_broker && replicas < REPLICAS_MIN {
            let what = format!("has {replicas} replicas, {REPLICAS_MIN} are needed");
            return Err(TopicUnsafe { topic: topic.clone(), what }.into());
        }
    }
    if settings.allow_single_broker {
        return Ok(());
    }
    check_settings(settings, topics).await
}

async fn check_settings(settings: &KafkaSettings, topics: &[String]) -> anyhow::Result<()> {
    let admin: AdminClient<Context> = settings.client().create_with_context(settings.context())?;
    let wanted: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let answers = admin.describe_configs(&wanted, &options).await?;
    for (topic, answer) in topics.iter().zip(answers) {
        let entries = answer.map_err(|code| anyhow::anyhow!("topic {topic}: {code}"))?;
        let value = |name| entries.get(name).and_then(|entry| entry.value.clone());
        let in_sync = value("min.insync.replicas").and_then(|v| v.parse().ok()).unwrap_or(1);
        let what = if in_sync < IN_SYNC_MIN {
            format!("min.insync.replicas is {in_sync}, {IN_SYNC_MIN} are needed")
        } else if value("unclean.leader.election.enable").as_deref() == Some("true") {
            "unclean.leader.election.enable is on".to_owned()
        } else {
            continue;
        };
        return Err(TopicUnsafe { topic: topic.clone(), what }.into());
    }
    Ok(())
}
