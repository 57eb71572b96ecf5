//! Receipts whose submit result did not come within 72 h: dead letters, with what spoke against the
//! results that there are (design, section 7).
//!
//! `correlate` has told what could be told, so that here nothing is matched: a receipt that a result
//! fits, or that is nobody's for good, is left alone from now on.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;

use domain::config::{ReceiptsByProvider, receipts_of};
use domain::receipts::{Decision, Misfit, decide_each};
use platform::correlations::{Item, Place};
use platform::function::{self, Configurations, Decided, Outputs, Shell, Versions};
use wire::correlations::{FURTHER, RESULT, WaitingReceipt, due_hour};
use wire::provider_events::{ProviderEvent, SubmitResult};
use wire::topics::PROVIDER_EVENTS;

use crate::hours::hours;

/// The name of this program in records.
pub const BY: &str = "sweep";
/// Receipts that one run looks at, at most; the next run goes on.
const RUN_MAX: usize = 2_000;
/// Receipts that are looked at together.
const TOGETHER: usize = 100;

/// Table `correlations`.
pub trait Correlations {
    /// Receipts due in the hour named `due_hour` and not after `until_ms`; at most `limit`.
    fn due(
        &self,
        due_hour: &str,
        until_ms: u64,
        limit: usize,
    ) -> impl Future<Output = anyhow::Result<Vec<Place>>>;
    /// All items under these keys.
    fn query(&self, keys: &[String]) -> impl Future<Output = anyhow::Result<Vec<Item>>>;
    /// Nothing has to happen to an item any more.
    fn settle(&self, place: &Place) -> impl Future<Output = anyhow::Result<()>>;
}

/// This part of the function, over its ports.
#[derive(Debug)]
pub struct Receipts<T, V, O> {
    /// Table `correlations`.
    pub table: T,
    /// How providers write receipts, by configuration version.
    pub configurations: Configurations<V, ReceiptsByProvider>,
    /// Kafka, and the time of the pure code.
    pub shell: Shell<O>,
}

/// What is known under the keys that are looked at.
#[derive(Debug, Default)]
struct Known {
    results: HashMap<String, Vec<SubmitResult>>,
    receipts: HashMap<Place, WaitingReceipt>,
    versions: HashMap<u64, Arc<ReceiptsByProvider>>,
}

impl<T: Correlations, V: Versions, O: Outputs> Receipts<T, V, O> {
    /// One run at `now_ms`; tells how many receipts were looked at.
    ///
    /// # Errors
    /// DynamoDB or Kafka refused; the next run does it.
    pub async fn sweep(&self, now_ms: u64) -> anyhow::Result<usize> {
        let mut seen = 0;
        let work = async {
            for hour in hours(now_ms) {
                let name = due_hour(hour * 3_600_000);
                let due = self.table.due(&name, now_ms, RUN_MAX - seen).await?;
                for places in due.chunks(TOGETHER) {
                    self.give_up(places).await?;
                }
                seen += due.len();
                if seen >= RUN_MAX {
                    tracing::warn!(event = "receipts_unfinished", seen);
                    break;
                }
            }
            Ok(Decided::default())
        };
        self.shell.invoke(work).await?;
        tracing::info!(event = "receipts_swept", seen);
        Ok(seen)
    }

    /// First the letters, confirmed; then they are done with.
    async fn give_up(&self, places: &[Place]) -> anyhow::Result<()> {
        let known = self.known(places).await?;
        let mut decided = Decided::default();
        for (place, waiting) in places.iter().filter_map(|it| Some((it, known.receipts.get(it)?))) {
            let at = function::Place { topic: PROVIDER_EVENTS, origin: waiting.origin };
            let reason = match self.shell.pure(at, || Ok(known.misfit(place, waiting))) {
                Ok(None) => continue,
                Ok(Some(misfit)) => format!("after 72 hours: {misfit}"),
                Err(reason) => reason,
            };
            let value = wire::encode(&ProviderEvent::Receipt(waiting.receipt.clone()));
            let key = waiting.receipt.key().into_bytes();
            decided.outputs.push(self.shell.dead_letter(at, key, value, reason));
        }
        self.shell.publish_now(&mut decided).await?;
        for place in places {
            self.table.settle(place).await?;
        }
        Ok(())
    }

    async fn known(&self, places: &[Place]) -> anyhow::Result<Known> {
        let keys: BTreeSet<&String> = places.iter().map(|place| &place.key).collect();
        let keys: Vec<String> = keys.into_iter().cloned().collect();
        let mut known = Known::default();
        for item in self.table.query(&keys).await? {
            known.absorb(item);
        }
        let results = known.results.values().flatten();
        let versions: BTreeSet<u64> = results.map(|result| result.config).collect();
        for version in versions {
            if let Some(receipts) = self.configurations.get(version).await? {
                known.versions.insert(version, receipts);
            }
        }
        Ok(known)
    }
}

impl Known {
    fn absorb(&mut self, item: Item) {
        let Item { place, data, .. } = item;
        if place.item == RESULT || place.item.starts_with(FURTHER) {
            let result = wire::decode(data.as_bytes()).ok();
            self.results.entry(place.key).or_default().extend(result);
        } else if let Ok(receipt) = wire::decode(data.as_bytes()) {
            self.receipts.insert(place, receipt);
        }
    }

    /// Why none of the results is the receipt's; none: one is, or `correlate` gave it up.
    fn misfit(&self, place: &Place, waiting: &WaitingReceipt) -> Option<Misfit> {
        let results = self.results.get(&place.key).into_iter().flatten();
        let judged = |result: &'_ SubmitResult| {
            let known = self.versions.get(&result.config).map(AsRef::as_ref);
            receipts_of(known, &result.provider)
        };
        let candidates: Vec<_> =
            results.map(|result| (result.candidate(), judged(result))).collect();
        match decide_each(&waiting.receipt.claim(), &candidates) {
            Decision::Waits(misfit) => Some(misfit),
            Decision::Matched(_) | Decision::Ambiguous(_) | Decision::Refused(_) => None,
        }
    }
}
