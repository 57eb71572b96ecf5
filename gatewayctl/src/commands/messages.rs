//! `message`, `messages`: what happened to messages, for people, or as a stream of events.

use std::fmt::Write as _;

use wire::admin_api::{Journey, JourneyEvent, MessageList};
use wire::event_lines::{EventLine, HEADING, detail};
use wire::message_status::PartStanding;

use super::{said, table};
use crate::cli::{Form, Message, Messages};
use crate::client::Client;
use crate::failure::Failure;
use crate::times::{self, Day};

/// Messages that are asked for at once.
const PAGE: usize = 200;

pub(super) async fn one(client: &Client, asked: &Message, json: bool) -> Result<String, Failure> {
    let Message { id, form } = asked;
    if id.is_empty() || !id.bytes().all(|octet| octet.is_ascii_hexdigit() || octet == b'-') {
        let why = "a message id is a UUID: take it as the customer was given it";
        return Err(Failure::Unusable(format!("{id}: {why}")));
    }
    let journey: Journey =
        client.ask(&format!("/messages/{id}"), &[("numbers", numbers(*form))]).await?;
    match stream(std::slice::from_ref(&journey), *form) {
        Some(lines) => lines,
        None => said(json, &journey, shown),
    }
}

/// One answer of the gateway after the other, until the list ends or is long enough.
pub(super) async fn many(client: &Client, asked: &Messages, json: bool) -> Result<String, Failure> {
    let day = asked.day.clone().unwrap_or_else(Day::today);
    let mut all = MessageList::default();
    loop {
        let limit = (asked.limit - all.messages.len()).min(PAGE);
        let parameters = [
            ("customer", asked.customer.clone()),
            ("destination", asked.destination.clone()),
            ("day", Some(day.0.clone())),
            ("after", all.next.take()),
            ("limit", Some(limit.to_string())),
            ("numbers", numbers(asked.form)),
        ];
        let mut list: MessageList = client.ask("/messages", &parameters).await?;
        all.messages.append(&mut list.messages);
        all.next = list.next;
        if all.next.is_none() || all.messages.len() >= asked.limit {
            break;
        }
    }
    match stream(&all.messages, asked.form) {
        Some(lines) => lines,
        None => said(json, &all, |all| listed(all, &day)),
    }
}

fn numbers(form: Form) -> Option<String> {
    form.numbers.then(|| "full".to_owned())
}

/// The events as a stream, if that is asked for.
fn stream(journeys: &[Journey], form: Form) -> Option<Result<String, Failure>> {
    let events = journeys
        .iter()
        .flat_map(|journey| journey.events.iter().map(move |event| line(journey, event)));
    if form.csv {
        let lines = events.map(|line| line.csv());
        return Some(Ok(std::iter::once(HEADING.to_owned())
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\r\n")));
    }
    form.lines.then(|| Ok(events.map(|line| line.json()).collect::<Vec<_>>().join("\n")))
}

fn line<'a>(journey: &'a Journey, event: &'a JourneyEvent) -> EventLine<'a> {
    EventLine {
        time: times::shown(event.at_ms),
        event: event.event.as_str(),
        message: &journey.message,
        customer: &journey.customer,
        provider: event.provider.as_ref().map_or("", |provider| provider.as_str()),
        source: journey.source.as_deref().unwrap_or_default(),
        destination: journey.destination.as_deref().unwrap_or_default(),
        provider_id: &event.provider_message_id,
        detail: why(event),
    }
}

fn why(event: &JourneyEvent) -> String {
    detail(event.state, &event.error, &event.detail)
}

fn shown(journey: &Journey) -> String {
    let address = |address: &Option<String>| address.clone().unwrap_or_else(|| "?".to_owned());
    let (source, destination) = (address(&journey.source), address(&journey.destination));
    let Journey { message, customer, status, since_ms, .. } = journey;
    let since = times::shown(*since_ms);
    let mut text = format!(
        "message {message}\n{customer}, from {source} to {destination}\n{} since {since}\n\n",
        status.as_str(),
    );
    text.push_str(&table(&events(journey)));
    if journey.parts.len() > 1 {
        let _fits = write!(text, "\n\n{}", table(&parts(&journey.parts)));
    }
    text
}

fn events(journey: &Journey) -> Vec<[String; 6]> {
    let heading = ["time", "event", "by", "provider", "provider id", "why"];
    let row = |event: &JourneyEvent| {
        let attempt = match event.attempt {
            0 => String::new(),
            attempt => format!(" (attempt {})", attempt + 1),
        };
        [
            times::shown(event.at_ms),
            format!("{}{attempt}", event.event.as_str()),
            event.by.clone(),
            event.provider.as_ref().map(ToString::to_string).unwrap_or_default(),
            event.provider_message_id.clone(),
            why(event),
        ]
    };
    std::iter::once(heading.map(str::to_owned)).chain(journey.events.iter().map(row)).collect()
}

fn parts(parts: &[PartStanding]) -> Vec<[String; 5]> {
    let heading = ["part", "status", "since", "provider", "provider id"];
    let row = |part: &PartStanding| {
        [
            part.ids.id.to_string(),
            part.status.as_str().to_owned(),
            times::shown(part.since_ms),
            part.provider.as_ref().map(ToString::to_string).unwrap_or_default(),
            part.provider_message_id.clone(),
        ]
    };
    std::iter::once(heading.map(str::to_owned)).chain(parts.iter().map(row)).collect()
}

fn listed(list: &MessageList, day: &Day) -> String {
    if list.messages.is_empty() {
        return format!("no messages on {} (UTC)", day.0);
    }
    let heading = ["accepted", "message", "customer", "from", "to", "provider", "status"];
    let row = |journey: &Journey| {
        let last = journey.parts.iter().find_map(|part| part.provider.as_ref());
        [
            journey.events.first().map(|event| times::shown(event.at_ms)).unwrap_or_default(),
            journey.message.clone(),
            journey.customer.clone(),
            journey.source.clone().unwrap_or_default(),
            journey.destination.clone().unwrap_or_default(),
            last.map(ToString::to_string).unwrap_or_default(),
            journey.status.as_str().to_owned(),
        ]
    };
    let rows: Vec<_> =
        std::iter::once(heading.map(str::to_owned)).chain(list.messages.iter().map(row)).collect();
    let mut text = table(&rows);
    if list.next.is_some() {
        text.push_str("\n\nthere are more: a larger --limit");
    }
    text
}
