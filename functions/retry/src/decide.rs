//! What follows an attempt that failed. Pure: the same at every run.
//!
//! It is tried elsewhere only if no provider can have any part of it: what was accepted, or is in
//! doubt, or was given up in doubt, is never sent again from here (design, section 6).

use std::borrow::Cow;

use domain::id::PartId;
use domain::message::{Message, Part, asks_for_failure};
use domain::routing::{Decision, Query, Refused, Router, Unroutable};
use wire::customer_deliveries::{CustomerDelivery, Failure};
use wire::message_events::{Happened, MessageEvent};
use wire::provider_events::PartSummary;
use wire::retries::{Because, Retry};
use wire::submit_journal::Ending;

use crate::ports::Ground;

/// The name of this program in records.
pub const BY: &str = "retry";

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The next attempt.
    Attempt(Box<Message>),
    /// The customer is told, if it asked for that.
    Tell(Vec<CustomerDelivery>, String),
    /// Nothing can be done: its addresses are not known any more.
    Lost,
}

/// What follows the attempt that `retry` names. `message` is what was accepted, as Kafka has it;
/// none: it has it no more. `router` is that of the ground's version.
#[must_use]
pub fn decide(retry: &Retry, message: Option<Message>, router: &Router, ground: &Ground) -> Next {
    let of_this_attempt =
        |message: &Message| message.id == retry.message && message.attempt == retry.attempt;
    match (message.filter(of_this_attempt), &retry.because) {
        (Some(message), because) => {
            let next =
                elsewhere(because).and_then(|()| next_attempt(retry, &message, router, ground));
            match next {
                Ok(next) => Next::Attempt(Box::new(next)),
                Err(why) => Next::Tell(told(because, &message, ground), why.to_string()),
            }
        }
        (None, Because::Receipt(deliveries)) => {
            Next::Tell(deliveries.clone(), "the message is not kept any more".to_owned())
        }
        (None, Because::Summary(_)) => Next::Lost,
    }
}

/// Why a message is not tried elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NotElsewhere<'r> {
    #[error("a part of it was accepted, or may have been")]
    PartlyOut,
    #[error("its validity ran out")]
    Expired,
    #[error("{0}")]
    Unroutable(Unroutable<'r>),
    #[error("{0}")]
    Refused(Refused),
}

/// Whether surely nobody has any part of it. A receipt that leads here says so itself.
fn elsewhere<'r>(because: &Because) -> Result<(), NotElsewhere<'r>> {
    let Because::Summary(parts) = because else { return Ok(()) };
    let may_be_out = |part: &PartSummary| {
        part.doubtful || matches!(part.outcome, Ending::Accepted | Ending::Dropped)
    };
    if parts.iter().any(may_be_out) { Err(NotElsewhere::PartlyOut) } else { Ok(()) }
}

fn next_attempt<'r>(
    retry: &Retry,
    message: &Message,
    router: &'r Router,
    ground: &Ground,
) -> Result<Message, NotElsewhere<'r>> {
    if message.envelope.valid_until_ms <= ground.at_ms {
        return Err(NotElsewhere::Expired);
    }
    let mut next = message.clone();
    next.attempt += 1;
    next.attempt_ms = ground.at_ms;
    // Replays route the same way: `route` looks at the version on the record.
    next.envelope.config = ground.config;
    if !next.tried.contains(&retry.provider) {
        next.tried.push(retry.provider.clone());
    }
    match router.decide(&query(&next)) {
        Decision::Route(_) => Ok(next),
        Decision::Unroutable(why) => Err(NotElsewhere::Unroutable(why)),
        Decision::Refused(why) => Err(NotElsewhere::Refused(why)),
    }
}

fn query(message: &Message) -> Query<'_> {
    let envelope = &message.envelope;
    Query {
        customer: &envelope.customer,
        sender: envelope.source.digits(),
        destination: envelope.destination.digits(),
        priority: envelope.priority,
        accepted_ms: envelope.accepted_ms,
        message: message.id,
        tried: &message.tried,
    }
}

fn told(because: &Because, message: &Message, ground: &Ground) -> Vec<CustomerDelivery> {
    let summary = match because {
        Because::Receipt(deliveries) => return deliveries.clone(),
        Because::Summary(summary) => summary,
    };
    let mut told = Vec::new();
    for part in message.parts.iter().filter(|part| asks_for_failure(part.receipt)) {
        let Some(failure) = failure(part, message, summary, ground.at_ms) else { continue };
        for id in std::iter::once(&part.id).chain(&part.aliases) {
            let (id, envelope) = (*id, &message.envelope);
            told.push(CustomerDelivery::failure(message.id, envelope, id, failure, ground.at_ms));
        }
    }
    told
}

/// How a part failed; none: it did not. A text that came whole has one id, and failed if any part
/// that it was cut into did.
fn failure(part: &Part, message: &Message, of: &[PartSummary], at_ms: u64) -> Option<Failure> {
    let came_whole = message.split.is_none();
    let is_it = |id: PartId| came_whole || id == part.id;
    let failed = |it: &&PartSummary| is_it(it.part) && it.outcome != Ending::Accepted;
    let failed = of.iter().filter(failed).collect::<Vec<_>>();
    // The others were abandoned because of one, which tells more.
    let cause = failed.iter().find(|it| it.outcome != Ending::Abandoned).or(failed.first())?;
    Some(match cause.outcome {
        _ if cause.doubtful => Failure::Unknown,
        Ending::Dropped => Failure::Unknown,
        Ending::Expired => Failure::Expired,
        Ending::Drained if message.envelope.valid_until_ms <= at_ms => Failure::Expired,
        _ => Failure::Rejected,
    })
}

/// What happened by that.
#[must_use]
pub fn event(retry: &Retry, next: &Next, ground: &Ground) -> MessageEvent<'static> {
    let (name, happened, attempt, detail) = match next {
        Next::Attempt(next) => {
            let version = ground.config;
            let detail = format!("after {}, by configuration version {version}", retry.provider);
            ("retried", Happened::Retried, next.attempt, detail)
        }
        Next::Tell(_, why) => ("failed", Happened::Failed, retry.attempt, why.clone()),
        Next::Lost => {
            let why = "the message is not kept any more".to_owned();
            ("failed", Happened::Failed, retry.attempt, why)
        }
    };
    let (id, customer) = (retry.message.event(name, attempt), Cow::Owned(retry.customer.clone()));
    MessageEvent {
        attempt,
        provider: Some(Cow::Owned(retry.provider.clone())),
        detail: Cow::Owned(detail),
        ..MessageEvent::new(id, retry.message, customer, happened, BY, ground.at_ms)
    }
}
