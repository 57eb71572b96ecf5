//! The SMSC's side of one connection: octets in, octets out, what arrived, what is delivered. No
//! socket, no clock.

use std::{cmp::Reverse, collections::BinaryHeap, mem, sync::Arc, time::Instant};

use bytes::BytesMut;
use smpp::{
    CommandStatus, Cutter, Frame, Header, Octets, Pdu, Submit,
    frame::Cut,
    pdu::{self, Bind, BindMode, BindResp},
};

use super::{
    behaviour::{Behaviour, Fate, Verdict},
    deliveries::{Deliverer, Delivery, Noted},
    ids::Ids,
    receipts::{Accepted, Maker},
    record::Record,
    settings::{How, Settings},
};
use crate::{clock::Now, number::Numbered};

/// Who may bind; asked once per bind.
pub trait Gate {
    /// ESME_ROK, or why not.
    fn admit(&self, bind: &Bind) -> CommandStatus;
}

/// One submit as it was answered, for the tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub status: CommandStatus,
    /// The load's number; `None` for other texts, and where nobody asked.
    pub numbered: Option<Numbered>,
}

/// What is wanted of a session beside its answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// The number in the texts.
    pub numbers: bool,
    /// A record per submit.
    pub records: bool,
}

/// What the shell takes after each step.
#[derive(Debug, Default)]
pub struct Taken {
    pub arrivals: Vec<Arrival>,
    /// Lines of JSON.
    pub records: Vec<u8>,
    pub lost: u64,
    pub drops: u64,
    /// What happened to deliveries.
    pub noted: Vec<Noted>,
    /// For other binds to deliver.
    pub elsewhere: Vec<Delivery>,
}

#[derive(Debug)]
pub struct Session {
    bind: u64,
    bound: Option<(BindMode, Octets)>,
    cutter: Cutter,
    behaviour: Behaviour,
    maker: Maker,
    deliverer: Deliverer,
    ids: Ids,
    wanted: Wanted,
    pending: BinaryHeap<Reverse<Pending>>,
    count: u64,
    out: BytesMut,
    /// The id that is being written.
    id: BytesMut,
    taken: Taken,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    No,
    /// The peer said `unbind` with this sequence number; it is answered after all else.
    Unbinding(u32),
    /// Nothing more is read; what is in the output goes out.
    Closing,
}

/// A response that waits for its time; ordered by time, then by order of arrival.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pending {
    due: Instant,
    count: u64,
    response: Response,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Response {
    sequence: u32,
    id: u64,
    status: u32,
    is_data: bool,
    fate: Ending,
}

/// What of the response is written: `None` all of it; `Some((octets, close))`.
type Ending = Option<(usize, bool)>;

impl Session {
    pub fn new(bind: u64, behaviour: Behaviour, maker: Maker, ids: Ids, wanted: Wanted) -> Self {
        Self {
            maker,
            deliverer: Deliverer::default(),
            bind,
            bound: None,
            cutter: Cutter::new(Cutter::BEFORE_BIND),
            behaviour,
            ids,
            wanted,
            pending: BinaryHeap::new(),
            count: 0,
            out: BytesMut::new(),
            id: BytesMut::new(),
            taken: Taken::default(),
            end: End::No,
        }
    }

    pub fn set(&mut self, settings: Arc<Settings>, now: Now) {
        self.behaviour.set(settings, now.instant);
    }

    /// Handles every whole PDU in `input`.
    pub fn read(&mut self, input: &mut BytesMut, now: Now, gate: &impl Gate) {
        while self.end == End::No {
            match self.cutter.cut(input) {
                Cut::NeedMore => break,
                Cut::Frame(frame) => self.frame(&frame, now, gate),
                Cut::BadLength(_) => {
                    self.write(0, CommandStatus::EsmeRinvcmdlen, &Pdu::GenericNack);
                    self.end = End::Closing;
                }
            }
        }
        self.tick(now);
    }

    /// Something to deliver; it goes out with the next [`Session::tick`].
    pub fn deliver(&mut self, delivery: Delivery) {
        self.deliverer.push(delivery);
    }

    /// What was not delivered: the bind is gone.
    pub fn take_deliveries(&mut self, now: Now) -> Vec<Delivery> {
        let left = self.deliverer.take_all(now.instant);
        self.taken.noted.append(&mut self.deliverer.noted);
        left
    }

