//! The port that DynamoDB stands behind.

use std::collections::HashMap;

use platform::opt_outs::{Key, OptOutsTable, Stored};

use crate::ports::OptOuts;

impl OptOuts for OptOutsTable {
    async fn read(&self, keys: &[Key]) -> anyhow::Result<HashMap<Key, Stored>> {
        Self::read(self, keys).await
    }
}
