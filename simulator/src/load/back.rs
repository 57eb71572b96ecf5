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
    came::{self, What},
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
    connection: u32,
    count: u64,
    /// Lines of JSON, one [`came::Came`] each; none: nobody asked for them.
    log: Option<Vec<u8>>,
}

/// What a delivery is.
enum Came {
    Receipt(Option<Receipt>),
    Messages(Vec<Numbered>),
}

impl Back {
    /// `logs`: each delivery is kept as a line.
    pub fn new(answers: Answers, ledger: Arc<Ledger>, connection: u32, logs: bool) -> Self {
        let chance = fastrand::Rng::with_seed(connection.into());
        Self {
            answers,
            chance,
            ledger,
            batch: Batch::default(),
            pending: VecDeque::new(),
            connection,
            count: 0,
            log: logs.then(Vec::new),
        }
    }

    /// A submit was acknowledged with this id.
    pub fn acknowledged(&mut self, id: &[u8], item: Item, written: Instant) {
        if self.ledger.expects_receipts() {
            self.batch.acknowledged.push((id.to_vec(), item, written));
        }
    }

    /// A `deliver_sm` or `data_sm`; what cannot be read is rejected.
    pub fn delivered(&mut self, frame: &Frame, now: Now, out: &mut BytesMut) {
        let submit = match pdu::decode(frame) {
            Ok(Pdu::DeliverSm(submit) | Pdu::DataSm(submit)) => submit,
            Ok(_) => return,
            Err(error) => return pdu::reject(out, &frame.header, error.status),
        };
        if self.answers.ignore > 0.0 && self.chance.f64() < self.answers.ignore {
            self.batch.counts.ignored += 1;
            return self.note(&submit, &came(&submit), None, now);
        }
        let status = self.status();
        let came = came(&submit);
        self.note(&submit, &came, Some(status), now);
        if status == CommandStatus::EsmeRok {
            self.take(came);
        } else {
            self.batch.counts.refused += 1;
        }
        if self.answers.after.is_zero() {
            answer(&frame.header, status, out);
        } else {
            self.pending.push_back((now.instant + self.answers.after, frame.header, status));
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

    /// Lines of JSON, one [`came::Came`] each; the caller takes them.
    pub const fn log(&mut self) -> Option<&mut Vec<u8>> {
        self.log.as_mut()
    }

    fn note(&mut self, submit: &Submit, came: &Came, status: Option<CommandStatus>, now: Now) {
        let Some(log) = &mut self.log else { return };
        let what = match came {
            Came::Receipt(Some(receipt)) => What::receipt(receipt),
            Came::Receipt(None) => What::Other,
            Came::Messages(numbered) => What::messages(numbered),
        };
        let line = came::Came {
            connection: self.connection,
            place: self.count,
            at_us: now.wall_us,
            delivery: came::delivery_id(submit),
            status: status.map(u32::from),
            what,
        };
        self.count += 1;
        // Plain fields into memory: cannot fail.
        let _cannot_fail = serde_json::to_writer(&mut *log, &line);
        log.push(b'\n');
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

    fn take(&mut self, came: Came) {
        match came {
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
