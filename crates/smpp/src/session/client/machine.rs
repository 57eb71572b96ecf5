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
    Action, CloseReason, Event, NotSent, Settings,
};
use crate::{
    Frame, Header, Octets, Pdu,
    pdu::{self, Bind, BindResp, EncodeError, Submit},
};

/// The session. See [`crate::session`] for the shell's loop.
#[derive(Debug)]
pub struct Client {
    link: Link,
    bind: Bind,
    /// The sequence number of the bind that waits for its answer.
    binding: Option<u32>,
    submits: Window,
    /// The provider's deliveries that wait for the shell's answer.
    deliveries: HashMap<u32, CommandId>,
    deliver_window: usize,
    actions: VecDeque<Action>,
}

impl Client {
    /// A session for a connection made at `now`; the bind is in the output unless an `outbind` is
    /// awaited. Errors: the bind's fields do not fit.
    pub fn new(settings: Settings, now: Instant) -> Result<Self, EncodeError> {
        let mut link = Link::new(
            settings.enquire_link_interval,
            settings.response_deadline,
            settings.drain_deadline,
        );
        link.timers.set(Timer::Bind, now.checked_add(settings.bind_deadline));
        let mut client = Self {
            link,
            bind: settings.bind,
            binding: None,
            submits: Window::new(settings.window),
            deliveries: HashMap::new(),
            deliver_window: settings.deliver_window,
            actions: VecDeque::new(),
        };
        client.send_bind()?;
        if settings.await_outbind {
            client.link.output.clear();
            client.binding = None;
        }
        Ok(client)
    }