    /// Whether deliveries may go out on it.
    pub const fn receives(&self) -> bool {
        matches!(self.bound, Some((BindMode::Receiver | BindMode::Transceiver, _)))
    }

    /// Writes the responses and the deliveries that are due.
    pub fn tick(&mut self, now: Now) {
        self.respond_due(now);
        if self.end == End::No && self.receives() {
            self.deliverer.fill(&self.behaviour.settings().deliveries, &mut self.out, now);
        }
        self.taken.noted.append(&mut self.deliverer.noted);
        if !self.pending.is_empty() && self.end != End::Closing {
            return;
        }
        if let End::Unbinding(sequence) = self.end {
            self.write(sequence, CommandStatus::EsmeRok, &Pdu::UnbindResp);
            self.end = End::Closing;
        }
    }

    fn respond_due(&mut self, now: Now) {
        while self.end != End::Closing {
            match self.pending.pop() {
                Some(Reverse(next)) if next.due <= now.instant => self.respond(&next.response),
                Some(later) => return self.pending.push(later),
                None => return,
            }
        }
    }

    /// When the next response or delivery is due.
    pub fn deadline(&self) -> Option<Instant> {
        let response = self.pending.peek().map(|Reverse(next)| next.due);
        let settings = &self.behaviour.settings().deliveries;
        let delivers = self.end == End::No && self.receives();
        let delivery = if delivers { self.deliverer.deadline(settings) } else { None };
        [response, delivery].into_iter().flatten().min()
    }

    /// What is to be written; the shell takes octets off its front.
    pub const fn output(&mut self) -> &mut BytesMut {
        &mut self.out
    }

    /// Nothing more will come: close when the output is written.
    pub fn is_closing(&self) -> bool {
        self.end == End::Closing
    }

    /// The `system_id` that is bound.
    pub const fn system_id(&self) -> Option<&Octets> {
        match &self.bound {
            Some((_, system_id)) => Some(system_id),
            None => None,
        }
    }

    pub const fn taken(&mut self) -> &mut Taken {
        &mut self.taken
    }

    fn frame(&mut self, frame: &Frame, now: Now, gate: &impl Gate) {
        let header = &frame.header;
        if header.id.is_response() {
            let settings = &self.behaviour.settings().deliveries;
            let Header { sequence, status, .. } = *header;
            return self.deliverer.answered(sequence, status, settings, now.instant);
        }
        match pdu::decode(frame) {
            Err(error) => pdu::reject(&mut self.out, header, error.status),
            Ok(Pdu::EnquireLink) => {
                self.write(header.sequence, CommandStatus::EsmeRok, &Pdu::EnquireLinkResp);
            }
            Ok(Pdu::Bind(bind)) => self.bind(header, &bind, gate),
            Ok(Pdu::Unbind) if self.bound.is_some() => self.end = End::Unbinding(header.sequence),
            Ok(Pdu::SubmitSm(submit)) if self.takes_submits() => self.submit(header, &submit, now),
            Ok(Pdu::DataSm(submit)) if self.takes_submits() => self.submit(header, &submit, now),
            Ok(Pdu::Unbind | Pdu::SubmitSm(_) | Pdu::DataSm(_)) => {
                pdu::reject(&mut self.out, header, CommandStatus::EsmeRinvbndsts);
            }
            Ok(_) => pdu::reject(&mut self.out, header, CommandStatus::EsmeRinvcmdid),
        }
    }

    const fn takes_submits(&self) -> bool {
        matches!(self.bound, Some((BindMode::Transmitter | BindMode::Transceiver, _)))
    }

    fn bind(&mut self, header: &Header, bind: &Bind, gate: &impl Gate) {
        if self.bound.is_some() {
            return pdu::reject(&mut self.out, header, CommandStatus::EsmeRalybnd);
        }
        let status = match self.behaviour.settings().refuse_binds {
            Some(status) => CommandStatus::from(status),
            None => gate.admit(bind),
        };
        let system_id = Octets::from("simulator");
        let version = (bind.interface_version >= 0x34).then_some(0x34);
        let resp = BindResp { mode: bind.mode, system_id, sc_interface_version: version };
        self.write(header.sequence, status, &Pdu::BindResp(resp));
        if status == CommandStatus::EsmeRok {
            self.bound = Some((bind.mode, bind.system_id.clone()));
            self.cutter.set_cap(Cutter::BOUND);
        } else {
            self.end = End::Closing;
        }
    }

