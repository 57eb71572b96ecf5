//! What happened to each message, read from `message-events` and `provider-events`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::id::{EventId, MessageId};
use wire::message_events::{Happened, MessageEvent};
use wire::provider_events::ProviderEvent;
use wire::topics::{MESSAGE_EVENTS, PROVIDER_EVENTS};

use crate::log;

/// The events of each message, each once, in the order of time.
///
/// # Errors
/// Kafka does not answer, or a record is none of that topic.
pub fn read(bootstrap: &str) -> anyhow::Result<BTreeMap<MessageId, Vec<MessageEvent<'static>>>> {
    let mut events: BTreeMap<EventId, MessageEvent<'static>> = BTreeMap::new();
    for entry in log::read_all(bootstrap, MESSAGE_EVENTS)? {
        let event: MessageEvent<'static> = wire::decode(&entry.value)?;
        events.insert(event.id, event);
    }
    for entry in log::read_all(bootstrap, PROVIDER_EVENTS)? {
        if let ProviderEvent::Result(result) = wire::decode(&entry.value)? {
            let event = owned(MessageEvent::from(&result));
            events.insert(event.id, event);
        }
    }
    let mut journeys: BTreeMap<MessageId, Vec<MessageEvent<'static>>> = BTreeMap::new();
    for event in events.into_values() {
        journeys.entry(event.message).or_default().push(event);
    }
    for journey in journeys.values_mut() {
        journey.sort_by_key(|event| (event.at_ms, event.happened));
    }
    Ok(journeys)
}

fn owned(event: MessageEvent<'_>) -> MessageEvent<'static> {
    MessageEvent {
        customer: Cow::Owned(event.customer.into_owned()),
        by: Cow::Owned(event.by.into_owned()),
        provider: event.provider.map(|provider| Cow::Owned(provider.into_owned())),
        detail: Cow::Owned(event.detail.into_owned()),
        ..event
    }
}

/// Whether the provider accepted all that was sent of the message.
#[must_use]
pub fn is_submitted(journey: &[MessageEvent<'_>]) -> bool {
    journey.iter().any(|event| event.happened == Happened::Submitted)
}

/// A journey as a person reads it: milliseconds since the first event, what, where, why.
#[must_use]
pub fn told(message: MessageId, journey: &[MessageEvent<'_>]) -> String {
    let first = journey.first().map_or(0, |event| event.at_ms);
    let mut lines = vec![format!("message {message}")];
    for event in journey {
        let happened = serde_json::to_value(event.happened).unwrap_or_default();
        let provider = event.provider.as_ref().map(|p| format!(" at {p}")).unwrap_or_default();
        lines.push(format!(
            "  {:>6} ms  {:<10} by {}{provider}  {}",
            event.at_ms - first,
            happened.as_str().unwrap_or_default(),
            event.by,
            event.detail,
        ));
    }
    lines.join("\n")
}
