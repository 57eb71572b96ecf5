//! The ports that DynamoDB and SQS stand behind.

use std::collections::HashMap;

use anyhow::bail;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use platform::opt_outs::{Key, OptOutsTable, Stored};
use platform::scheduled::{self, Hints, Store};
use scheduling::Step;
use scheduling::park::{Parked, Parking};

use crate::ports::{OptOuts, Schedule};

/// Parkings of one batch at a time.
const AT_ONCE: usize = 16;

impl OptOuts for OptOutsTable {
    async fn read(&self, keys: &[Key]) -> anyhow::Result<HashMap<Key, Stored>> {
        Self::read(self, keys).await
    }
}

impl<T: Store + Sync, Q: Hints + Sync> Schedule for scheduled::Schedule<T, Q> {
    async fn park(&self, parkings: &mut [Parking]) -> anyhow::Result<Vec<Parked>> {
        let each: Vec<_> = parkings.iter_mut().map(|parking| one(self, parking)).collect();
        stream::iter(each).buffered(AT_ONCE).try_collect().await
    }
}

async fn one<T: Store + Sync, Q: Hints + Sync>(
    schedule: &scheduled::Schedule<T, Q>,
    parking: &mut Parking,
) -> anyhow::Result<Parked> {
    match schedule.go_on(parking).await? {
        Step::Done(parked) => Ok(parked),
        _ => bail!("a parking asks for what it does not need"),
    }
}
