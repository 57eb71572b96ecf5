//! What is written of a batch: one item per message, and for each further id of its parts a pointer.
//! Pure, and the same for the same events in whatever order.

use std::collections::BTreeMap;

use domain::id::{MessageId, PartId};
use platform::messages::{NumberHash, SHARDS, at, customer_day, day, handset_day, pointer_to};
use sha2::{Digest as _, Sha256};

use crate::events::{Event, First};

/// Octets of events in one item: DynamoDB takes 400 KB, index keys and names included. A long
/// message's events of one batch may be more: then it is several items.
const EVENTS_MAX: usize = 128 * 1024;

/// How items are made.
#[derive(Debug, Clone)]
pub struct Form {
    /// For the index of handsets.
    pub numbers: NumberHash,
    /// An item may go so long after its last event, milliseconds.
    pub keep_ms: u64,
}

/// An item of table `messages`.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// Attribute `message`.
    pub message: MessageId,
    /// Attribute `item`.
    pub name: String,
    /// Attribute `events`; none: a pointer.
    pub events: Option<String>,
    /// Where the indexes have it.
    pub found_by: Option<FoundBy>,
    /// Attribute `ttl`, Unix seconds.
    pub ttl_s: u64,
}

/// Where the indexes have an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBy {
    /// Attribute `customer_day`.
    pub customer_day: String,
    /// Attribute `handset_day`.
    pub handset_day: Option<String>,
    /// Attribute `at`.
    pub at: String,
}

impl std::fmt::Debug for Item {
    /// Without the events, which may have numbers in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Item({}, {})", self.message, self.name)
    }
}

/// The items of a batch.
#[must_use]
pub fn items(events: Vec<Event>, form: &Form) -> Vec<Item> {
    let mut messages: BTreeMap<MessageId, Vec<Event>> = BTreeMap::new();
    for event in events {
        messages.entry(event.message).or_default().push(event);
    }
    messages.into_iter().flat_map(|(message, events)| of_message(message, events, form)).collect()
}

fn of_message(message: MessageId, mut events: Vec<Event>, form: &Form) -> Vec<Item> {
    // Of two runs of one program the earlier one counts, as it does when they are read.
    events.sort_by(|a, b| (a.id, a.at_ms, &a.json).cmp(&(b.id, b.at_ms, &b.json)));
    events.dedup_by_key(|event| event.id);
    let mut items = Vec::new();
    let mut rest = events.as_slice();
    while !rest.is_empty() {
        let mut octets = 0;
        let fitting = rest.iter().take_while(|event| {
            octets += event.json.len() + 1;
            octets <= EVENTS_MAX
        });
        // One event is below the limit by far (`events`): each item takes some.
        let (now, later) = rest.split_at(fitting.count().max(1));
        items.push(of_events(message, now, form));
        rest = later;
    }
    let names = |event: &Event| {
        let ttl_s = ttl_s(std::slice::from_ref(event), form);
        event.names.iter().map(|name| (*name, ttl_s)).collect::<Vec<_>>()
    };
    let names: BTreeMap<PartId, u64> = events.iter().flat_map(names).collect();
    items.extend(names.into_iter().map(|(name, ttl_s)| Item {
        message: name.into(),
        name: pointer_to(message),
        events: None,
        found_by: None,
        ttl_s,
    }));
    items
}

fn of_events(message: MessageId, events: &[Event], form: &Form) -> Item {
    let texts: Vec<&str> = events.iter().map(|event| event.json.as_str()).collect();
    let json = format!("[{}]", texts.join(","));
    let digest = Sha256::digest(&json);
    let first = events.iter().find_map(|event| Some((event.at_ms, event.first.as_ref()?)));
    Item {
        message,
        name: digest.iter().take(16).map(|octet| format!("{octet:02x}")).collect(),
        events: Some(json),
        found_by: first.map(|(at_ms, first)| found_by(message, at_ms, first, form)),
        ttl_s: ttl_s(events, form),
    }
}

