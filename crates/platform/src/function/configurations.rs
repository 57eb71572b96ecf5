//! Compiled configurations by version. Versions are immutable, so what was compiled stays true;
//! only the few last used are kept.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use domain::config::Document;

use crate::config_store::{ConfigStore, NoSuchVersion};

/// Table `config`, as a function needs it. An error fails the batch, which is retried for as long as
/// it takes.
pub trait Versions {
    /// The document of a version; none if that version was never written.
    fn load(
        &self,
        version: u64,
    ) -> impl Future<Output = anyhow::Result<Option<Arc<Document>>>> + Send;
}

impl Versions for ConfigStore {
    async fn load(&self, version: u64) -> anyhow::Result<Option<Arc<Document>>> {
        match Self::load(self, version).await {
            Ok(document) => Ok(Some(document)),
            Err(error) if error.is::<NoSuchVersion>() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Which configuration version is in force.
pub trait Current {
    /// Its number; none before the first.
    fn current(&self) -> impl Future<Output = anyhow::Result<Option<u64>>>;
}

impl Current for ConfigStore {
    async fn current(&self) -> anyhow::Result<Option<u64>> {
        Self::current(self).await
    }
}

/// Messages in flight name two or three versions; a fifth pushes out the one not used longest.
const KEPT: usize = 4;

/// The cache: of each version what `compile` makes of its document.
#[derive(Debug)]
pub struct Configurations<V, C> {
    versions: V,
    compile: fn(&Document) -> C,
    /// The last used last.
    kept: Mutex<Vec<(u64, Arc<C>)>>,
}

impl<V: Versions, C> Configurations<V, C> {
    /// Nothing kept yet.
    pub fn new(versions: V, compile: fn(&Document) -> C) -> Self {
        Self { versions, compile, kept: Mutex::new(Vec::new()) }
    }

    /// A version, compiled; none if it was never written.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn get(&self, version: u64) -> anyhow::Result<Option<Arc<C>>> {
        if let Some(found) = self.recall(version) {
            return Ok(Some(found));
        }
        let Some(document) = self.versions.load(version).await? else { return Ok(None) };
        let compiled = Arc::new((self.compile)(&document));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((version, compiled.clone()));
        Ok(Some(compiled))
    }

    fn recall(&self, version: u64) -> Option<Arc<C>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().rposition(|(number, _)| *number == version)?;
        if place + 1 != kept.len() {
            let found = kept.remove(place);
            kept.push(found);
        }
        kept.last().map(|(_, configuration)| configuration.clone())
    }
}