    pub fn handle(&mut self, event: Event, now: Instant) {
        if self.link.phase == Phase::Closed {
            if let Event::Submit { token, .. } = event {
                self.actions.push_back(Action::NotSent { token, why: NotSent::NotBound });
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
            Event::Submit { token, submit } => {
                if let Err(why) = self.submit(token, &submit, now) {
                    self.actions.push_back(Action::NotSent { token, why });
                }
            }
            Event::Answer { sequence, status } => self.answer(sequence, status),
            Event::Shutdown => self.shutdown(now),
            Event::Closed => self.close(CloseReason::ConnectionClosed),
        }
        self.finish_if_drained(now);
        self.link.timers.set(Timer::Response, self.submits.deadline());
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

    /// How many `submit_sm` may be sent now; 0 when not bound for sending.
    pub fn room(&self) -> usize {
        let open = self.link.phase == Phase::Running && table::transmits(self.link.state);
        if open { self.submits.room() } else { 0 }
    }

    fn frame(&mut self, frame: &Frame, now: Instant) {
        self.link.framed(now);
        let header = &frame.header;
        if header.id.is_response() {
            return self.response(frame, now);
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

    /// Why a request is not even read: state, sequence number, window. A provider's sequence number
    /// is only echoed, so any will do: refusing it would lose a receipt.
    fn refusal(&self, header: &Header) -> Option<CommandStatus> {
        let id = header.id;
        if let Some(status) = table::refusal(Peer::Provider, self.link.state, id) {
            return Some(status);
        }
        if id != CommandId::DeliverSm && id != CommandId::DataSm {
            return None;
        }
        if self.deliveries.contains_key(&header.sequence) {
            return Some(CommandStatus::EsmeRxTAppn);
        }
        let full = self.deliveries.len() >= self.deliver_window;
        let leaving = self.link.phase != Phase::Running;
        (full || leaving).then_some(CommandStatus::EsmeRthrottled)
    }

    fn request(&mut self, header: &Header, pdu: Pdu) {
        let sequence = header.sequence;
        match pdu {
            Pdu::EnquireLink => self.link.bodyless(sequence, &Pdu::EnquireLinkResp),
            Pdu::DeliverSm(submit) | Pdu::DataSm(submit) => {
                self.deliveries.insert(sequence, header.id);
                self.actions.push_back(Action::Deliver { sequence, submit });
            }
            Pdu::Outbind(_) if self.binding.is_none() => {
                // That it fits was shown when the session began.
                let _fits = self.send_bind();
            }
            Pdu::AlertNotification(_) => {}
            _ => pdu::reject(&mut self.link.output, header, CommandStatus::EsmeRinvbndsts),
        }
    }

    fn response(&mut self, frame: &Frame, now: Instant) {
        let Header { id, sequence, status, .. } = frame.header;
        let nack = id == CommandId::GenericNack;
        if (nack || id == CommandId::UnbindResp) && self.link.phase == Phase::Unbinding(sequence) {
            return self.close(CloseReason::Unbound);
        }
        if (nack || is_bind_resp(id)) && self.binding == Some(sequence) {
            return self.bind_answered(frame, now);
        }
        let answers_submit = nack || id == CommandId::SubmitSmResp;
        if answers_submit && let Some(token) = self.submits.take(sequence) {
            let status = answer_status(id, status);
            self.actions.push_back(Action::Answered {
                token,
                status,
                message_id: message_id(frame),
            });
        }
    }

    fn bind_answered(&mut self, frame: &Frame, now: Instant) {
        self.binding = None;
        self.link.timers.stop(Timer::Bind);
        let status = answer_status(frame.header.id, frame.header.status);
        if status != CommandStatus::EsmeRok {
            self.actions.push_back(Action::BindRefused { status });
            return self.close(CloseReason::BindRefused);
        }
        self.link.state = table::bound(self.bind.mode);
        self.link.heard(now);
        let resp = match pdu::decode(frame) {
            Ok(Pdu::BindResp(resp)) => resp,
            _ => BindResp::default(),
        };
        let BindResp { system_id, sc_interface_version, .. } = resp;
        self.actions.push_back(Action::Bound { system_id, sc_interface_version });
    }

    fn submit(&mut self, token: u64, submit: &Submit, now: Instant) -> Result<(), NotSent> {
        if self.link.phase != Phase::Running || !table::transmits(self.link.state) {
            return Err(NotSent::NotBound);
        }
        if self.submits.room() == 0 {
            return Err(NotSent::WindowFull);
        }
        let sequence = self.link.sequence.take();
        pdu::submit_sm(&mut self.link.output, sequence, submit).map_err(NotSent::Invalid)?;
        self.submits.insert(sequence, now + self.link.response_deadline, token);
        Ok(())
    }

    fn answer(&mut self, sequence: u32, status: CommandStatus) {
        let pdu = match self.deliveries.remove(&sequence) {
            Some(CommandId::DeliverSm) => Pdu::DeliverSmResp,
            Some(_) => Pdu::DataSmResp(None),
            None => return,
        };
        // An empty id always fits.
        let _fits = pdu::encode(&mut self.link.output, status, sequence, &pdu);
    }

    fn send_bind(&mut self) -> Result<(), EncodeError> {
        let bind = Pdu::Bind(self.bind.clone());
        self.binding = Some(self.link.request(&bind)?);
        Ok(())
    }

    fn shutdown(&mut self, now: Instant) {
        if let Some(reason) = self.link.shutdown(now) {
            self.close(reason);
        }
    }

    fn finish_if_drained(&mut self, now: Instant) {
        let drained = self.submits.is_empty() && self.deliveries.is_empty();
        if drained && let Some(reason) = self.link.finish(CloseReason::Unbound, now) {
            self.close(reason);
        }
    }

    fn timeout(&mut self, now: Instant) {
        while let Some(timer) = self.link.timers.take_due(now) {
            if timer == Timer::Response {
                while let Some(token) = self.submits.take_overdue(now) {
                    self.actions.push_back(Action::Unanswered { token });
                }
            } else if let Some(reason) = self.link.due(timer, now) {
                self.close(reason);
            }
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.link.close();
        self.deliveries.clear();
        let tokens = self.submits.take_all();
        self.actions.extend(tokens.map(|token| Action::Unanswered { token }));
        self.actions.push_back(Action::Close(reason));
    }
}

/// The id in a response; an empty one is none.
fn message_id(frame: &Frame) -> Option<Octets> {
    match pdu::decode(frame) {
        Ok(Pdu::SubmitSmResp(id)) => id.filter(|id| !id.is_empty()),
        _ => None,
    }
}

const fn is_bind_resp(id: CommandId) -> bool {
    matches!(
        id,
        CommandId::BindTransmitterResp
            | CommandId::BindReceiverResp
            | CommandId::BindTransceiverResp
    )
}