    fn submit(&mut self, header: &Header, submit: &Submit, now: Now) {
        let Verdict { status, delay, fate } =
            self.behaviour.decide(self.pending.len(), now.instant);
        let accepted = status == CommandStatus::EsmeRok;
        let id = if accepted { self.ids.take() } else { 0 };
        let numbered = if self.wanted.numbers { number_of(submit) } else { None };
        self.taken.arrivals.push(Arrival { status, numbered });
        if self.wanted.records {
            let id = accepted.then(|| self.behaviour.settings().ids.to_text(id));
            Record::of(self.bind, header, submit, id, status, now).write(&mut self.taken.records);
        }
        if accepted {
            let accepted = Accepted { submit, id, numbered, answer_after: delay };
            self.receipts(&accepted, now);
        }
        let response = Response {
            sequence: header.sequence,
            id,
            status: status.into(),
            is_data: header.id == smpp::CommandId::DataSm,
            fate: ending(fate),
        };
        if delay.is_zero() && self.pending.is_empty() {
            return self.respond(&response);
        }
        self.count += 1;
        let due = now.instant + delay;
        self.pending.push(Reverse(Pending { due, count: self.count, response }));
    }

    /// The receipts of a submit that is accepted.
    fn receipts(&mut self, accepted: &Accepted<'_>, now: Now) {
        if accepted.submit.registered_delivery == 0 {
            return;
        }
        let receives = self.receives();
        let Self { maker, behaviour, deliverer, out, taken, .. } = self;
        maker.make(behaviour.settings(), accepted, now, |made| {
            if made.other_bind || !receives {
                taken.elsewhere.push(made.delivery);
            } else if made.before_response {
                deliverer.send(made.delivery, out, now);
            } else {
                deliverer.push(made.delivery);
            }
        });
    }

    fn respond(&mut self, response: &Response) {
        let from = self.out.len();
        let status = CommandStatus::from(response.status);
        let is_ok = status == CommandStatus::EsmeRok;
        self.id.clear();
        if is_ok {
            self.behaviour.settings().ids.write(&mut self.id, response.id);
        }
        if response.is_data {
            let id = is_ok.then(|| Octets::copy_from(&self.id));
            self.write(response.sequence, status, &Pdu::DataSmResp(id));
        } else {
            let sequence = response.sequence;
            let written = pdu::submit_sm_resp(&mut self.out, sequence, status, &self.id);
            debug_assert!(written.is_ok(), "an id has at most 60 octets");
        }
        if let Some((octets, close)) = response.fate {
            self.out.truncate(from.saturating_add(octets));
            self.taken.lost += u64::from(!close);
            self.taken.drops += u64::from(close);
            if close {
                self.end = End::Closing;
            }
        }
    }

    fn write(&mut self, sequence: u32, status: CommandStatus, pdu: &Pdu) {
        let written = pdu::encode(&mut self.out, status, sequence, pdu);
        debug_assert!(written.is_ok(), "our own fields fit");
    }
}

impl Taken {
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
            && self.records.is_empty()
            && self.noted.is_empty()
            && self.elsewhere.is_empty()
            && self.lost == 0
            && self.drops == 0
    }

    pub fn clear(&mut self) {
        let Self { mut arrivals, mut records, mut noted, mut elsewhere, .. } = mem::take(self);
        arrivals.clear();
        records.clear();
        noted.clear();
        elsewhere.clear();
        *self = Self { arrivals, records, noted, elsewhere, lost: 0, drops: 0 };
    }
}

const fn ending(fate: Fate) -> Ending {
    match fate {
        Fate::Answered => None,
        Fate::Lost => Some((0, false)),
        Fate::Dropped(How::Before) => Some((0, true)),
        Fate::Dropped(How::After) => Some((usize::MAX, true)),
        Fate::Dropped(How::AfterOctets(octets)) => Some((octets, true)),
    }
}

/// The number in the text, behind a user data header if there is one.
fn number_of(submit: &Submit) -> Option<Numbered> {
    let octets: &[u8] = &submit.message;
    let text = match octets.first() {
        Some(length) if submit.has_udh() => octets.get(usize::from(*length) + 1..)?,
        _ => octets,
    };
    Numbered::from_text(text)
}

#[cfg(test)]
mod tests;
