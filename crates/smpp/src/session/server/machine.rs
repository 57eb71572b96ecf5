//! The state machine of [`super`].

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use bytes::BytesMut;
use rusmpp::{CommandId, CommandStatus, session::SessionState};

use super::{
    super::{
        answer_status,
        link::{Link, Phase},
        table::{self, Peer},
        timer::Timer,
        window::Window,
    },
    Action, CloseReason, Event, NotSent, Settings, Verdict,
};
use crate::{
    Frame, Header, Octets, Pdu,
    pdu::{self, Bind, BindMode, BindResp, MultiResp, Outbind, Submit},
};

/// The session. See [`crate::session`] for the shell's loop.
#[derive(Debug)]
pub struct Server {
    link: Link,
    /// The bind that waits for its verdict.
    binding: Option<Binding>,
    interface_version: u8,
    /// The customer's requests that wait for the shell's answer.
    requests: HashMap<u32, CommandId>,
    window: usize,
    deliveries: Window,
    actions: VecDeque<Action>,
}

#[derive(Clone, Copy, Debug)]
struct Binding {
    mode: BindMode,
    sequence: u32,
}

impl Server {
    /// A session for a connection accepted at `now`.
    pub fn new(settings: Settings, now: Instant) -> Self {
        let mut link = Link::new(
            settings.enquire_link_interval,
            settings.response_deadline,
            settings.drain_deadline,
        );
        link.timers.set(Timer::Bind, now.checked_add(settings.bind_deadline));
        Self {
            link,
            binding: None,
            interface_version: 0,
            requests: HashMap::new(),
            window: 0,
            deliveries: Window::new(0),
            actions: VecDeque::new(),
        }
    }

