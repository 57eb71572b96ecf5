//! One record: read it, decide, write what follows. Pure.

use std::borrow::Cow;

use domain::config::LongMessages;
use domain::message::{Message, ReferenceKind};
use domain::routing::{Chosen, Decision, How, Query};
use domain::segmentation;
use platform::function::Output;
use serde_json::value::RawValue;
use wire::V;
use wire::customer_deliveries::{CustomerDelivery, Failure};
use wire::customer_incoming::IncomingMessageRef;
use wire::message_events::{Happened, MessageEvent, PartIds};
use wire::provider_outgoing::{Origin, OutgoingRef};

use crate::configuration::Configuration;

/// The name of this program in records.
pub const BY: &str = "route";

/// A record that was read.
#[derive(Debug)]
pub struct Accepted<'a> {
    /// The message as it stands on the topic.
    raw: &'a RawValue,
    message: Message,
    /// It answers what the handset asked for: opt-outs do not count.
    is_answer: bool,
    /// It waited for its time, and that has come.
    is_released: bool,
    is_opted_out: bool,
}

impl<'a> Accepted<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// Why it can never be processed; says nothing of its content.
    pub fn read(value: &'a [u8]) -> Result<Self, String> {
        let IncomingMessageRef { message: raw, answer, released, .. } =
            wire::decode(value).map_err(|error| error.to_string())?;
        let message: Message =
            wire::decode(raw.get().as_bytes()).map_err(|error| error.to_string())?;
        if message.parts.is_empty() {
            return Err("a message without parts".to_owned());
        }
        let (is_answer, is_released) = (answer, released);
        Ok(Self { raw, message, is_answer, is_released, is_opted_out: false })
    }

    /// When it is to be sent, if it has to be parked until then (Unix milliseconds): whatever the clock
    /// says, so that a batch that comes again later does the same. A later attempt follows from one that
    /// was released.
    #[must_use]
    pub fn waits_until_ms(&self) -> Option<u64> {
        let waits = !self.is_released && self.message.attempt == 0;
        self.message.envelope.schedule_ms.filter(|_| waits)
    }

    /// The message itself.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.message
    }

    /// The message, if an opt-out counts for it.
    #[must_use]
    pub fn may_be_opted_out(&self) -> Option<&Message> {
        (!self.is_answer).then_some(&self.message)
    }

    /// The handset wants no messages from this sender.
    #[must_use]
    pub fn opted_out(self) -> Self {
        Self { is_opted_out: true, ..self }
    }

    /// The configuration version in force when it was accepted.
    #[must_use]
    pub fn config(&self) -> u64 {
        self.message.envelope.config
    }

    /// Decides, appends to `outputs` what follows, and tells what happened: before its first attempt
    /// also that it was accepted and, of parts that came one by one, joined (nobody told it before, unless
    /// it was parked).
    pub fn route(
        self,
        configuration: &Configuration,
        origin: Origin,
        now_ms: u64,
        outputs: &mut Vec<Output>,
    ) -> Vec<MessageEvent<'static>> {
        let mut events = Vec::with_capacity(2);
        if self.message.attempt == 0 && !self.is_released {
            events.push(MessageEvent::accepted(&self.message).into_owned());
            events.extend(MessageEvent::assembled(&self.message).map(MessageEvent::into_owned));
        }
        events.push(self.decide(configuration, origin, now_ms, outputs));
        events
    }

    fn decide(
        self,
        configuration: &Configuration,
        origin: Origin,
        now_ms: u64,
        outputs: &mut Vec<Output>,
    ) -> MessageEvent<'static> {
        let Self { raw, mut message, is_opted_out, .. } = self;
        let fail = |message: &Message, failure, why: &dyn std::fmt::Display, outputs: &mut _| {
            failed(message, failure, &why.to_string(), now_ms, outputs)
        };
        if message.envelope.valid_until_ms <= message.attempt_ms {
            return fail(&message, Failure::Expired, &"validity ran out", outputs);
        }
        if is_opted_out {
            return fail(&message, Failure::OptedOut, &"the handset said stop", outputs);
        }
        let chosen = match configuration.router.decide(&query(&message)) {
            Decision::Route(chosen) => chosen,
            Decision::Unroutable(why) => {
                return fail(&message, Failure::Unroutable, &why, outputs);
            }
            Decision::Refused(why) => return fail(&message, Failure::Refused, &why, outputs),
        };
        let (value, parts) = match cut(&mut message, chosen.to.long_messages) {
            Err(why) => return fail(&message, Failure::Refused, &why, outputs),
            Ok(Cut::AsItCame) => (outgoing(&chosen, origin, raw), Vec::new()),
            Ok(Cut::Parts) => (outgoing(&chosen, origin, &message), PartIds::of(&message)),
        };
        outputs.push(Output {
            topic: configuration.topic(chosen.outlet, chosen.priority),
            partition: i32::try_from(chosen.bind).ok(),
            key: message.id.to_string(),
            value,
        });
        let provider = Some(Cow::Owned(chosen.to.provider.clone()));
        let routed = event(&message, Happened::Routed, why(&chosen), now_ms);
        MessageEvent { provider, parts, ..routed }
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

