//! What the journal's state machine asks for, carried out.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use domain::id::{MessageId, PartId};
use domain::octets::Octets;
use journal::{Action, Event, Publication};
use platform::clock::unix_ms;
use platform::kafka::Refused;
use tokio::sync::mpsc;
use wire::V;
use wire::dead_letters::DeadLetter;
use wire::message_events::{Happened, MessageEvent};
use wire::provider_events::{
    Doubt, PartSummary, ProviderEvent, SubmitOutcome, SubmitResult, Summary,
};
use wire::submit_journal::{At, End, Ending, Fate, PartAt, WholeResult};
use wire::topics::{DEAD_LETTERS, MESSAGE_EVENTS};

use super::{Sent, SlotTask};
use crate::journal_reader::Request;
use crate::publishing::Producers;
use crate::reading::{Outgoing, Poison, Reading};
use crate::translate;

const BY: &str = "provider-sender";
/// Stretches of records on their way from the journal's reader.
const READS: usize = 4;

impl SlotTask {
    /// Everything that the machine asks for, until it asks for nothing.
    pub(super) fn act(&mut self, now: Instant) {
        while let Some(action) = self.machine.next_action() {
            match action {
                Action::Append { ticket, key, body } => {
                    let number = self.next_append;
                    self.next_append += 1;
                    self.appends.insert(number, ticket);
                    // A body has a JSON form always; were there none, nothing was written.
                    let value = body.encode().unwrap_or_default();
                    let producers = &self.shared.producers;
                    if producers.append(self.number, number, &key.encode(), &value).is_err() {
                        self.appends.remove(&number);
                        self.machine.handle(Event::AppendFailed(ticket));
                    }
                }
                Action::ReadJournal { from, to } => self.read_journal(from, to),
                Action::StartReading { from } => self.start_reading(from),
                Action::StopReading => self.reading = None,
                Action::Send { part, intent, handle } => self.send(part, intent, handle, now),
                Action::Publish { number, publication } => self.publish(number, publication),
                Action::OpenBind => self.open_bind(),
                Action::CloseBind => {
                    self.close_bind(now);
                    self.take_link(now);
                }
                Action::Released => {
                    self.reading = None;
                    self.shared.releases.released(self.number);
                }
                Action::Refuse(refusal) => {
                    tracing::error!(event = "slot_refused", slot = self.number, ?refusal);
                    self.refused(now);
                }
            }
        }
    }

    fn read_journal(&mut self, from: u64, to: Option<u64>) {
        let (into, receiver) = mpsc::channel(READS);
        self.journal = Some(receiver);
        let request = Request { slot: self.number, from, to, into };
        if let Err(refused) = self.shared.journals.try_send(request) {
            // More slots than requests can wait: this one waits on a task of its own.
            let journals = self.shared.journals.clone();
            tokio::spawn(async move { journals.send(refused.into_inner()).await });
        }
    }

    fn start_reading(&mut self, from: [u64; 3]) {
        let Some(plan) = &self.plan else { return };
        let opened =
            Reading::open(&self.shared.kafka, &plan.provider.id, plan.bind, from, &self.arrived);
        match opened {
            Ok(reading) => self.reading = Some(reading),
            Err(error) => {
                // Kafka's client refuses only for want of memory or descriptors.
                let error = format!("{error:#}");
                tracing::error!(event = "outgoing_unreadable", slot = self.number, error);
                std::process::exit(1);
            }
        }
    }

    fn send(&mut self, part: PartAt, intent: u64, outgoing: Outgoing, now: Instant) {
        self.bucket.spend(1);
        self.observe(now);
        let long = self.plan.as_ref().map(|plan| plan.provider.long_messages).unwrap_or_default();
        let submit = translate::submit(&outgoing, part.part, long, unix_ms());
        let (Some(submit), Some(bind)) = (submit, self.link.bind.as_mut()) else {
            // Never written. Without a bind it goes again; what cannot be a PDU never does.
            let fate = if self.link.bind.is_some() { Fate::Rejected } else { Fate::Returned };
            self.machine.handle(Event::Answered { part, intent, fate, result: None });
            return;
        };
        let token = self.next_token;
        self.next_token += 1;
        self.sent.insert(token, Sent { part, intent, outgoing });
        bind.submit(token, submit, now);
    }

    fn observe(&mut self, now: Instant) {
        self.observed.parts += 1;
        let passed = now.saturating_duration_since(self.observed.since);
        if passed >= Duration::from_millis(200) {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let parts = self.observed.parts as f64;
            self.observed.per_s = parts / passed.as_secs_f64();
            (self.observed.since, self.observed.parts) = (now, 0);
        }
    }

    fn publish(&mut self, number: u64, publication: Publication<Outgoing>) {
        let (key, value) = match publication {
            Publication::Result { result, .. } => self.result(result),
            Publication::Doubt { part, message, attempt, intent, held } => {
                self.doubt(part, message, attempt, intent, held)
            }
            Publication::Summary { at, attempt, ends, handle, .. } => {
                summary(at, attempt, &ends, &handle)
            }
        };
        self.unpublished.push_back((number, key, value));
        self.publish_again();
    }

