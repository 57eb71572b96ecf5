//! Compiled configurations by version. Versions are immutable, so what was compiled stays true;
//! only the few last used are kept.

use std::sync::{Arc, Mutex, PoisonError};

use domain::config::Document;
use domain::message::Priority;
use domain::routing::Router;
use wire::topics::provider_outgoing;

use crate::ports::Versions;

/// Messages in flight name two or three versions; a fifth pushes out the one not used longest.
const KEPT: usize = 4;

/// One version, made for routing.
#[derive(Debug)]
pub struct Configuration {
    /// The routing table.
    pub router: Router,
    /// Per outlet of the router and priority: the name of the topic.
    topics: Vec<[Arc<str>; Priority::ALL.len()]>,
}

impl Configuration {
    /// Compiles a document.
    #[must_use]
    pub fn compile(document: &Document) -> Self {
        let router = Router::compile(document);
        let of = |outlet: &domain::routing::Outlet| {
            Priority::ALL.map(|priority| provider_outgoing(&outlet.provider, priority).into())
        };
        let topics = router.outlets().iter().map(of).collect();
        Self { router, topics }
    }

    /// The topic of an outlet's queue.
    #[must_use]
    pub fn topic(&self, outlet: usize, priority: Priority) -> Arc<str> {
        self.topics[outlet][priority as usize].clone()
    }
}

/// The cache.
#[derive(Debug)]
pub struct Configurations<V> {
    versions: V,
    /// The last used last.
    kept: Mutex<Vec<(u64, Arc<Configuration>)>>,
}

impl<V: Versions> Configurations<V> {
    /// Nothing kept yet.
    pub fn new(versions: V) -> Self {
        Self { versions, kept: Mutex::new(Vec::new()) }
    }

    /// A version, compiled; none if it was never written.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn get(&self, version: u64) -> anyhow::Result<Option<Arc<Configuration>>> {
        if let Some(found) = self.recall(version) {
            return Ok(Some(found));
        }
        let Some(document) = self.versions.load(version).await? else { return Ok(None) };
        let compiled = Arc::new(Configuration::compile(&document));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((version, compiled.clone()));
        Ok(Some(compiled))
    }

    fn recall(&self, version: u64) -> Option<Arc<Configuration>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().rposition(|(number, _)| *number == version)?;
        if place + 1 != kept.len() {
            let found = kept.remove(place);
            kept.push(found);
        }
        kept.last().map(|(_, configuration)| configuration.clone())
    }
}
