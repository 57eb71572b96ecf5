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
/// Receipts and messages for customers.
pub const CUSTOMER_DELIVERIES: &str = "customer-deliveries";
/// What happened to each message.
pub const MESSAGE_EVENTS: &str = "message-events";
/// Records that can never be processed.
pub const DEAD_LETTERS: &str = "dead-letters";

/// The topic of what `provider` is to send in one priority; partition = bind.
#[must_use]
pub fn provider_outgoing(provider: &ProviderId, priority: Priority) -> String {
    format!("provider-outgoing-{provider}-{}", priority.as_str())
}
