//! What Kafka has to hold before a version comes into force. Pure.

use domain::config::{Document, SlotLedger};
use domain::message::Priority;
use platform::kafka::TopicNeed;
use wire::topics::{PROVIDER_SLOTS, SUBMIT_JOURNAL, provider_outgoing};

/// Each provider's three topics have a partition per bind; `provider-slots` and `submit-journal`
/// one per slot, up to the largest.
#[must_use]
pub fn topics(document: &Document, slots: &SlotLedger) -> Vec<TopicNeed> {
    let mut needs = Vec::new();
    for provider in &document.providers {
        let partitions = u32::try_from(provider.slots.len()).unwrap_or(u32::MAX);
        needs.extend(Priority::ALL.map(|priority| TopicNeed {
            name: provider_outgoing(&provider.id, priority),
            partitions,
        }));
    }
    let named = document.providers.iter().flat_map(|provider| &provider.slots);
    let largest = named.chain(slots.0.keys()).max();
    if let Some(largest) = largest {
        let partitions = largest.saturating_add(1);
        for name in [PROVIDER_SLOTS, SUBMIT_JOURNAL] {
            needs.push(TopicNeed { name: name.to_owned(), partitions });
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_providers_that_are_gone_still_count() {
        let link =
            r#"{"smpp": {"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}}"#;
        let document =
            format!(r#"{{"providers": [{{"id": "a", "link": {link}, "slots": [3, 5]}}]}}"#);
        let document: Document = serde_json::from_str(&document).unwrap();
        let gone: Document = serde_json::from_str(&format!(
            r#"{{"providers": [{{"id": "b", "link": {link}, "slots": [8]}}]}}"#
        ))
        .unwrap();
        let needs = topics(&document, &SlotLedger::default().with(&gone));
        let needs: Vec<_> = needs.iter().map(|n| (n.name.as_str(), n.partitions)).collect();
        assert_eq!(
            needs,
            [
                ("provider-outgoing-a-high", 2),
                ("provider-outgoing-a-normal", 2),
                ("provider-outgoing-a-bulk", 2),
                ("provider-slots", 9),
                ("submit-journal", 9),
            ]
        );
        assert!(topics(&Document::default(), &SlotLedger::default()).is_empty());
    }
}
