//! What each customer was to get, by the provider's account, and what it got, by its own.

use std::collections::{BTreeMap, BTreeSet};

use simulator::check::{Key, Outcome, Sent};
use simulator::load::came::{Came, What};
use simulator::smsc::delivered::RunDelivered;

/// One customer.
#[derive(Debug, Default)]
pub struct Books {
    /// Its name.
    pub customer: &'static str,
    /// What became of its submits.
    pub sent: Vec<Sent>,
    /// Parts that came to the provider more than once: their receipts may differ.
    pub twice_sent: BTreeSet<Key>,
    /// Receipts of its submits, as the provider delivered them.
    pub receipts: RunDelivered,
    /// The flood of handsets' messages for it, as the provider delivered them; its run tells it from
    /// others.
    pub messages: RunDelivered,
    /// Parts of that flood.
    pub posted: u64,
    /// How often the provider delivered a message again, for want of an answer.
    pub repeated_by_provider: u64,
    /// All that came over its binds.
    pub came: Vec<Came>,
}

/// What came, put in order.
#[derive(Debug, Default)]
pub(super) struct Got<'a> {
    /// Final receipts that were answered OK.
    pub(super) receipts: BTreeMap<&'a str, u64>,
    /// The gateway's ids of each receipt: by the submit's id, state and whether it is final.
    pub(super) receipt_ids: BTreeMap<(&'a str, String), BTreeSet<&'a str>>,
    /// Parts of handsets' messages by run, answered OK, and when the first came (microseconds).
    pub(super) messages: BTreeMap<(u32, Key), u64>,
    pub(super) message_ids: BTreeMap<(u32, Key), BTreeSet<&'a str>>,
    /// Deliveries without a gateway's id.
    pub(super) nameless: usize,
    /// Deliveries that came before under the same id.
    pub(super) repeats: usize,
}

impl Books {
    /// Submits that were acknowledged, by the id that they were given.
    pub(super) fn acknowledged(&self) -> BTreeMap<&str, Key> {
        let named = self.sent.iter().filter_map(|one| match &one.outcome {
            Outcome::Acknowledged(id) => Some((id.as_str(), (one.number, one.part))),
            _ => None,
        });
        named.collect()
    }

    /// Submits that were never answered, and whose receipts the gateway took.
    pub(super) fn hidden(&self) -> usize {
        let known: BTreeSet<Key> = self.acknowledged().into_values().collect();
        let taken = taken(&self.receipts);
        let unanswered = self.sent.iter().filter(|one| one.outcome == Outcome::Unanswered);
        let hidden: BTreeSet<Key> = unanswered
            .map(|one| (one.number, one.part))
            .filter(|key| !known.contains(key) && taken.contains(key))
            .collect();
        hidden.len()
    }

    pub(super) fn got(&self) -> Got<'_> {
        let mut got = Got::default();
        for came in &self.came {
            let Some(delivery) = came.delivery.as_deref() else {
                got.nameless += 1;
                continue;
            };
            match &came.what {
                What::Receipt { id, state, is_final } => {
                    let kind = (id.as_str(), format!("{state:?} {is_final}"));
                    let is_new = got.receipt_ids.entry(kind).or_default().insert(delivery);
                    got.repeats += usize::from(!is_new);
                    if came.is_taken() && *is_final {
                        got.receipts.entry(id).or_insert(came.at_us);
                    }
                }
                What::Message { run, parts } => {
                    for key in parts {
                        let ids = got.message_ids.entry((*run, *key)).or_default();
                        got.repeats += usize::from(!ids.insert(delivery));
                        if came.is_taken() {
                            got.messages.entry((*run, *key)).or_insert(came.at_us);
                        }
                    }
                }
                What::Other => got.nameless += 1,
            }
        }
        got
    }
}

/// What the provider was answered OK.
pub(super) fn taken(delivered: &RunDelivered) -> BTreeSet<Key> {
    let parts = delivered.parts.iter().zip(1..);
    let ranges = parts.flat_map(|(part, index)| part.ok.iter().map(move |range| (range, index)));
    ranges
        .flat_map(|(range, part)| (range.from..=range.to).map(move |number| (number, part)))
        .collect()
}

/// When the provider delivered it first, microseconds since 1970.
pub(super) fn delivered_us(delivered: &RunDelivered, (number, part): Key) -> Option<u64> {
    let part = delivered.parts.get(usize::from(part).checked_sub(1)?)?;
    let sent_us = *part.sent_us.get(usize::try_from(number).ok()?)?;
    (sent_us > 0).then_some(sent_us)
}
