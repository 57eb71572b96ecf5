//! The store in memory, for tests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::ports::Store;
use crate::run::{Put, Stored};

/// Items by key, each with its last writer.
#[derive(Debug, Default)]
pub struct MemoryStore {
    items: Mutex<HashMap<String, (Stored, String)>>,
}

impl Store for MemoryStore {
    async fn read(&self, keys: &[String]) -> anyhow::Result<HashMap<String, Stored>> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let found = |key: &String| Some((key.clone(), items.get(key)?.0.clone()));
        Ok(keys.iter().filter_map(found).collect())
    }

    async fn write(&self, puts: Vec<Put>, writer: &str) -> anyhow::Result<Vec<bool>> {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let mut write = |put: Put| {
            let (version, last) =
                items.get(&put.key).map_or((0, ""), |(stored, last)| (stored.version, last));
            let next = put.read_version + 1;
            let made = version == put.read_version || (version == next && last == writer);
            if made {
                items.insert(put.key, (Stored { version: next, item: put.item }, writer.into()));
            }
            made
        };
        Ok(puts.into_iter().map(&mut write).collect())
    }
}
