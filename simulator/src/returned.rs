//! What the SMSC delivered and what reached the customers: is anything missing, and how long did it
//! take?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    check::Key,
    latency::{Latencies, Percentiles},
    smsc::delivered::RunDelivered,
};

/// One run of a load (receipts) or of a flood (messages from handsets).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Returned {
    /// Answered OK by the gateway.
    pub taken: u64,
    /// Of these, what never reached a customer.
    pub lost: Vec<Key>,
    /// Reached a customer and was never sent.
    pub unexpected: Vec<Key>,
    /// From the SMSC's first sending to the customer.
    pub latency: Percentiles,
}

/// Compares what the SMSC says of a run (`GET /receipts`, `GET /messages`) with when each arrived
/// (microseconds since 1970), as [`crate::load::ledger::Got`] has it.
pub fn returned(delivered: &RunDelivered, arrived_us: &BTreeMap<Key, u64>) -> Returned {
    let mut latencies = Latencies::default();
    let mut report = Returned::default();
    for (delivered, part) in delivered.parts.iter().zip(1..) {
        for range in &delivered.ok {
            let numbers = range.from..=range.to;
            report.taken += numbers.clone().count() as u64;
            let lost = numbers.map(|number| (number, part));
            report.lost.extend(lost.filter(|key| !arrived_us.contains_key(key)));
        }
    }
    for (key, at_us) in arrived_us {
        let part = delivered.parts.get(usize::from(key.1).wrapping_sub(1));
        let sent_us = part.and_then(|part| part.sent_us.get(key.0 as usize)).copied();
        match sent_us.filter(|sent_us| *sent_us > 0) {
            Some(sent_us) => latencies.record(at_us.saturating_sub(sent_us)),
            None => report.unexpected.push(*key),
        }
    }
    report.latency = latencies.percentiles();
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arrivals::Range, smsc::delivered::PartDelivered};

    #[test]
    fn a_loss_and_what_was_never_sent_are_found_and_the_time_between_is_measured() {
        let ok = vec![Range { from: 0, to: 2, times: 1 }];
        let part = PartDelivered { sent_us: vec![1_000, 2_000, 3_000, 4_000], ok };
        let delivered = RunDelivered { run: 1, parts: vec![part] };
        let arrived =
            BTreeMap::from([((0, 1), 6_000), ((2, 1), 8_000), ((3, 1), 9_000), ((9, 1), 1)]);
        let report = returned(&delivered, &arrived);
        assert_eq!((report.taken, report.lost), (3, vec![(1, 1)]));
        assert_eq!((report.unexpected, report.latency.count), (vec![(9, 1)], 3));
        assert!((report.latency.p50_ms - 5.0).abs() < 0.01);
    }
}
