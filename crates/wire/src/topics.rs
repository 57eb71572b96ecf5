//! Names of the topics. Operators and dashboards rely on them.

use domain::id::ProviderId;
use domain::message::Priority;

/// Parts of long messages from customers.
pub const CUSTOMER_INCOMING_MESSAGE_PARTS: &str = "customer-incoming-message-parts";
/// Whole messages from customers.
pub const CUSTOMER_INCOMING_MESSAGES: &str = "customer-incoming-messages";
/// No records: its partitions are the slots.
pub const PROVIDER_SLOTS: &str = "provider-slots";
/// The senders' intents and outcomes; partition = slot.
pub const SUBMIT_JOURNAL: &str = "submit-journal";
/// Submit results, receipts, summaries of attempts.
pub const PROVIDER_EVENTS: &str = "provider-events";
/// Parts of long messages from handsets.
pub const PROVIDER_INCOMING_MESSAGE_PARTS: &str = "provider-incoming-message-parts";
/// Whole messages from handsets.
pub const PROVIDER_INCOMING_MESSAGES: &str = "provider-incoming-messages";
/// Receipts and messages for customers.
pub const CUSTOMER_DELIVERIES: &str = "customer-deliveries";
/// The same, each for the edge node that owns the partition.
pub const EDGE_DELIVERIES: &str = "edge-deliveries";
/// What happened to each message.
pub const MESSAGE_EVENTS: &str = "message-events";
/// Records that can never be processed.
pub const DEAD_LETTERS: &str = "dead-letters";

/// The topic of what `provider` is to send in one priority; partition = bind.
#[must_use]
pub fn provider_outgoing(provider: &ProviderId, priority: Priority) -> String {
    format!("provider-outgoing-{provider}-{}", priority.as_str())
}

/// Whether a record may be put back on `topic`: a program reads it and understands a repeat. Not
/// the journal, whose records count by where they stand.
#[must_use]
pub fn redrivable(topic: &str) -> bool {
    let is_outgoing = |rest: &str| {
        let name = |priority: &Priority| rest.strip_suffix(priority.as_str())?.strip_suffix('-');
        Priority::ALL.iter().filter_map(name).any(|provider| !provider.is_empty())
    };
    let incoming = [
        CUSTOMER_INCOMING_MESSAGE_PARTS,
        CUSTOMER_INCOMING_MESSAGES,
        PROVIDER_INCOMING_MESSAGE_PARTS,
        PROVIDER_INCOMING_MESSAGES,
    ];
    incoming.contains(&topic) || topic.strip_prefix("provider-outgoing-").is_some_and(is_outgoing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_programs_read_as_messages_may_be_put_back() {
        let outgoing = provider_outgoing(&"alpha-2".into(), Priority::High);
        let handsets = [PROVIDER_INCOMING_MESSAGES, PROVIDER_INCOMING_MESSAGE_PARTS];
        let customers = [CUSTOMER_INCOMING_MESSAGES, CUSTOMER_INCOMING_MESSAGE_PARTS, &outgoing];
        for topic in customers.into_iter().chain(handsets) {
            assert!(redrivable(topic), "{topic}");
        }
        let others = [SUBMIT_JOURNAL, PROVIDER_EVENTS, DEAD_LETTERS, "provider-outgoing--high"];
        for topic in others.into_iter().chain(["provider-outgoing-alpha-urgent", "", "mine"]) {
            assert!(!redrivable(topic), "{topic}");
        }
    }
}