fn found_by(message: MessageId, at_ms: u64, first: &First, form: &Form) -> FoundBy {
    let day = day(at_ms);
    let of_handset = |address| handset_day(&form.numbers.of(address), &day);
    FoundBy {
        customer_day: customer_day(&first.customer, &day, message.spread() % SHARDS),
        handset_day: first.handset.as_ref().map(of_handset),
        at: at(at_ms, message),
    }
}

/// By the events alone: a repeated run writes the same item.
fn ttl_s(events: &[Event], form: &Form) -> u64 {
    let last_ms = events.iter().map(|event| event.at_ms).max().unwrap_or_default();
    last_ms.saturating_add(form.keep_ms) / 1_000
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use domain::address::Address;
    use domain::id::EventId;

    const AT_MS: u64 = 1_795_248_000_000;

    fn form() -> Form {
        Form { numbers: NumberHash::new("a pepper of tests"), keep_ms: 1_000_000 }
    }

    fn message(n: u8) -> MessageId {
        MessageId::new(AT_MS, [n; 10])
    }

    fn event(message: MessageId, name: &str, octets: usize) -> Event {
        let id: EventId = message.event(name, 0);
        let json = format!(r#"{{"id":"{id}","x":"{}"}}"#, "x".repeat(octets));
        Event { message, id, at_ms: AT_MS, first: None, names: Vec::new(), json }
    }

    fn first(message: MessageId, names: Vec<PartId>) -> Event {
        let handset = Some(Address { ton: 1, npi: 1, number: "447700900123".to_owned() });
        let first = Some(First { customer: "acme".into(), handset });
        Event { first, names, ..event(message, "accepted", 10) }
    }

    #[test]
    fn the_events_of_a_message_are_one_item_that_any_order_and_repeats_leave_as_it_is() {
        let events = vec![
            first(message(1), Vec::new()),
            event(message(1), "routed", 9),
            event(message(2), "b", 9),
        ];
        let items = super::items(events.clone(), &form());
        assert_eq!(items.len(), 2);
        let mut others: Vec<_> = events.iter().rev().cloned().collect();
        others.extend(events);
        assert_eq!(super::items(others, &form()), items);
        assert_eq!(items[0].ttl_s, AT_MS / 1_000 + 1_000);
        assert_eq!(items[0].events.as_ref().unwrap().matches(r#""id""#).count(), 2);
    }

    #[test]
    fn other_events_make_another_item() {
        let [one, other] = ["a", "b"].map(|name| items(vec![event(message(1), name, 9)], &form()));
        assert_eq!(one[0].message, other[0].message);
        assert_ne!(one[0].name, other[0].name);
    }

    #[test]
    fn only_the_item_where_the_journey_begins_is_in_the_indexes_and_none_has_the_number_in_its_keys()
     {
        let begun = items(vec![first(message(1), Vec::new())], &form());
        let found_by = begun[0].found_by.as_ref().unwrap();
        assert!(found_by.customer_day.starts_with("acme#2026-11-21#"), "{found_by:?}");
        assert!(found_by.handset_day.as_ref().unwrap().ends_with("#2026-11-21"));
        assert!(!format!("{found_by:?}").contains("7700900123"));
        assert_eq!(items(vec![event(message(1), "routed", 9)], &form())[0].found_by, None);
    }

    #[test]
    fn ids_of_parts_lead_to_their_message() {
        let names: Vec<PartId> = [8, 9].map(|n| message(n).into()).to_vec();
        let items = items(vec![first(message(1), names)], &form());
        let pointers: Vec<_> = items.iter().filter(|item| item.events.is_none()).collect();
        assert_eq!(pointers.len(), 2);
        assert!(pointers.iter().all(|item| item.name == pointer_to(message(1))));
        assert_eq!(pointers[0].message, message(8));
    }

    #[test]
    fn a_message_with_more_events_than_an_item_holds_becomes_several_each_named_by_its_content() {
        let events: Vec<_> = (0..40).map(|n| event(message(1), &n.to_string(), 10_000)).collect();
        let items = super::items(events, &form());
        assert_eq!(items.len(), 4);
        let names: BTreeSet<_> = items.iter().map(|item| &item.name).collect();
        assert_eq!(names.len(), 4);
        assert!(items.iter().all(|item| item.events.as_ref().unwrap().len() <= EVENTS_MAX + 2));
    }
}
