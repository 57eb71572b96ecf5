//! The ports over Kafka and DynamoDB.

use std::sync::Arc;

use domain::config::Document;
use platform::config_store::{ConfigStore, NoSuchVersion};
use platform::kafka::Batch;

use crate::output::Output;
use crate::ports::{Outputs, Versions};

impl Versions for ConfigStore {
    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        match Self::load(self, version).await {
            Ok(document) => Ok(Some(document)),
            Err(error) if error.is::<NoSuchVersion>() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Outputs for Batch {
    fn begin(&self) {
        Self::begin(self);
    }

    async fn publish(&self, output: &Output) -> anyhow::Result<()> {
        let Output { topic, partition, key, value } = output;
        Ok(Self::publish(self, topic, *partition, key.as_bytes(), value).await?)
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(Self::flush(self).await?)
    }

    async fn abandon(&self) {
        Self::abandon(self).await;
    }
}
