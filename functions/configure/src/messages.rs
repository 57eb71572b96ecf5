//! `GET /messages/{id}`, `GET /messages?…`: what happened to messages, numbers masked unless they are
//! asked for.

use domain::address::Address;
use domain::id::{CustomerId, PartId};
use platform::messages::{Found, Journey, Page, at};
use wire::admin_api::{self, MessageList, shown};

use crate::answer::{Answer, Problem};
use crate::handler::{Handler, unavailable};
use crate::ports::Messages;

/// Messages in one answer, if nothing is said.
pub const LIMIT: usize = 50;
/// Messages in one answer at most.
pub const LIMIT_MAX: usize = 200;
/// Messages that are read before it is seen whether the answer is full.
const CHUNK: usize = 25;
/// Events in an answer after which no further message is read: Lambda's answers have 6 MB at most.
const EVENTS_MAX: usize = 5_000;

/// Which message is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct One {
    /// Its id, or that of one of its parts.
    pub id: PartId,
    /// Numbers in full.
    pub in_full: bool,
}

/// Which messages are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Many {
    /// Whose.
    pub of: Of,
    /// Of this day (UTC), `2026-11-21`.
    pub day: String,
    /// Behind this place: where the answer before ended.
    pub after: Option<String>,
    /// So many, the earliest.
    pub limit: usize,
    /// Numbers in full.
    pub in_full: bool,
}

/// Whose messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// A customer's.
    Customer(CustomerId),
    /// To a handset, and from it.
    Handset(Address),
}

impl<S, K, M: Messages> Handler<S, K, M> {
    pub(crate) async fn message(&self, asked: &One) -> Result<Answer, Problem> {
        let journey = self.messages.journey(asked.id).await.map_err(unavailable)?;
        let journey = journey.ok_or(Problem::NoMessage(asked.id))?;
        Ok(Answer::Message(Box::new(told(&journey, asked.in_full))))
    }

    pub(crate) async fn list_messages(&self, asked: &Many) -> Result<Answer, Problem> {
        let page = Page { after: asked.after.as_deref(), limit: asked.limit };
        let found = match &asked.of {
            Of::Customer(customer) => self.messages.of_customer(customer, &asked.day, page).await,
            Of::Handset(address) => {
                let hash = self.numbers.of(address);
                self.messages.of_handset(&hash, &asked.day, page).await
            }
        };
        self.list(found.map_err(unavailable)?, asked.in_full).await.map(Answer::Messages)
    }

    async fn list(&self, found: Found, in_full: bool) -> Result<MessageList, Problem> {
        let Found { messages, next } = found;
        let mut list = MessageList { messages: Vec::new(), next };
        let (mut events, mut read) = (0, 0);
        for chunk in messages.chunks(CHUNK) {
            let ids: Vec<_> = chunk.iter().map(|(_, message)| *message).collect();
            let journeys = self.messages.journeys(&ids).await.map_err(unavailable)?;
            events += journeys.iter().map(|journey| journey.events.len()).sum::<usize>();
            list.messages.extend(journeys.iter().map(|journey| told(journey, in_full)));
            read += chunk.len();
            if let Some((at_ms, message)) = chunk.last()
                && events >= EVENTS_MAX
                && read < messages.len()
            {
                list.next = Some(at(*at_ms, *message));
                break;
            }
        }
        Ok(list)
    }
}

fn told(journey: &Journey, in_full: bool) -> admin_api::Journey {
    let standing = journey.standing();
    let events = || journey.events.iter();
    let source = events().find_map(|event| event.source.as_deref());
    let destination = events().find_map(|event| event.destination.as_deref());
    admin_api::Journey {
        message: journey.message.to_string(),
        customer: journey.customer().map(ToString::to_string).unwrap_or_default(),
        source: source.map(|address| shown(address, in_full)),
        destination: destination.map(|address| shown(address, in_full)),
        status: standing.status,
        since_ms: standing.since_ms,
        parts: standing.parts,
        events: events().map(Into::into).collect(),
    }
}

/// Whether a text is a day as `2026-11-21`.
#[must_use]
pub fn is_day(text: &str) -> bool {
    let mut numbers = text.splitn(3, '-').map(|number| {
        let digits = number.bytes().all(|octet| octet.is_ascii_digit());
        number.parse::<u16>().ok().filter(|_| digits)
    });
    let date = (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten());
    let (Some(_), Some(month), Some(day)) = date else { return false };
    text.len() == 10
        && text.as_bytes()[4] == b'-'
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
}
