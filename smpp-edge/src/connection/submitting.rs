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
use super::pending::Answer;
use crate::translate::{Incoming, Stamp, incoming};

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
        self.pending.one(sequence, incoming.id());
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
                Ok(incoming) => good.push((address, incoming)),
                Err(status) => {
                    failed.push(Failed { address: address.clone(), status: status.into() });
                }
            }
        }
        take_pace(bound, good.len(), now)?;
        let first = good.first().filter(|_| stamp.is_one);
        let id = first.map_or(stamp.id, |(_, incoming)| incoming.id());
        self.pending.several(sequence, id, failed);
        let members =
            good.iter().map(|(address, _)| self.pending.member(sequence, (*address).clone()));
        let members: Vec<u32> = members.collect();
        let mut answer = None;
        for (number, (_, incoming)) in members.into_iter().zip(&good) {
            if self.publish(number, incoming).is_err() {
                answer = self.pending.ended(number, Outcome::NeverLeft);
            }
        }
        if good.is_empty() {
            answer = self.pending.answer(sequence);
        }
        if let Some((sequence, answer)) = answer {
            self.finish(sequence, answer, now);
        }
        Ok(())
    }

    fn publish(&self, number: u32, incoming: &Incoming) -> Result<(), CommandStatus> {
        let (topic, key, value) = incoming.record();
        self.outbox
            .publish(number, topic, key.as_bytes(), &value)
            .map_err(|_| CommandStatus::EsmeRthrottled)
    }

    pub(super) fn take_outcomes(&mut self, now: Instant) {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        self.outbox.inbox.take(&mut outcomes);
        for (number, outcome) in outcomes.drain(..) {
            if let Some((sequence, answer)) = self.pending.ended(number, outcome) {
                self.finish(sequence, answer, now);
            }
        }
        self.outcomes = outcomes;
        while let Some(action) = self.session.next_action() {
            self.act(action, now);
        }
    }

    fn finish(&mut self, sequence: u32, answer: Answer, now: Instant) {
        let Answer { id, status, failed } = answer;
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
