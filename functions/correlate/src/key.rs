//! What is known under one key, and the items that stand for it in the table.

use std::collections::BTreeMap;

use platform::correlations::{self, Item};
use platform::function::Place;
use wire::V;
use wire::correlations::{
    FURTHER, MORE, RECEIPT, RESULT, WAITING, WaitingReceipt, further_result, mark_kept_until_ms,
    receipt_item, result_kept_until_ms,
};
use wire::provider_events::{ProviderReceipt, SubmitResult};

/// What is known under one key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Key<'e> {
    /// Results of the batch, in the order of the log, each with the name of its item.
    pub(crate) sent: Vec<(Place<'e>, SubmitResult, String)>,
    /// Receipts of the batch that found no result yet.
    pub(crate) open: Vec<(Place<'e>, ProviderReceipt)>,
    /// Results in the table, by the name of their item.
    pub(crate) stored: BTreeMap<String, SubmitResult>,
    /// There are further results.
    pub(crate) more: bool,
    /// Receipts wait, or waited.
    pub(crate) waits: bool,
    /// These, by the name of their item.
    pub(crate) waiting: BTreeMap<String, WaitingReceipt>,
}

impl<'e> Key<'e> {
    pub(crate) fn results(&self) -> impl Iterator<Item = &SubmitResult> {
        self.stored.values().chain(self.sent.iter().map(|(_, result, _)| result))
    }

    pub(crate) fn looks_for_more(&self) -> bool {
        (self.waits && !self.sent.is_empty()) || (self.more && !self.open.is_empty())
    }

    /// What is in the table. An item that cannot be read was not written by us.
    pub(crate) fn absorb(&mut self, item: &Item) {
        let name = item.place.item.as_str();
        let data = item.data.as_bytes();
        let read = match name {
            MORE => {
                self.more = true;
                Ok(())
            }
            WAITING => {
                self.waits = true;
                Ok(())
            }
            RESULT => wire::decode(data).map(|it| drop(self.stored.insert(name.into(), it))),
            _ if name.starts_with(FURTHER) => {
                wire::decode(data).map(|it| drop(self.stored.insert(name.into(), it)))
            }
            _ if name.starts_with(RECEIPT) => {
                wire::decode(data).map(|it| drop(self.waiting.insert(name.into(), it)))
            }
            _ => Ok(()),
        };
        if let Err(error) = read {
            tracing::error!(event = "correlation_unreadable", place = ?item.place, %error);
        }
    }

    /// The first result under the key has the fixed name, by whichever run it was given.
    pub(crate) fn name_results(&mut self) {
        let mut first = self.stored.get(RESULT).map(|result| (result.part, result.attempt));
        for (_, result, item) in &mut self.sent {
            let this = (result.part, result.attempt);
            *item = match *first.get_or_insert(this) {
                first if first == this => RESULT.to_owned(),
                _ => further_result(result.part, result.attempt),
            };
        }
    }

    /// Results of the batch that may not be in the table. A further one counts only with its mark,
    /// which may be missing: it is written again.
    fn unwritten(&self) -> impl Iterator<Item = &(Place<'e>, SubmitResult, String)> {
        self.sent.iter().filter(|(_, _, item)| item != RESULT || !self.stored.contains_key(RESULT))
    }

    /// The result that is written after `rank` others, with the mark that it needs.
    pub(crate) fn result_items(&self, key: &str, rank: usize) -> Vec<Item> {
        let Some((_, result, item)) = self.unwritten().nth(rank) else { return Vec::new() };
        let mut items = vec![stored_result(key, item, result)];
        if item.starts_with(FURTHER) {
            items.push(mark(key, MORE, result.at_ms));
        }
        items
    }

    /// Receipts that wait, and their mark. A repeat of a receipt is the same item.
    pub(crate) fn waiting_items(&self, key: &str) -> Vec<Item> {
        let mut items = BTreeMap::new();
        for (Place { origin, .. }, receipt) in &self.open {
            let name = receipt_item(receipt);
            let waiting = WaitingReceipt { v: V, receipt: receipt.clone(), origin: *origin };
            let mark = mark(key, WAITING, receipt.arrived_ms);
            let item = Item {
                place: place(key, &name),
                data: json(&waiting),
                due_ms: Some(waiting.due_ms()),
                kept_until_ms: waiting.kept_until_ms(),
            };
            items.insert(name, item);
            items.insert(WAITING.to_owned(), mark);
        }
        items.into_values().collect()
    }
}

pub(crate) fn place(key: &str, item: &str) -> correlations::Place {
    correlations::Place { key: key.to_owned(), item: item.to_owned() }
}

fn mark(key: &str, item: &str, at_ms: u64) -> Item {
    let kept_until_ms = mark_kept_until_ms(at_ms);
    Item { place: place(key, item), data: String::new(), due_ms: None, kept_until_ms }
}

fn stored_result(key: &str, item: &str, result: &SubmitResult) -> Item {
    let kept_until_ms = result_kept_until_ms(result);
    Item { place: place(key, item), data: json(result), due_ms: None, kept_until_ms }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    // serde_json writes UTF-8 only.
    String::from_utf8(wire::encode(value)).unwrap_or_default()
}
