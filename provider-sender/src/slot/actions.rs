//! What the journal's state machine asks for, carried out.

use std::time::{Duration, Instant};

use domain::id::MessageId;
use domain::octets::Octets;
use journal::{Action, Publication};
use platform::clock::unix_ms;
use platform::kafka::Refused;
use smpp::CommandStatus;
use tokio::sync::mpsc;
use wire::V;
use wire::dead_letters::DeadLetter;
use wire::provider_events::{self, Doubt, PartSummary, ProviderEvent, Summary};
use wire::submit_journal::{At, Body, End, Ending, PRIORITIES, PartAt, WholeResult};

use super::late::Late;
use super::{Sent, SlotTask};
use crate::journal_reader::Request;
use crate::publishing::Producers;
use crate::reading::{Outgoing, Poison, Reading};
use crate::translate;

pub(super) const BY: &str = "provider-sender";
/// Stretches of records on their way from the journal's reader.
const READS: usize = 4;

impl SlotTask {
    /// Everything that the machine asks for, until it asks for nothing.
    pub(super) fn act(&mut self, now: Instant) {
        while let Some(action) = self.planned.machine.next_action() {
            match action {
                Action::Append { ticket, key, body } => {
                    let number = self.next_append;
                    self.next_append += 1;
                    self.appends.insert(number, ticket);
                    if !self.append(number, &key.encode(), &body) {
                        self.append_refused(number, now);
                    }
                }
                Action::ReadJournal { from, to } => self.read_journal(from, to),
                Action::StartReading { from } => self.start_reading(from),
                Action::StopReading => self.stop_reading(),
                Action::Send { part, intent, handle } => {
                    self.intended.push_back(Sent { part, intent, outgoing: handle });
                }
                Action::Publish { number, publication } => self.publish(number, publication),
                Action::OpenBind => self.open_bind(),
                Action::CloseBind => {
                    self.close_bind(now);
                    self.take_link(now);
                }
                Action::Released => {
                    self.stop_reading();
                    self.shared.releases.released(self.number);
                }
                Action::Refuse(refusal) => {
                    tracing::error!(event = "slot_refused", slot = self.number, ?refusal);
                    self.refused(now);
                }
            }
        }
    }

    /// Whether the producer took it; if not, its queue is full.
    fn append(&self, number: u64, key: &str, body: &Body) -> bool {
        match body.encode() {
            Ok(value) => taken(self.shared.producers.append(self.number, number, key, &value)),
            // Every body has a JSON form; without one nothing could ever be journalled.
            Err(error) => {
                tracing::error!(event = "journal_unwritable", slot = self.number, %error);
                std::process::exit(1);
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
        let Some(plan) = &self.planned.plan else { return };
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

    fn stop_reading(&mut self) {
        self.reading = None;
        self.late = Late::default();
        self.passed.clear();
    }

    pub(super) fn send(&mut self, sent: Sent, now: Instant) {
        self.pacing.spend(now);
        self.observe(now);
        let Sent { part, ref outgoing, .. } = sent;
        let long =
            self.planned.plan.as_ref().map(|plan| plan.provider.long_messages).unwrap_or_default();
        let submit = translate::submit(outgoing, part.part, long, unix_ms());
        let (Some(submit), Some(bind)) = (submit, self.link.bind.as_mut()) else {
            // Never written. Without a bind it goes again; what cannot be a PDU never does.
            let status = match self.link.bind {
                Some(_) => CommandStatus::EsmeRsubmitfail,
                None => CommandStatus::EsmeRmsgqful,
            };
            return self.ended(sent, status, "");
        };
        let token = self.next_token;
        self.next_token += 1;
        self.sent.insert(token, sent);
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
        let record = match publication {
            Publication::Result { result, .. } => result.and_then(result_record),
            Publication::Doubt { part, message, attempt, intent, held } => {
                Some(self.doubt(part, message, attempt, intent, held))
            }
            Publication::Summary { at, attempt, ends, handle, .. } => {
                summary(at, attempt, &ends, &handle)
            }
        };
        match record {
            Some((key, value)) => self.unpublished.push_back((number, key, value)),
            None => self.inbox.said_already(number),
        }
        self.publish_again();
    }

    /// In order; what a full queue refuses waits for the next turn.
    pub(super) fn publish_again(&mut self) {
        while let Some((number, key, value)) = self.unpublished.pop_front() {
            let sent = self.shared.producers.publish(self.number, number, &key, &value);
            match taken(sent) {
                true => {}
                false => return self.unpublished.push_front((number, key, value)),
            }
        }
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
        let provider = self.planned.plan.as_ref().map(|plan| plan.provider.id.clone());
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

/// Whether the producer took a record; if not, its queue is full.
pub(super) fn taken(sent: Result<(), Refused>) -> bool {
    match sent {
        Ok(()) => true,
        Err(Refused::Full) => false,
        Err(Refused::Other(error)) => {
            tracing::error!(event = "producer_fatal", %error);
            std::process::exit(1);
        }
    }
}

/// A result goes out as it stands in the journal. (One that is not readable was not written by us:
/// it would be a dead letter for everyone who reads the topic.)
#[allow(clippy::needless_pass_by_value, reason = "the shape of and_then")]
fn result_record(result: WholeResult) -> Option<(String, Vec<u8>)> {
    let json = result.json();
    let key = result.key().map_or_else(|| provider_events::result_key(json), |key| Ok(key.into()));
    match key {
        Ok(key) => Some((key, json.as_bytes().to_vec())),
        Err(error) => {
            tracing::error!(event = "result_unreadable", %error);
            None
        }
    }
}

/// None where the result of the only part says all of it (docs/adr/0002).
fn summary(at: At, attempt: u16, ends: &[End], outgoing: &Outgoing) -> Option<(String, Vec<u8>)> {
    debug_assert!(usize::from(at.priority) < PRIORITIES);
    if let [End { how: Ending::Accepted, doubtful: false }] = ends {
        return None;
    }
    let message = &outgoing.message;
    let parts = message.parts.iter().zip(ends).map(|(part, end)| PartSummary {
        part: part.id,
        outcome: end.how,
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
    Some((message.id.to_string(), wire::encode(&event)))
}

/// A record that is no message blocks nobody. Whether the producer took its dead letter.
pub(super) fn dead_letter(producers: &Producers, slot: u32, poison: &Poison) -> bool {
    let Poison { topic, partition, offset, key, value, reason } = poison;
    let letter = DeadLetter {
        v: V,
        by: BY.to_owned(),
        reason: reason.clone(),
        key: Octets(key.clone()),
        value: Octets(value.clone()),
        at_ms: unix_ms(),
        partition: *partition,
        offset: *offset,
        topic: topic.clone(),
    };
    let taken = taken(producers.dead_letter(slot, topic, &wire::encode(&letter)));
    if taken {
        tracing::error!(event = "dead_letter", topic, partition, offset, reason);
    }
    taken
}
