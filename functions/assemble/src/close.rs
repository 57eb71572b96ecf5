//! What becomes of messages whose parts did not come in time (design, section 5).
//!
//! First the generation is closed, so that no part can join it any more; then the customer is
//! told; then only its ids stay. Whoever finds it closed tells again: under the same ids. Of a
//! handset's message nobody can be told: what came of it is passed on, marked.

use std::borrow::Cow;

use domain::id::PartId;
use domain::message::asks_for_failure;
use wire::customer_deliveries::{CustomerDelivery, Failure};
use wire::customer_incoming::IncomingPart;
use wire::message_events::{Happened, MessageEvent};

use crate::held::{Held, handset_message};
use crate::item::{Generation, Item};
use crate::output::{BY, Output};

/// Closes the open generations whose deadline is `due_ms` or earlier; none if there are none.
#[must_use]
pub fn close(item: &Item, due_ms: u64) -> Option<Item> {
    let (due, open): (Vec<_>, Vec<_>) =
        item.open.iter().cloned().partition(|generation| generation.deadline_ms <= due_ms);
    if due.is_empty() {
        return None;
    }
    let mut closed = item.closed.clone();
    closed.extend(due);
    Some(Item { open, closed, finished: item.finished.clone() })
}

/// What customers and operators are told of the closed generations.
#[must_use]
pub fn reports(item: &Item) -> Vec<Output> {
    item.closed.iter().flat_map(report).collect()
}

/// The item after everything about the closed generations was told.
#[must_use]
pub fn reported(item: &Item) -> Item {
    let mut item = item.clone();
    let told = std::mem::take(&mut item.closed);
    item.finished.extend(told.iter().map(|generation| generation.finished(generation.deadline_ms)));
    item
}

fn report(generation: &Generation) -> Vec<Output> {
    if let Some(message) = handset_message(&generation.parts) {
        return vec![Output::Handset(message)];
    }
    let of_customer = |held: &Held| match held {
        Held::Customer(part) => told(part, generation),
        Held::Handset(_) => Vec::new(),
    };
    generation.parts.iter().flat_map(of_customer).collect()
}

/// A failure receipt for each of a part's ids, if it asked for one, and what happened.
fn told(held: &IncomingPart, generation: &Generation) -> Vec<Output> {
    let mut outputs = Vec::new();
    for id in std::iter::once(held.part.id).chain(held.part.aliases.iter().copied()) {
        if asks_for_failure(held.part.receipt) {
            let at_ms = generation.deadline_ms;
            let (of, why) = (&held.envelope, Failure::Incomplete);
            let told = CustomerDelivery::failure(id.into(), of, id, why, at_ms);
            outputs.push(Output::Delivery(told));
        }
        outputs.push(Output::Event(event(held, id, generation)));
    }
    outputs
}

fn event(held: &IncomingPart, id: PartId, generation: &Generation) -> MessageEvent<'static> {
    let (total, envelope) = (held.concatenation.total, &held.envelope);
    let message = domain::id::MessageId::from(id);
    let (event, customer) = (message.event("incomplete", 0), Cow::Borrowed(&envelope.customer));
    let (incomplete, at_ms) = (Happened::Incomplete, generation.deadline_ms);
    let event = MessageEvent {
        state: Some(Failure::Incomplete.state()),
        error: Cow::Borrowed(Failure::Incomplete.error()),
        detail: Cow::Owned(format!("{} of {total} parts came", generation.parts.len())),
        ..MessageEvent::new(event, message, customer, incomplete, BY, at_ms)
    };
    event.between(&envelope.source, &envelope.destination).into_owned()
}
