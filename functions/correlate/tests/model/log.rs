//! What is on `provider-events`, and what has to come of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::config::ReceiptsByProvider;
use domain::id::PartId;
use serde_json::json;
use wire::provider_events::{ProviderReceipt, SubmitResult};

use crate::mutant::Mutant;

const AT_MS: u64 = 1_760_000_000_000;

/// One record.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Result(SubmitResult),
    Receipt(char, ProviderReceipt),
}

/// Partitions and their records.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) text: String,
    pub(crate) partitions: Vec<Vec<Entry>>,
}

impl Log {
    /// Letters as in `LOGS`.
    pub(crate) fn parse(text: &str) -> Self {
        let words = |part: &str| part.split_whitespace().map(entry).collect();
        Self { text: text.into(), partitions: text.split('|').map(words).collect() }
    }

    /// The messages that receipt `letter` fits, in the order of the log.
    pub(crate) fn fits(&self, letter: char) -> Vec<PartId> {
        let results = self.partitions.iter().flatten().filter_map(|entry| match entry {
            Entry::Result(result) if result.destination.number == handset(letter) => {
                Some(result.part)
            }
            _ => None,
        });
        results.collect()
    }

    pub(crate) fn receipts(&self) -> BTreeSet<char> {
        let letter = |entry: &Entry| match entry {
            Entry::Receipt(letter, _) => Some(*letter),
            Entry::Result(_) => None,
        };
        self.partitions.iter().flatten().filter_map(letter).collect()
    }
}

/// How the provider writes receipts; the mutant does not look at the address.
pub(crate) fn settings(mutant: Option<Mutant>) -> Arc<ReceiptsByProvider> {
    let addresses = if mutant == Some(Mutant::NoAddressTest) { "off" } else { "strict" };
    let settings = json!({"alpha": {"addresses": addresses, "utc_offsets_min": [0]}});
    Arc::new(serde_json::from_value(settings).unwrap())
}

/// C is a message to the handset of A.
fn handset(letter: char) -> &'static str {
    if letter.eq_ignore_ascii_case(&'b') { "491702" } else { "491701" }
}

fn entry(word: &str) -> Entry {
    let letter = word.chars().next().unwrap();
    let address = json!({"ton": 1, "npi": 1, "addr": handset(letter)});
    let ours = json!({"ton": 5, "addr": "ACME"});
    if letter.is_ascii_lowercase() {
        let receipt = json!({
            "v": 1, "provider": "alpha", "canonical": "7", "source": address, "destination": ours,
            "state": "delivered", "submit_date": "2510090853", "arrived_ms": AT_MS + 5_000,
        });
        return Entry::Receipt(letter, serde_json::from_value(receipt).unwrap());
    }
    let id = PartId::new(AT_MS, [u8::try_from(letter).unwrap(); 10]);
    let result = json!({
        "v": 1, "provider": "alpha", "provider_message_id": "7", "customer": "acme", "message": id,
        "part": id, "attempt": 0, "outcome": "accepted", "source": ours, "destination": address,
        "receipt": 1, "accepted_ms": AT_MS, "valid_until_ms": AT_MS + 3_600_000, "config": 1,
        "origin": {"partition": 0, "offset": 1}, "at_ms": AT_MS,
    });
    Entry::Result(serde_json::from_value(result).unwrap())
}
