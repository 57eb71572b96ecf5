//! What follows from one message from a handset. Pure.

use std::borrow::Cow;

use domain::config::Wish;
use domain::id::PartId;
use domain::mo::{By, Decision, MoRouter, Owner, Query, Wished};
use platform::function::Output;
use platform::opt_outs::Key;
use smpp::coding::Coding;
use wire::V;
use wire::customer_deliveries::{CustomerDelivery, Delivered, HandsetMessage};
use wire::message_events::{Happened, MessageEvent};
use wire::provider_incoming::ProviderMessage;

use crate::answer::answer;
use crate::recording::Wanted;

/// The name of this program in records.
pub const BY: &str = "route-mo";

/// What follows.
#[derive(Debug)]
pub enum Follows {
    /// It is somebody's.
    Somebodys(Somebodys),
    /// It is nobody's: why, without number or text.
    Nobodys(String),
}

/// What is to be published and kept.
#[derive(Debug, Default)]
pub struct Somebodys {
    /// Records.
    pub outputs: Vec<Output>,
    /// What happened.
    pub events: Vec<MessageEvent<'static>>,
    /// What table `opt_outs` has to know.
    pub wishes: Vec<Wanted>,
}

/// Reads a record.
///
/// # Errors
/// Why it can never be processed; says nothing of its content.
pub fn read(value: &[u8]) -> Result<ProviderMessage, String> {
    let message: ProviderMessage = wire::decode(value).map_err(|error| error.to_string())?;
    if message.parts.is_empty() {
        return Err("a message without parts".to_owned());
    }
    Ok(message)
}

/// What follows from `message`.
#[must_use]
pub fn decide(message: ProviderMessage, router: &MoRouter) -> Follows {
    let text = text(&message);
    let envelope = message.envelope.clone();
    let query = Query {
        provider: &envelope.provider,
        destination: envelope.destination.digits(),
        text: &text,
    };
    Follows::Somebodys(match router.decide(&query) {
        Decision::Nobody(why) => return Follows::Nobodys(why.to_string()),
        Decision::Customer(owner) => delivered(message, &owner),
        Decision::Wish(wished) => wish(&message, &wished),
    })
}

/// The text of all parts together: a character may stand in two of them. Empty for what is no text,
/// and where the beginning is missing: what stands first then was not written as a keyword.
fn text(message: &ProviderMessage) -> String {
    let coding = Coding::from_data_coding(message.envelope.coding);
    if coding == Coding::Binary || !message.begins() {
        return String::new();
    }
    let octets = message.parts.iter().map(|part| part.octets.0.as_slice());
    coding.decode(&octets.collect::<Vec<_>>().concat())
}

fn delivered(message: ProviderMessage, owner: &Owner<'_>) -> Somebodys {
    let came = match message.incomplete_of {
        Some(total) => format!(", {} of {total} parts came", message.parts.len()),
        None => String::new(),
    };
    let words: Vec<&str> = owner.keyword.into_iter().chain(owner.sub_keyword).collect();
    let by = match words.as_slice() {
        [] => found_by(owner.by).to_owned(),
        words => format!("{}, keyword {}", found_by(owner.by), words.join(" ")),
    };
    let event = MessageEvent {
        detail: Cow::Owned(format!("{by}{came}")),
        ..received(&message, owner.customer.clone())
    };
    let ProviderMessage { id, envelope, split, parts, incomplete_of, .. } = message;
    let delivery = CustomerDelivery {
        v: V,
        id: PartId::from(id).delivery("received"),
        customer: owner.customer.clone(),
        message: id,
        at_ms: envelope.arrived_ms,
        hops: 0,
        what: Delivered::Message(HandsetMessage {
            provider: envelope.provider,
            source: envelope.source,
            destination: envelope.destination,
            service: envelope.service,
            pid: envelope.pid,
            esm: envelope.esm,
            coding: envelope.coding,
            split,
            parts,
            incomplete_of,
            keyword: (!words.is_empty()).then(|| words.join(" ")),
        }),
    };
    Somebodys {
        outputs: vec![Output::delivery(&delivery)],
        events: vec![event],
        wishes: Vec::new(),
    }
}

/// A wish is not delivered: it is the gateway that has to follow it.
fn wish(message: &ProviderMessage, wished: &Wished<'_>) -> Somebodys {
    let mut follows = Somebodys::default();
    for customer in &wished.customers {
        let mut event = received(message, (*customer).clone());
        if wished.customers.len() > 1 {
            // Each sees its own journey, and none another's.
            event.message = message.id.derive(customer.as_str());
            event.id = event.message.event("received", 0);
        }
        let (by, wish) = (found_by(wished.by), wished.wish.as_str());
        event.detail = Cow::Owned(format!("{by}, the handset's wish: {wish}"));
        follows.events.push(event);
    }
    let handset = message.envelope.source.digits();
    let wanted = |subject| Wanted {
        key: Key::new(subject, handset),
        by: message.id,
        stop: wished.wish == Wish::Stop,
        wrote_ms: message.envelope.arrived_ms,
    };
    follows.wishes = wished.subjects().iter().map(wanted).collect();
    if let (Some(text), Some(customer)) = (wished.answer, wished.customers.first()) {
        follows.outputs.push(answer(message, customer, wished.wish, text));
    }
    follows
}

fn received(message: &ProviderMessage, customer: domain::id::CustomerId) -> MessageEvent<'static> {
    let (id, envelope) = (message.id, &message.envelope);
    let event = MessageEvent {
        provider: Some(Cow::Borrowed(&envelope.provider)),
        ..MessageEvent::new(
            id.event("received", 0),
            id,
            Cow::Owned(customer),
            Happened::Received,
            BY,
            envelope.arrived_ms,
        )
    };
    event.between(&envelope.source, &envelope.destination).into_owned()
}

fn found_by(by: By) -> &'static str {
    match by {
        By::Exact => "by its number",
        By::Range => "by a range of numbers",
        By::ProviderShortCode => "by a short code of the provider",
        By::ShortCode => "by a short code",
    }
}
