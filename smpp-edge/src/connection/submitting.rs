//! Submits of a bound customer: into records, to Kafka, and their outcomes into answers.

use std::time::Instant;

use domain::id::PartId;
use platform::clock::unix_ms;
use platform::kafka::Outcome;
use smpp::pdu::{Destination, Failed, Multi, Submit};
use smpp::session::server::Event;
use smpp::{CommandStatus, Octets};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Connection;
use super::binding::Bound;
use crate::translate::{Incoming, Stamp, incoming};

/// A request that waits for Kafka.
#[derive(Debug)]
pub(super) struct Pending {
    id: PartId,
    /// Records of it that have not ended: several for `submit_multi`.
    records: usize,
    status: CommandStatus,
    failed: Option<Vec<Failed>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(super) fn submit(
        &mut self,
        sequence: u32,
        submit: &Submit,
        now: Instant,
    ) -> Result<(), CommandStatus> {
        let stamp = self.stamp();
        let bound = self.bound.as_ref().ok_or(CommandStatus::EsmeRinvbndsts)?;
        let incoming = incoming(&bound.account, submit, &stamp)?;
        take_pace(bound, 1, now)?;
        self.publish(sequence, &incoming)?;
        let ok = CommandStatus::EsmeRok;
        let pending = Pending { id: incoming.id(), records: 1, status: ok, failed: None };
        self.pending.insert(sequence, pending);
        Ok(())
    }

    /// One message for each destination, their ids derived from the one that the customer is
    /// given. Destinations that cannot be are listed in the answer.
    pub(super) fn submit_multi(
        &mut self,
        sequence: u32,
        multi: &Multi,
        now: Instant,
    ) -> Result<(), CommandStatus> {
        // One id for several messages: none of them can be cancelled by it.
        let stamp = Stamp { is_one: multi.destinations.len() == 1, ..self.stamp() };
        let bound = self.bound.as_ref().ok_or(CommandStatus::EsmeRinvbndsts)?;
        let mut failed = Vec::new();
        let mut good = Vec::new();
        let mut submit = multi.submit.clone();
        for (index, destination) in multi.destinations.iter().enumerate() {
            let Destination::Address(address) = destination else {
                return Err(CommandStatus::EsmeRinvdlname);
            };
            submit.destination = address.clone();
            let id = if index == 0 { stamp.id } else { stamp.id.derive(&index.to_string()) };
            match incoming(&bound.account, &submit, &Stamp { id, ..stamp }) {
                Ok(incoming) => good.push(incoming),
                Err(status) => {
                    failed.push(Failed { address: address.clone(), status: status.into() });
                }
            }
        }
        take_pace(bound, good.len(), now)?;
        let mut pending = Pending {
            id: good.first().filter(|_| stamp.is_one).map_or(stamp.id, Incoming::id),
            records: 0,
            status: CommandStatus::EsmeRok,
            failed: Some(failed),
        };
        for incoming in &good {
            match self.publish(sequence, incoming) {
                Ok(()) => pending.records += 1,
                // Some may be on Kafka already: the answer to the whole comes with their outcomes.
                Err(status) => pending.status = status,
            }
        }
        if pending.records == 0 {
            self.finish(sequence, pending, now);
        } else {
            self.pending.insert(sequence, pending);
        }
        Ok(())
    }

    fn publish(&self, sequence: u32, incoming: &Incoming) -> Result<(), CommandStatus> {
        let (topic, key, value) = incoming.record();
        self.outbox
            .publish(sequence, topic, key.as_bytes(), &value)
            .map_err(|_| CommandStatus::EsmeRthrottled)
    }

    pub(super) fn take_outcomes(&mut self, now: Instant) {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        self.outbox.inbox.take(&mut outcomes);
        for (sequence, outcome) in outcomes.drain(..) {
            let Some(mut pending) = self.pending.remove(&sequence) else { continue };
            pending.records -= 1;
            match outcome {
                Outcome::Stored { .. } => (),
                Outcome::NeverLeft => pending.status = CommandStatus::EsmeRthrottled,
                Outcome::Unknown => pending.status = CommandStatus::EsmeRsyserr,
            }
            if pending.records > 0 {
                self.pending.insert(sequence, pending);
            } else {
                self.finish(sequence, pending, now);
            }
        }
        self.outcomes = outcomes;
        while let Some(action) = self.session.next_action() {
            self.act(action, now);
        }
    }

    fn finish(&mut self, sequence: u32, pending: Pending, now: Instant) {
        let Pending { id, status, failed, .. } = pending;
        let message_id = Octets::from(id.to_string());
        match failed {
            Some(failed) if status == CommandStatus::EsmeRok => {
                self.session.handle(Event::AnswerMulti { sequence, message_id, failed }, now);
            }
            _ => self.answer(sequence, status, message_id, now),
        }
    }

    fn stamp(&self) -> Stamp {
        let now_ms = unix_ms();
        Stamp {
            id: PartId::new(now_ms, std::array::from_fn(|_| fastrand::u8(..))).at_once(),
            now_ms,
            config: self.accounts.borrow().version,
            validity_max_h: self.node.settings.validity_max_h,
            is_one: true,
        }
    }
}

pub(super) fn take_pace(bound: &Bound, parts: usize, now: Instant) -> Result<(), CommandStatus> {
    if bound.pace.take(parts, now) { Ok(()) } else { Err(CommandStatus::EsmeRthrottled) }
}