enum Cut {
    AsItCame,
    Parts,
}

/// A text that came whole and that no short message holds is cut, unless the provider takes it
/// whole. What the customer cut stays as it is.
fn cut(message: &mut Message, wanted: LongMessages) -> Result<Cut, segmentation::TooLong> {
    let kind = match wanted {
        LongMessages::Payload => return Ok(Cut::AsItCame),
        LongMessages::Udh => ReferenceKind::Udh8,
        LongMessages::Sar => ReferenceKind::Sar,
    };
    let before = message.parts.len();
    segmentation::split(message, kind)?;
    Ok(if message.parts.len() == before { Cut::AsItCame } else { Cut::Parts })
}

fn outgoing<M: serde::Serialize + ?Sized>(
    chosen: &Chosen<'_>,
    origin: Origin,
    message: &M,
) -> Vec<u8> {
    let (provider, route) = (&chosen.to.provider, chosen.route);
    wire::encode(&OutgoingRef { v: V, provider, route, origin, message })
}

/// The route, and why this provider: as people read it in the journey of a message.
fn why(chosen: &Chosen<'_>) -> String {
    let Chosen { route, prefix_digits, priority, bind, .. } = chosen;
    let prefix = match prefix_digits {
        0 => "any destination".to_owned(),
        digits => format!("a prefix of {digits} digits"),
    };
    let how = match chosen.how {
        How::Weight { of, total } if u64::from(of) == total => String::new(),
        How::Weight { of, total } => format!(", weight {of} of {total}"),
        How::Failover(place) => format!(", failover {}", place + 1),
    };
    format!("route {route} ({prefix}{how}), {} bind {bind}", priority.as_str())
}

/// A failure receipt for each part that asked for one, and the event.
fn failed(
    message: &Message,
    failure: Failure,
    why: &str,
    now_ms: u64,
    outputs: &mut Vec<Output>,
) -> MessageEvent<'static> {
    let told = CustomerDelivery::failures(message, failure, now_ms);
    outputs.extend(told.map(|delivery| Output::delivery(&delivery)));
    let detail = format!("{}: {why}", failure.as_str());
    MessageEvent {
        state: Some(failure.state()),
        error: Cow::Borrowed(failure.error()),
        ..event(message, Happened::Failed, detail, now_ms)
    }
}

fn event(
    message: &Message,
    happened: Happened,
    detail: String,
    now_ms: u64,
) -> MessageEvent<'static> {
    let name = if happened == Happened::Routed { "routed" } else { "failed" };
    let id = message.id.event(name, message.attempt);
    let customer = Cow::Owned(message.envelope.customer.clone());
    MessageEvent {
        attempt: message.attempt,
        detail: Cow::Owned(detail),
        ..MessageEvent::new(id, message.id, customer, happened, BY, now_ms)
    }
}
