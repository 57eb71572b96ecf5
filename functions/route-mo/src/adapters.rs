//! The port that DynamoDB stands behind.

use std::collections::HashMap;

use platform::opt_outs::{Key, OptOutsTable, Put, Stored};

use crate::ports::OptOuts;

impl OptOuts for OptOutsTable {
    async fn read(&self, keys: &[Key]) -> anyhow::Result<HashMap<Key, Stored>> {
        Self::read(self, keys).await
    }

    async fn write(&self, puts: &[Put], writer: &str) -> anyhow::Result<Vec<bool>> {
        Self::write(self, puts, writer).await
    }
}
