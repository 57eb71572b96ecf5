//! What comes the other way over one connection of the load: read, answered as asked for, and told
//! to the ledger. No socket, no clock.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use domain::receipts::MessageState;
use smpp::{
    CommandId, CommandStatus, Frame, Header, Octets, Pdu, Submit, pdu,
    receipt::{self, Receipt as Text},
    udh,
};

use super::{
    ledger::{Batch, Ledger, Receipt},
    plan::Item,
};
use crate::{clock::Now, number::Numbered, smsc::settings::ErrorRate};

/// How deliveries are answered: OK at once by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Refuses some.
    pub refuse: Vec<ErrorRate>,
    /// The share that is never answered.
    pub ignore: f64,
    pub after: Duration,
}

#[derive(Debug)]
pub struct Back {
    answers: Answers,
    chance: fastrand::Rng,
    ledger: Arc<Ledger>,
    batch: Batch,
    /// Answers that wait for their time, in order.
    pending: VecDeque<(Instant, Header, CommandStatus)>,
}

/// What a delivery is.
enum Came {
    Receipt(Option<Receipt>),
    Messages(Vec<Numbered>),
}

impl Back {
    pub fn new(answers: Answers, ledger: Arc<Ledger>, connection: u32) -> Self {
        let chance = fastrand::Rng::with_seed(connection.into());
        Self { answers, chance, ledger, batch: Batch::default(), pending: VecDeque::new() }
    }

    /// A submit was acknowledged with this id.
    pub fn acknowledged(&mut self, id: &[u8], item: Item, written: Instant) {
        if self.ledger.expects_receipts() {
            self.batch.acknowledged.push((id.to_vec(), item, written));
        }
    }

    /// A `deliver_sm` or `data_sm`; what cannot be read is rejected.
    pub fn delivered(&mut self, frame: &Frame, now: Instant, out: &mut BytesMut) {
        let submit = match pdu::decode(frame) {
            Ok(Pdu::DeliverSm(submit) | Pdu::DataSm(submit)) => submit,
            Ok(_) => return,
            Err(error) => return pdu::reject(out, &frame.header, error.status),
        };
        if self.answers.ignore > 0.0 && self.chance.f64() < self.answers.ignore {
            self.batch.counts.ignored += 1;
            return;
        }
        let status = self.status();
        if status == CommandStatus::EsmeRok {
            self.take(&submit);
        } else {
            self.batch.counts.refused += 1;
        }
        if self.answers.after.is_zero() {
            answer(&frame.header, status, out);
        } else {
            self.pending.push_back((now + self.answers.after, frame.header, status));
        }
    }

    /// Writes the answers that are due.
    pub fn tick(&mut self, now: Instant, out: &mut BytesMut) {
        while let Some((_, header, status)) = self.pending.pop_front_if(|(due, ..)| *due <= now) {
            answer(&header, status, out);
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.pending.front().map(|(due, ..)| *due)
    }

    /// The connection is gone.
    pub fn lost(&mut self) {
        self.pending.clear();
    }

    /// Tells the ledger.
    pub fn flush(&mut self, now: Now) {
        self.ledger.note(&mut self.batch, now);
    }

    /// This connection has submitted all it had to.
    pub fn sent_all(&self, now: Instant) {
        self.ledger.sent_all(now);
    }

    pub fn waits(&self, now: Instant) -> bool {
        self.ledger.waits(now)
    }

    fn status(&mut self) -> CommandStatus {
        if self.answers.refuse.is_empty() {
            return CommandStatus::EsmeRok;
        }
        let mut chance = self.chance.f64();
        let hit = self.answers.refuse.iter().find(|rate| {
            chance -= rate.probability;
            chance < 0.0
        });
        hit.map_or(CommandStatus::EsmeRok, |rate| rate.status.into())
    }

    fn take(&mut self, submit: &Submit) {
        match came(submit) {
            Came::Receipt(Some(receipt)) => self.batch.receipts.push(receipt),
            Came::Receipt(None) => self.batch.counts.nameless += 1,
            Came::Messages(numbered) if numbered.is_empty() => self.batch.counts.unnumbered += 1,
            Came::Messages(numbered) => self.batch.messages.extend(numbered),
        }
    }
}

fn answer(header: &Header, status: CommandStatus, out: &mut BytesMut) {
    let resp = match header.id {
        CommandId::DataSm => Pdu::DataSmResp(Some(Octets::new())),
        _ => Pdu::DeliverSmResp,
    };
    let written = pdu::encode(out, status, header.sequence, &resp);
    debug_assert!(written.is_ok(), "empty fields fit");
}

fn came(submit: &Submit) -> Came {
    let kind = submit.esm_class & 0x3c;
    let tlvs = &submit.tlvs;
    if kind != 0x04 && kind != 0x20 && tlvs.receipted_message_id.is_none() {
        let text = udh::payload(submit).unwrap_or_else(|_| submit.message.clone());
        return Came::Messages(Numbered::find_all(&text));
    }
    let text = receipt::parse(&submit.message);
    let Some(id) = tlvs.receipted_message_id.as_ref().or(text.id.as_ref()) else {
        return Came::Receipt(None);
    };
    let ids_differ = text.id.as_ref().is_some_and(|other| other != id);
    let state = tlvs.message_state.and_then(MessageState::from_smpp).or_else(|| named(&text));
    let is_final = kind != 0x20 && state.and_then(MessageState::is_final) != Some(false);
    Came::Receipt(Some(Receipt { id: id.to_vec(), state, is_final, ids_differ }))
}

fn named(text: &Text) -> Option<MessageState> {
    MessageState::from_smpp(u8::from(text.state()?))
}
