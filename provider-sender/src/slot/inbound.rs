//! What the provider delivered and Kafka does not have yet. Answered OK only once all in-sync
//! replicas have it; whatever else becomes of it, the provider keeps it and repeats.

use std::collections::HashMap;
use std::time::Instant;

use domain::id::PartId;
use domain::octets::Octets;
use platform::clock::unix_ms;
use platform::kafka::Outcome;
use smpp::pdu::Submit;
use smpp::session::client::Event as SessionEvent;
use smpp::{CommandStatus, status};
use wire::dead_letters::DeadLetter;
use wire::{V, topics};

use super::SlotTask;
use super::actions::{BY, taken};
use crate::receiving::{Received, Stamp, received};

/// Deliveries of a slot that may wait for Kafka; one more is refused with ESME_RTHROTTLED.
const WAITING_MAX: usize = 500;
/// Of what no topic held: a dead letter's partition and offset.
const NOWHERE: i32 = -1;

/// Deliveries by their number, at most [`WAITING_MAX`].
#[derive(Debug, Default)]
pub(super) struct Inbound {
    waiting: HashMap<u64, Waiting>,
    next: u64,
    /// Counts the binds: a sequence number means something on its own bind only.
    bind: u64,
    ended: Vec<(u64, Outcome)>,
}

#[derive(Debug)]
struct Waiting {
    bind: u64,
    sequence: u32,
}

impl Inbound {
    /// A number for what came as `sequence`; none: too many wait.
    fn begin(&mut self, sequence: u32) -> Option<u64> {
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, Waiting { bind: self.bind, sequence });
        Some(number)
    }

    /// Sequence number and status of the answer; none: the bind that it came over is gone, and the
    /// provider repeats it.
    fn ended(&mut self, number: u64, outcome: Outcome) -> Option<(u32, CommandStatus)> {
        let Waiting { bind, sequence } = self.waiting.remove(&number)?;
        let status = match outcome {
            Outcome::Stored { .. } => CommandStatus::EsmeRok,
            Outcome::NeverLeft | Outcome::Unknown => CommandStatus::EsmeRsyserr,
        };
        (bind == self.bind).then_some((sequence, status))
    }

    /// What waits gets no answer any more; it still counts until Kafka is done with it.
    pub(super) fn bind_gone(&mut self) {
        self.bind += 1;
    }
}

impl SlotTask {
    /// Takes a `deliver_sm` or `data_sm`; the answer may come later.
    pub(super) fn deliver(&mut self, sequence: u32, submit: &Submit, now: Instant) {
        if let Err(refused) = self.take_delivery(sequence, submit) {
            let slot = self.number;
            let status = status::name(refused);
            tracing::debug!(event = "delivery_refused", slot, %status);
            self.answer_delivery(sequence, refused, now);
        }
    }

    fn take_delivery(&mut self, sequence: u32, submit: &Submit) -> Result<(), CommandStatus> {
        let plan = self.planned.plan.as_ref().ok_or(CommandStatus::EsmeRsyserr)?;
        let now_ms = unix_ms();
        let id = PartId::new(now_ms, std::array::from_fn(|_| fastrand::u8(..)));
        let stamp = Stamp { id, now_ms, config: self.config };
        let received = received(&plan.provider, submit, &stamp)?;
        let (topic, key, value) =
            received.record().unwrap_or_else(|| dead_letter(&received, now_ms));
        let number = self.inbound.begin(sequence).ok_or(CommandStatus::EsmeRthrottled)?;
        if taken(self.shared.producers.deliver(self.number, number, topic, &key, &value)) {
            return Ok(());
        }
        self.inbound.waiting.remove(&number);
        Err(CommandStatus::EsmeRmsgqful)
    }

    /// Answers what Kafka has, or does not take.
    pub(super) fn take_delivered(&mut self, now: Instant) {
        let mut ended = std::mem::take(&mut self.inbound.ended);
        self.inbox.take_delivered(&mut ended);
        let mut refused = 0;
        for (number, outcome) in ended.drain(..) {
            refused += usize::from(!matches!(outcome, Outcome::Stored { .. }));
            if let Some((sequence, status)) = self.inbound.ended(number, outcome) {
                self.answer_delivery(sequence, status, now);
            }
        }
        if refused > 0 {
            tracing::warn!(event = "deliveries_not_stored", slot = self.number, count = refused);
        }
        self.inbound.ended = ended;
    }

    fn answer_delivery(&mut self, sequence: u32, status: CommandStatus, now: Instant) {
        if let Some(bind) = &mut self.link.bind {
            bind.tell(SessionEvent::Answer { sequence, status }, now);
        }
    }
}

/// A receipt that names no message, for a person to look at.
fn dead_letter(received: &Received, now_ms: u64) -> (&'static str, String, Vec<u8>) {
    let value = match received {
        Received::Nameless(receipt) => wire::encode(receipt.as_ref()),
        _ => Vec::new(),
    };
    let reason = "a receipt without a message id that can be read";
    let topic = topics::PROVIDER_EVENTS.to_owned();
    tracing::error!(event = "dead_letter", topic, reason);
    let letter = DeadLetter {
        v: V,
        by: BY.to_owned(),
        reason: reason.to_owned(),
        key: Octets::default(),
        value: Octets(value),
        at_ms: now_ms,
        partition: NOWHERE,
        offset: NOWHERE.into(),
        topic,
    };
    (topics::DEAD_LETTERS, letter.topic.clone(), wire::encode(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: Outcome = Outcome::Stored { partition: 0, offset: 7 };

    #[test]
    fn only_what_kafka_has_is_answered_ok() {
        let mut inbound = Inbound::default();
        for (outcome, status) in [
            (STORED, CommandStatus::EsmeRok),
            (Outcome::NeverLeft, CommandStatus::EsmeRsyserr),
            (Outcome::Unknown, CommandStatus::EsmeRsyserr),
        ] {
            let number = inbound.begin(9).expect("there is room");
            assert_eq!(inbound.ended(number, outcome), Some((9, status)));
            assert_eq!(inbound.ended(number, outcome), None, "once");
        }
    }

    #[test]
    fn an_answer_never_goes_to_another_bind() {
        let mut inbound = Inbound::default();
        let before = inbound.begin(1).expect("there is room");
        inbound.bind_gone();
        let after = inbound.begin(1).expect("there is room");
        assert_eq!(inbound.ended(before, STORED), None);
        assert_eq!(inbound.ended(after, STORED), Some((1, CommandStatus::EsmeRok)));
    }

    #[test]
    fn what_waits_is_bounded_over_all_binds() {
        let mut inbound = Inbound::default();
        let first = inbound.begin(0).expect("there is room");
        for sequence in 1..u32::try_from(WAITING_MAX).unwrap_or(0) {
            inbound.bind_gone();
            assert!(inbound.begin(sequence).is_some());
        }
        assert_eq!(inbound.begin(1), None);
        inbound.ended(first, STORED);
        assert!(inbound.begin(1).is_some());
    }
}
