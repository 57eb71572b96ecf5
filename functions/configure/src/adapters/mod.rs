//! The ports over DynamoDB and Kafka.

mod dead_letters;
mod journals;
mod messages;

use std::sync::{Arc, Mutex, PoisonError};

use domain::config::{Document, SlotLedger};
use platform::config_store::{ConfigStore, NoSuchVersion, Outdated};
use platform::kafka::{Admin, Batch, Reader, TopicNeed};
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
    /// To write first positions, resolutions and what is redriven.
    pub batch: Batch,
    /// To read journals and dead letters.
    pub reading: Reading,
}

/// A reader for one use at a time.
#[derive(Debug, Clone)]
pub struct Reading(Arc<Mutex<Reader>>);

impl Reading {
    /// Over `reader`.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self(Arc::new(Mutex::new(reader)))
    }

    /// Reads on a thread that may block. An invocation that was given up may still be at it: the
    /// next one waits.
    async fn with<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let reader = self.0.clone();
        let on_its_thread = move || read(&reader.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(on_its_thread).await?
    }
}

impl Topics for Kafka {
    async fn ensure(&self, needs: &[TopicNeed]) -> anyhow::Result<()> {
        self.admin.ensure(needs).await
    }

    async fn found_journals(&self, slots: &[u32]) -> anyhow::Result<()> {
        self.confirmed(self.write_positions(slots)).await
    }
}

impl Kafka {
    /// What `publish` hands to the batch, stored on all in-sync replicas.
    async fn confirmed(
        &self,
        publish: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        self.batch.begin();
        let result = match publish.await {
            Ok(()) => self.batch.flush().await.map_err(Into::into),
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.batch.abandon().await;
        }
        result
    }

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