    pub fn handle(&mut self, event: Event, now: Instant) {
        if self.link.phase == Phase::Closed {
            if let Event::Deliver { token, .. } = event {
                self.actions.push_back(Action::NotDelivered { token, why: NotSent::NotBound });
            }
            return;
        }
        match event {
            Event::Frame(frame) => self.frame(&frame, now),
            Event::BadLength => {
                self.link.bad_length();
                self.close(CloseReason::BadLength);
            }
            Event::Timeout => self.timeout(now),
            Event::BindVerdict(verdict) => self.verdict(verdict, now),
            Event::Answer { sequence, status, message_id } => {
                self.answer(sequence, status, message_id);
            }
            Event::AnswerMulti { sequence, message_id, failed } => {
                let message_id = Some(message_id);
                let pdu = Pdu::SubmitMultiResp(MultiResp { message_id, failed });
                self.answer_with(sequence, CommandId::SubmitMulti, &pdu);
            }
            Event::AnswerQuery { sequence, response } => {
                let pdu = Pdu::QuerySmResp(Some(response));
                self.answer_with(sequence, CommandId::QuerySm, &pdu);
            }
            Event::Deliver { token, submit } => self.deliver(token, submit, now),
            Event::Outbind(outbind) => self.outbind(outbind),
            Event::Shutdown => self.shutdown(now),
            Event::Closed => self.close(CloseReason::ConnectionClosed),
        }
        self.finish_if_drained(now);
        self.link.timers.set(Timer::Response, self.deliveries.deadline());
    }

    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Event::Timeout`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.link.timers.next()
    }

    /// What is to be written; the shell empties it.
    pub const fn output(&mut self) -> &mut BytesMut {
        &mut self.link.output
    }

    /// How many `deliver_sm` may be sent now; 0 when not bound for receiving.
    pub fn deliver_room(&self) -> usize {
        if self.can_deliver() { self.deliveries.room() } else { 0 }
    }

    /// Bound for receiving and not on the way to the end; what was sent may still be answered after it.
    pub fn can_deliver(&self) -> bool {
        self.link.phase == Phase::Running && table::receives(self.link.state)
    }

    /// Requests of the customer that wait for the shell's answer.
    pub fn unanswered(&self) -> usize {
        self.requests.len()
    }

    fn frame(&mut self, frame: &Frame, now: Instant) {
        self.link.framed(now);
        let header = &frame.header;
        if header.id.is_response() {
            return self.response(header);
        }
        if header.id == CommandId::Unbind && self.link.state != SessionState::Open {
            return self.link.unbind_asked(header, now);
        }
        let pdu = match self.refusal(header) {
            Some(status) => Err(status),
            None => pdu::decode(frame).map_err(|error| error.status),
        };
        match pdu {
            Ok(pdu) => self.request(header, pdu),
            Err(status) => pdu::reject(&mut self.link.output, header, status),
        }
    }

    /// Why a request is not even read: state, sequence number, window.
    fn refusal(&self, header: &Header) -> Option<CommandStatus> {
        let id = header.id;
        if self.binding.is_some() && table::is_bind(id) {
            return Some(CommandStatus::EsmeRalybnd);
        }
        if let Some(status) = table::refusal(Peer::Customer, self.link.state, id) {
            return Some(status);
        }
        if id == CommandId::EnquireLink {
            return None;
        }
        let sequence = header.sequence;
        if !table::is_sequence(sequence) || self.requests.contains_key(&sequence) {
            return Some(table::general_failure(id));
        }
        let full = !table::is_bind(id) && self.requests.len() >= self.window;
        let leaving = self.link.phase != Phase::Running;
        (full || leaving).then_some(CommandStatus::EsmeRthrottled)
    }

    fn request(&mut self, header: &Header, pdu: Pdu) {
        let sequence = header.sequence;
        let action = match pdu {
            Pdu::EnquireLink => {
                return self.link.bodyless(sequence, &Pdu::EnquireLinkResp);
            }
            Pdu::Bind(bind) => return self.bind(bind, sequence),
            Pdu::SubmitSm(submit) => Action::Submit { sequence, submit },
            Pdu::DataSm(submit) => Action::Data { sequence, submit },
            Pdu::SubmitMulti(multi) => Action::SubmitMulti { sequence, multi },
            Pdu::QuerySm(query) => Action::Query { sequence, query },
            Pdu::CancelSm(cancel) => Action::Cancel { sequence, cancel },
            Pdu::ReplaceSm(replace) => Action::Replace { sequence, replace },
            _ => {
                let status = CommandStatus::EsmeRinvcmdid;
                return pdu::reject(&mut self.link.output, header, status);
            }
        };
        self.requests.insert(sequence, header.id);
        self.actions.push_back(action);
    }

    fn bind(&mut self, bind: Bind, sequence: u32) {
        self.link.timers.stop(Timer::Bind);
        self.binding = Some(Binding { mode: bind.mode, sequence });
        self.interface_version = bind.interface_version;
        self.actions.push_back(Action::Bind(bind));
    }

    fn verdict(&mut self, verdict: Verdict, now: Instant) {
        let Some(Binding { mode, sequence }) = self.binding.take() else { return };
        let (status, system_id) = match verdict {
            Verdict::Accepted { system_id, window, deliver_window } => {
                self.window = window;
                self.deliveries = Window::new(deliver_window);
                self.link.state = table::bound(mode);
                self.link.heard(now);
                (CommandStatus::EsmeRok, system_id)
            }
            Verdict::Refused(status) => (status, Octets::new()),
        };
        let sc_interface_version = sc_interface_version(self.interface_version);
        let resp = Pdu::BindResp(BindResp { mode, system_id, sc_interface_version });
        self.write_answer(bind_id(mode), sequence, status, &resp);
        if status != CommandStatus::EsmeRok {
            self.close(CloseReason::BindRefused);
        }
    }

    fn answer(&mut self, sequence: u32, status: CommandStatus, message_id: Octets) {
        let Some(id) = self.requests.remove(&sequence) else { return };
        let pdu = match id {
            CommandId::SubmitSm => Pdu::SubmitSmResp(Some(message_id)),
            CommandId::DataSm => Pdu::DataSmResp(Some(message_id)),
            CommandId::SubmitMulti => {
                let message_id = Some(message_id);
                Pdu::SubmitMultiResp(MultiResp { message_id, failed: Vec::new() })
            }
            CommandId::CancelSm => Pdu::CancelSmResp,
            CommandId::ReplaceSm => Pdu::ReplaceSmResp,
            _ => Pdu::QuerySmResp(None),
        };
        self.write_answer(id, sequence, status, &pdu);
    }

    fn answer_with(&mut self, sequence: u32, id: CommandId, pdu: &Pdu) {
        if self.requests.get(&sequence) == Some(&id) {
            self.requests.remove(&sequence);
            self.write_answer(id, sequence, CommandStatus::EsmeRok, pdu);
        }
    }

    /// Every request gets its answer: what does not fit becomes `ESME_RSYSERR`.
    fn write_answer(&mut self, id: CommandId, sequence: u32, status: CommandStatus, pdu: &Pdu) {
        let out = &mut self.link.output;
        if pdu::encode(out, status, sequence, pdu).is_err() {
            let header = Header { length: 0, id, status: 0, sequence };
            pdu::reject(out, &header, CommandStatus::EsmeRsyserr);
        }
    }

    fn deliver(&mut self, token: u64, mut submit: Submit, now: Instant) {
        if self.interface_version < 0x34 {
            submit.tlvs = pdu::Tlvs::default();
            submit.in_payload = false;
        }
        if let Err(why) = self.send_deliver(token, &submit, now) {
            self.actions.push_back(Action::NotDelivered { token, why });
        }
    }

    fn send_deliver(&mut self, token: u64, submit: &Submit, now: Instant) -> Result<(), NotSent> {
        if self.link.phase != Phase::Running || !table::receives(self.link.state) {
            return Err(NotSent::NotBound);
        }
        if self.deliveries.room() == 0 {
            return Err(NotSent::WindowFull);
        }
        let sequence = self.link.sequence.take();
        pdu::deliver_sm(&mut self.link.output, sequence, submit).map_err(NotSent::Invalid)?;
        self.deliveries.insert(sequence, now + self.link.response_deadline, token);
        Ok(())
    }

    fn response(&mut self, header: &Header) {
        let (id, sequence) = (header.id, header.sequence);
        let ends = id == CommandId::UnbindResp || id == CommandId::GenericNack;
        if ends && self.link.phase == Phase::Unbinding(sequence) {
            return self.close(CloseReason::Unbound);
        }
        let answers_deliver = id == CommandId::DeliverSmResp || id == CommandId::GenericNack;
        if answers_deliver && let Some(token) = self.deliveries.take(sequence) {
            let status = answer_status(id, header.status);
            self.actions.push_back(Action::Delivered { token, status });
        }
    }

    fn outbind(&mut self, outbind: Outbind) {
        // One whose fields do not fit is not sent; the bind deadline ends the session then.
        if self.link.state == SessionState::Open
            && self.binding.is_none()
            && self.link.request(&Pdu::Outbind(outbind)).is_ok()
        {
            self.link.state = SessionState::Outbound;
        }
    }

    fn shutdown(&mut self, now: Instant) {
        if let Some(reason) = self.link.shutdown(now) {
            self.close(reason);
        }
    }

    fn finish_if_drained(&mut self, now: Instant) {
        let drained = self.requests.is_empty() && self.deliveries.is_empty();
        if drained && let Some(reason) = self.link.finish(CloseReason::Unbound, now) {
            self.close(reason);
        }
    }

    fn timeout(&mut self, now: Instant) {
        while let Some(timer) = self.link.timers.take_due(now) {
            if timer == Timer::Response {
                while let Some(token) = self.deliveries.take_overdue(now) {
                    self.actions.push_back(Action::Unanswered { token });
                }
            } else if let Some(reason) = self.link.due(timer, now) {
                self.close(reason);
            }
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.link.close();
        self.requests.clear();
        let tokens = self.deliveries.take_all();
        self.actions.extend(tokens.map(|token| Action::Unanswered { token }));
        self.actions.push_back(Action::Close(reason));
    }
}

const fn bind_id(mode: BindMode) -> CommandId {
    match mode {
        BindMode::Transmitter => CommandId::BindTransmitter,
        BindMode::Receiver => CommandId::BindReceiver,
        BindMode::Transceiver => CommandId::BindTransceiver,
    }
}

/// The version that the session speaks: none is told to a 3.3 client, which knows no TLVs.
const fn sc_interface_version(customer: u8) -> Option<u8> {
    match customer {
        0..0x34 => None,
        0x34..0x50 => Some(0x34),
        0x50.. => Some(0x50),
    }
}
