//! What happened to each message, read from the topic that says so.

use std::collections::BTreeMap;

use domain::id::{EventId, MessageId};
use wire::message_events::{Happened, MessageEvent, MessageEvents};
use wire::topics::MESSAGE_EVENTS;

use crate::log;

/// The events of each message, each once, in the order of time.
///
/// # Errors
/// Kafka does not answer, or a record is none of that topic.
pub fn read(bootstrap: &str) -> anyhow::Result<BTreeMap<MessageId, Vec<MessageEvent<'static>>>> {
    let mut events: BTreeMap<EventId, MessageEvent<'static>> = BTreeMap::new();
    let mut told = |event: MessageEvent<'_>| {
        events.insert(event.id, event.into_owned());
    };
    for entry in log::read_all(bootstrap, MESSAGE_EVENTS)? {
        let MessageEvents { events, .. } = wire::decode(&entry.value)?;
        events.into_owned().into_iter().for_each(&mut told);
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

/// Whether the customer has the receipt of the message.
#[must_use]
pub fn is_told(journey: &[MessageEvent<'_>]) -> bool {
    journey.iter().any(|event| event.happened == Happened::Told)
}

/// A journey as a person reads it: milliseconds since the first event, what, where, why.
#[must_use]
pub fn told(message: MessageId, journey: &[MessageEvent<'_>]) -> String {
    let first = journey.first().map_or(0, |event| event.at_ms);
    let mut lines = vec![format!("message {message}")];
    for event in journey {
        let provider = event.provider.as_ref().map(|p| format!(" at {p}")).unwrap_or_default();
        lines.push(format!(
            "  {:>6} ms  {:<10} by {}{provider}  {}",
            event.at_ms - first,
            event.happened.as_str(),
            event.by,
            event.detail,
        ));
    }
    lines.join("\n")
}
