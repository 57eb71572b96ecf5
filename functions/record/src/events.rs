//! A record of `message-events`, taken apart. Events are kept as they came: what a newer program adds
//! to them is not lost.

use domain::address::Address;
use domain::id::{CustomerId, EventId, MessageId, PartId};
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::V;
use wire::message_events::{Happened, MessageEvent};

/// An event is some hundred octets; one that an item could not hold is none.
const EVENT_MAX: usize = 64 * 1024;

/// What a record tells.
#[derive(Debug, Default)]
pub struct Told {
    /// What can be kept.
    pub events: Vec<Event>,
    /// What cannot be read: each event's JSON, and why the first of them.
    pub unreadable: Option<Unreadable>,
}

/// Events that cannot be read.
pub struct Unreadable {
    /// A record of `message-events` with them alone.
    pub record: Vec<u8>,
    /// Why not.
    pub reason: String,
}

impl std::fmt::Debug for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unreadable({}, {} octets)", self.reason, self.record.len())
    }
}

/// An event, as far as it matters where it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose.
    pub message: MessageId,
    /// Which.
    pub id: EventId,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// It begins the message's journey.
    pub first: Option<First>,
    /// Other ids under which its message may be asked for.
    pub names: Vec<PartId>,
    /// All of it.
    pub json: String,
}

impl std::fmt::Debug for Event {
    /// Without its content: it may have numbers in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Event({} of {})", self.id, self.message)
    }
}

/// By what a message is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    /// Its customer.
    pub customer: CustomerId,
    /// The handset's address.
    pub handset: Option<Address>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "v")]
    _version: V<1>,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// Takes a record apart.
///
/// # Errors
/// Why none of it can be read; says nothing of its content.
pub fn read(value: &[u8]) -> Result<Told, String> {
    let Record { events, .. } = wire::decode(value).map_err(|error| error.to_string())?;
    let mut told = Told::default();
    let (mut bad, mut why) = (Vec::new(), String::new());
    for json in events {
        match event(json) {
            Ok(event) => told.events.push(event),
            Err(reason) => {
                bad.push(json.get());
                why = if why.is_empty() { reason } else { why };
            }
        }
    }
    told.unreadable = (!bad.is_empty()).then(|| Unreadable {
        record: format!(r#"{{"v":1,"events":[{}]}}"#, bad.join(",")).into_bytes(),
        reason: format!("{} of its events cannot be read, the first: {why}", bad.len()),
    });
    Ok(told)
}

fn event(json: &RawValue) -> Result<Event, String> {
    let json = json.get();
    if json.len() > EVENT_MAX {
        return Err(format!("it has {} octets", json.len()));
    }
    let event: MessageEvent<'_> =
        wire::decode(json.as_bytes()).map_err(|error| error.to_string())?;
    let own = PartId::from(event.message);
    let ids = event.parts.iter().flat_map(|part| std::iter::once(&part.id).chain(&part.aliases));
    // Of parts that we cut nobody was given the ids.
    let names = match event.happened.is_first() {
        true => ids.copied().filter(|id| *id != own).collect(),
        false => Vec::new(),
    };
    let handset = handset(&event);
    Ok(Event {
        message: event.message,
        id: event.id,
        at_ms: event.at_ms,
        names,
        json: json.to_owned(),
        first: event
            .happened
            .is_first()
            .then(|| First { handset, customer: event.customer.into_owned() }),
    })
}

/// The handset that a message is for, or that wrote it.
fn handset(event: &MessageEvent<'_>) -> Option<Address> {
    let address = match event.happened {
        Happened::Received => &event.source,
        _ => &event.destination,
    };
    address.as_deref().cloned()
}
