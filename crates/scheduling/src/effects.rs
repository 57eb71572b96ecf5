//! What follows from where a message stands: the same at every run.

use std::borrow::Cow;

use domain::message::Message;
use wire::customer_deliveries::{CustomerDelivery, Failure};
use wire::event_lines::time;
use wire::message_events::{Happened, MessageEvent};
use wire::scheduled::{Scheduled, State};

use crate::park::Parked;

/// What is to be published.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effects {
    /// The message whose time has come.
    pub released: Option<Message>,
    /// Receipts.
    pub deliveries: Vec<CustomerDelivery>,
    /// What happened.
    pub events: Vec<MessageEvent<'static>>,
}

/// What follows from an item, told by `by`.
#[must_use]
pub fn of(scheduled: &Scheduled, by: &'static str) -> Effects {
    let message = &scheduled.message;
    let mut effects = match scheduled.state {
        State::Waiting => Effects::default(),
        State::Released { at_ms, config } => released(message, at_ms, config, by),
        State::Cancelled { at_ms } => cancelled(message, at_ms, by),
    };
    effects.events.extend(scheduled.replaces.iter().map(|replaced| {
        let name = format!("replaced {}", replaced.id);
        event(message, &name, Happened::Replaced, replaced.at_ms, by)
    }));
    effects
}

/// What follows from a parking, told by `by`: nobody told of the message before.
#[must_use]
pub fn parked(message: &Message, parked: Parked, by: &'static str) -> Effects {
    let mut effects = match parked {
        Parked::Kept => {
            let event = event(message, "scheduled", Happened::Scheduled, message.attempt_ms, by);
            let time_ms = message.envelope.schedule_ms.unwrap_or_default();
            let detail = Cow::Owned(format!("for {}", time(time_ms)));
            Effects { events: vec![MessageEvent { detail, ..event }], ..Effects::default() }
        }
        Parked::Cancelled(at_ms) => cancelled(message, at_ms, by),
    };
    effects.events.push(MessageEvent::accepted(message).into_owned());
    effects.events.extend(MessageEvent::assembled(message).map(MessageEvent::into_owned));
    effects
}

fn released(message: &Message, at_ms: u64, config: u64, by: &'static str) -> Effects {
    let mut next = message.clone();
    // Replays route the same way, and opt-outs count from here on.
    (next.envelope.config, next.attempt_ms) = (config, at_ms);
    let detail = Cow::Owned(format!("by configuration version {config}"));
    let event = event(message, "released", Happened::Released, at_ms, by);
    let events = vec![MessageEvent { detail, ..event }];
    Effects { released: Some(next), deliveries: Vec::new(), events }
}

/// A receipt for each part that asked for one, and the event.
fn cancelled(message: &Message, at_ms: u64, by: &'static str) -> Effects {
    const FAILURE: Failure = Failure::Cancelled;
    let deliveries = CustomerDelivery::failures(message, FAILURE, at_ms).collect();
    let event = event(message, "cancelled", Happened::Cancelled, at_ms, by);
    let event = MessageEvent {
        state: Some(FAILURE.state()),
        error: Cow::Borrowed(FAILURE.error()),
        ..event
    };
    Effects { released: None, deliveries, events: vec![event] }
}

fn event(
    message: &Message,
    name: &str,
    happened: Happened,
    at_ms: u64,
    by: &'static str,
) -> MessageEvent<'static> {
    let customer = Cow::Owned(message.envelope.customer.clone());
    MessageEvent::new(message.id.event(name, 0), message.id, customer, happened, by, at_ms)
}