    /// In order; what a full queue refuses waits for the next turn.
    pub(super) fn publish_again(&mut self) {
        while let Some((number, key, value)) = self.unpublished.pop_front() {
            let sent = self.shared.producers.publish(self.number, number, &key, &value);
            match sent {
                Ok(()) => {}
                Err(Refused::Full) => {
                    self.unpublished.push_front((number, key, value));
                    return;
                }
                Err(Refused::Other(error)) => {
                    tracing::error!(event = "producer_fatal", %error);
                    std::process::exit(1);
                }
            }
        }
    }

    /// A result goes out as it stands in the journal; its key is read from it.
    fn result(&self, result: Option<WholeResult>) -> (String, Vec<u8>) {
        let json = result.as_ref().map(WholeResult::json).unwrap_or("null");
        let key = match wire::decode(json.as_bytes()) {
            Ok(ProviderEvent::Result(result)) => {
                self.tell_result(&result);
                result_key(&result)
            }
            // Written by ourselves: cannot be. The reader of the topic makes it a dead letter.
            _ => String::new(),
        };
        (key, json.as_bytes().to_vec())
    }

    fn tell_result(&self, result: &SubmitResult) {
        let accepted = result.outcome == SubmitOutcome::Accepted;
        let (happened, name) = match accepted {
            true => (Happened::Submitted, "submitted"),
            false => (Happened::Rejected, "rejected"),
        };
        let part = result.part;
        let detail = match accepted {
            true => format!("part {part} is {} there", result.provider_message_id),
            false => format!("part {part}: {}", smpp::status::name(result.status.into())),
        };
        let event = MessageEvent {
            v: V,
            id: result.message.event(&format!("{name} {part}"), result.attempt),
            message: result.message,
            customer: Cow::Borrowed(&result.customer),
            happened,
            by: Cow::Borrowed(BY),
            at_ms: result.at_ms,
            attempt: result.attempt,
            provider: Some(Cow::Borrowed(&result.provider)),
            detail: Cow::Owned(detail),
        };
        let key = result.message.to_string();
        self.shared.producers.tell(MESSAGE_EVENTS, &key, &wire::encode(&event));
    }

    fn doubt(
        &self,
        part: PartAt,
        message: uuid::Uuid,
        attempt: u16,
        intent: u64,
        held: bool,
    ) -> (String, Vec<u8>) {
        tracing::warn!(event = "submit_doubt", slot = self.number, %message, intent, held);
        let provider = self.plan.as_ref().map(|plan| plan.provider.id.clone());
        let event = ProviderEvent::Doubt(Doubt {
            v: V,
            provider: provider.unwrap_or_else(|| "".into()),
            message: MessageId::from(message),
            part: part.part,
            attempt: attempt.into(),
            slot: self.number,
            intent,
            held,
            at_ms: unix_ms(),
        });
        (message.to_string(), wire::encode(&event))
    }
}

/// Provider and its id for the part; a receipt comes under the same key.
fn result_key(result: &SubmitResult) -> String {
    match result.provider_message_id.as_str() {
        "" => PartId::to_string(&result.part),
        id => format!("{}|{id}", result.provider),
    }
}

fn summary(at: At, attempt: u16, ends: &[End], outgoing: &Outgoing) -> (String, Vec<u8>) {
    debug_assert!(usize::from(at.priority) < 3);
    let message = &outgoing.message;
    let parts = message.parts.iter().zip(ends).map(|(part, end)| PartSummary {
        part: part.id,
        outcome: outcome(end.how),
        doubtful: end.doubtful,
    });
    let event = ProviderEvent::Summary(Summary {
        v: V,
        message: message.id,
        customer: message.envelope.customer.clone(),
        provider: outgoing.provider.clone(),
        attempt: attempt.into(),
        origin: outgoing.origin,
        parts: parts.collect(),
        at_ms: unix_ms(),
    });
    (message.id.to_string(), wire::encode(&event))
}

fn outcome(how: Ending) -> SubmitOutcome {
    match how {
        Ending::Accepted => SubmitOutcome::Accepted,
        Ending::Rejected => SubmitOutcome::Rejected,
        Ending::Expired => SubmitOutcome::Expired,
        Ending::Drained => SubmitOutcome::Drained,
        Ending::Dropped => SubmitOutcome::Dropped,
        Ending::Abandoned => SubmitOutcome::Abandoned,
    }
}

/// A record that is no message blocks nobody.
pub(super) fn dead_letter(producers: &Producers, poison: Poison) {
    let Poison { topic, partition, offset, key, value, reason } = poison;
    tracing::error!(event = "dead_letter", topic, partition, offset, reason);
    let letter = DeadLetter {
        v: V,
        by: BY.to_owned(),
        reason,
        key: Octets(key),
        value: Octets(value),
        at_ms: unix_ms(),
        partition,
        offset,
        topic,
    };
    producers.tell(DEAD_LETTERS, &letter.topic, &wire::encode(&letter));
}
