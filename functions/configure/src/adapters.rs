//! The ports over DynamoDB and Kafka.

use std::sync::Arc;

use domain::config::{Document, SlotLedger};
use platform::config_store::{ConfigStore, NoSuchVersion, Outdated};
use platform::kafka::{Admin, Batch, TopicNeed};
use wire::submit_journal::Body;
use wire::topics::SUBMIT_JOURNAL;

use crate::ports::{Applied, Store, Topics};

impl Store for ConfigStore {
    async fn current(&self) -> anyhow::Result<Option<u64>> {
        Self::current(self).await
    }

    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        match Self::load(self, version).await {
            Ok(document) => Ok(Some(document)),
            Err(error) if error.is::<NoSuchVersion>() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn slots(&self, version: u64) -> anyhow::Result<SlotLedger> {
        Self::slots(self, version).await
    }

    async fn apply(
        &self,
        previous: Option<u64>,
        document: &Document,
        writer: &str,
    ) -> anyhow::Result<Applied> {
        match Self::apply(self, previous, document, writer).await {
            Ok(version) => Ok(Applied::Version(version)),
            Err(error) => match error.downcast::<Outdated>() {
                Ok(outdated) => Ok(Applied::Outdated(outdated.current)),
                Err(error) => Err(error),
            },
        }
    }
}

/// Kafka.
#[derive(Debug)]
pub struct Kafka {
    /// To make topics.
    pub admin: Admin,
    /// To write first positions.
    pub batch: Batch,
}

impl Topics for Kafka {
    async fn ensure(&self, needs: &[TopicNeed]) -> anyhow::Result<()> {
        self.admin.ensure(needs).await
    }

    async fn found_journals(&self, slots: &[u32]) -> anyhow::Result<()> {
        self.batch.begin();
        let result = match self.write_positions(slots).await {
            Ok(()) => self.batch.flush().await.map_err(Into::into),
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.batch.abandon().await;
        }
        result
    }
}

impl Kafka {
    /// A journal without a record has never had an owner: a slot number is never used twice. Two
    /// first positions, of a repeat, say the same.
    async fn write_positions(&self, slots: &[u32]) -> anyhow::Result<()> {
        let first = Body::Position(Box::default()).encode()?;
        for slot in slots {
            let partition = i32::try_from(*slot)?;
            if self.admin.end(SUBMIT_JOURNAL, partition).await? == 0 {
                self.batch.publish(SUBMIT_JOURNAL, Some(partition), &[], &first).await?;
            }
        }
        Ok(())
    }
}
