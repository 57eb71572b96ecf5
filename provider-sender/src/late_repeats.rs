//! Looks up, in table `messages`, whether an attempt was sent before: for messages that took longer
//! to come here than the slot's set of repeats reaches back (design, section 6).

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use domain::id::MessageId;
use platform::clock::unix_ms;
use platform::kafka::{CommittedProgress, KafkaSettings};
use platform::messages::MessagesTable;
use tokio::sync::Mutex;
use uuid::Uuid;
use wire::message_events::{Happened, MessageEvent};
use wire::topics::{MESSAGE_EVENTS, PROVIDER_EVENTS};

use crate::settings::Settings;

/// What was intended is answered or given up, and published, long before so much time has passed.
const PUBLISHED_AFTER_MS: u64 = 600_000;
const LOOK_EVERY: Duration = Duration::from_millis(500);
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// Where late messages are looked up.
#[derive(Debug, Clone)]
pub struct LateRepeats {
    messages: MessagesTable,
    correlate: CommittedProgress,
    record: CommittedProgress,
    /// Everything that was published before this time (Unix ms) is in the table. One asks at a time.
    recorded_ms: Arc<Mutex<u64>>,
}

impl LateRepeats {
    /// Reads the table that `settings` name.
    ///
    /// # Errors
    /// A setting of Kafka is wrong.
    pub fn new(kafka: &KafkaSettings, client: Client, settings: &Settings) -> anyhow::Result<Self> {
        let (correlate, record) = (&settings.correlate_group, &settings.record_group);
        Ok(Self {
            messages: MessagesTable::new(client, settings.messages_table.clone()),
            correlate: CommittedProgress::new(kafka, correlate, PROVIDER_EVENTS)?,
            record: CommittedProgress::new(kafka, record, MESSAGE_EVENTS)?,
            recorded_ms: Arc::default(),
        })
    }

    /// Whether a sender had this attempt before `before_ms` (Unix ms). Answers once everything
    /// from before that time is in the table, however long that takes.
    pub async fn was_read(&self, message: Uuid, attempt: u16, before_ms: u64) -> bool {
        let message = MessageId::from(message);
        loop {
            match self.look(message, attempt, before_ms).await {
                Ok(was_read) => {
                    tracing::debug!(event = "late_message_looked_up", %message, attempt, was_read);
                    return was_read;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(event = "late_message_waits", %message, attempt, error);
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    async fn look(&self, message: MessageId, attempt: u16, before_ms: u64) -> anyhow::Result<bool> {
        self.recorded(unix_ms().min(before_ms.saturating_add(PUBLISHED_AFTER_MS))).await?;
        let journey = self.messages.journey(message.into()).await?;
        Ok(journey.is_some_and(|journey| tells_of(&journey.events, attempt)))
    }

    /// Waits until everything that was published before `until_ms` is in the table.
    async fn recorded(&self, until_ms: u64) -> anyhow::Result<()> {
        let mut recorded_ms = self.recorded_ms.lock().await;
        if *recorded_ms < until_ms {
            let now_ms = unix_ms();
            wait_for(&self.correlate, now_ms).await?;
            wait_for(&self.record, unix_ms()).await?;
            *recorded_ms = now_ms;
        }
        Ok(())
    }
}

/// Until the group has read what stands on its topic now.
async fn wait_for(group: &CommittedProgress, now_ms: u64) -> anyhow::Result<()> {
    while !group.reached_everywhere(now_ms).await? {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Whether a sender has begun this attempt: anything became of it at a provider, or of a later one.
/// The edge's doubts, which name no provider, are about the acceptance.
fn tells_of(events: &[MessageEvent<'_>], attempt: u16) -> bool {
    let became = |happened| {
        matches!(
            happened,
            Happened::Submitted
                | Happened::Rejected
                | Happened::Failed
                | Happened::Doubt
                | Happened::Progress
                | Happened::Delivered
                | Happened::Undelivered
        )
    };
    let attempt = u32::from(attempt);
    events.iter().any(|event| match event.attempt {
        its if its == attempt => event.provider.is_some() && became(event.happened),
        its => its > attempt,
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use domain::id::{CustomerId, ProviderId};

    use super::*;

    fn event(happened: Happened, attempt: u32) -> MessageEvent<'static> {
        let (id, customer) = (MessageId::from(Uuid::from_u128(1)), CustomerId::from("acme"));
        let (event, customer) = (id.event("test", attempt), Cow::Owned(customer));
        let provider = Some(Cow::Owned(ProviderId::from("alpha")));
        let new = MessageEvent::new(event, id, customer, happened, "test", 1);
        MessageEvent { attempt, provider, ..new }
    }

    #[test]
    fn what_became_of_an_attempt_shows_that_it_was_read() {
        use Happened::{Accepted, Delivered, Doubt, Rejected, Retried, Routed, Submitted};
        let accepted_and = |happened, attempt| [event(Accepted, 0), event(happened, attempt)];
        for happened in [Submitted, Rejected, Doubt, Delivered] {
            assert!(tells_of(&accepted_and(happened, 1), 1), "{happened:?}");
            assert!(!tells_of(&accepted_and(happened, 0), 1), "{happened:?} of the one before");
            assert!(tells_of(&accepted_and(happened, 2), 1), "{happened:?} of the next one");
        }
        for happened in [Routed, Retried] {
            assert!(!tells_of(&accepted_and(happened, 1), 1), "{happened:?} is before the sender");
        }
        assert!(!tells_of(&[], 0));
        let of_the_edge = MessageEvent { provider: None, ..event(Doubt, 0) };
        assert!(!tells_of(&[of_the_edge], 0), "it may never have come to a sender");
    }
}
