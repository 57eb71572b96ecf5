//! Events as a stream of lines (setting `EVENT_LINES`), on the function's standard output: its log group
//! hands them on to whoever subscribes. At least once, as everything that is recorded.

use std::collections::HashMap;
use std::str::FromStr;

use domain::id::MessageId;
use wire::admin_api::shown;
use wire::event_lines::{EventLine, detail, time};
use wire::message_events::MessageEvent;

use crate::events::Event;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineForm {
    /// Not at all.
    Off,
    /// RFC 4180, without a heading.
    Csv,
    /// An object on each line.
    Json,
}

impl FromStr for LineForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err("it is none of them".to_owned()),
        }
    }
}

/// The lines of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// How.
    pub form: LineForm,
    /// Numbers in full; else masked.
    pub in_full: bool,
}

impl Lines {
    /// One line for each event, in their order. The numbers of a message stand in the events that have
    /// them and in those of the same batch.
    #[must_use]
    pub fn of(&self, events: &[Event]) -> String {
        if self.form == LineForm::Off {
            return String::new();
        }
        let read = |event: &Event| wire::decode::<MessageEvent<'_>>(event.json.as_bytes()).ok();
        let events: Vec<MessageEvent<'_>> = events.iter().filter_map(read).collect();
        let mut numbers: HashMap<MessageId, [String; 2]> = HashMap::new();
        for event in events.iter().filter(|event| event.destination.is_some()) {
            numbers.entry(event.message).or_insert_with(|| self.numbers(event));
        }
        let mut text = String::new();
        for event in &events {
            let [source, destination] = numbers.get(&event.message).cloned().unwrap_or_default();
            text.push_str(&self.line(event, &source, &destination));
            text.push('\n');
        }
        text
    }

    fn numbers(&self, event: &MessageEvent<'_>) -> [String; 2] {
        [&event.source, &event.destination].map(|address| {
            address.as_deref().map(|address| shown(address, self.in_full)).unwrap_or_default()
        })
    }

    fn line(&self, event: &MessageEvent<'_>, source: &str, destination: &str) -> String {
        let line = EventLine {
            time: time(event.at_ms),
            event: event.happened.as_str(),
            message: &event.message.to_string(),
            customer: event.customer.as_str(),
            provider: event.provider.as_ref().map_or("", |provider| provider.as_str()),
            source,
            destination,
            provider_id: &event.provider_message_id,
            detail: detail(event.state, &event.error, &event.detail),
        };
        match self.form {
            LineForm::Json => line.json(),
            LineForm::Csv | LineForm::Off => line.csv(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use domain::address::Address;
    use wire::message_events::{Happened, record};

    use super::*;

    fn event(message: MessageId, happened: Happened) -> MessageEvent<'static> {
        let id = message.event(happened.as_str(), 0);
        MessageEvent::new(id, message, Cow::Owned("acme".into()), happened, "t", 1_795_248_000_250)
    }

    #[test]
    fn each_event_is_a_line_with_the_numbers_of_its_message_masked_unless_asked_for() {
        let address =
            |number: &str| Cow::Owned(Address { ton: 1, npi: 1, number: number.to_owned() });
        let (one, other) = (MessageId::new(1, [1; 10]), MessageId::new(1, [2; 10]));
        let accepted = MessageEvent {
            source: Some(address("ACME")),
            destination: Some(address("447700900123")),
            ..event(one, Happened::Accepted)
        };
        let failed = MessageEvent {
            detail: Cow::Borrowed("no route, \"none\""),
            provider: Some(Cow::Owned("alpha".into())),
            ..event(one, Happened::Failed)
        };
        let events: Vec<Event> = [failed, accepted, event(other, Happened::Told)]
            .iter()
            .flat_map(|event| crate::events::read(&record(event).1).unwrap().events)
            .collect();
        let lines = |form, in_full| Lines { form, in_full }.of(&events);
        let time = "2026-11-21T08:00:00.25Z";
        let expected = format!(
            "{time},failed,{one},acme,alpha,ACME,4477******23,,\"no route, \"\"none\"\"\"\n\
             {time},accepted,{one},acme,,ACME,4477******23,,\n\
             {time},told,{other},acme,,,,,\n"
        );
        assert_eq!(lines(LineForm::Csv, false), expected);
        let json = lines(LineForm::Json, true);
        assert_eq!(json.lines().count(), 3);
        let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        assert_eq!(first["destination"], "447700900123");
        assert_eq!(first["provider id"], "");
        assert!(lines(LineForm::Off, false).is_empty());
    }
}
