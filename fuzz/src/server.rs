//! The SMSC's session under any events: every request of the customer is answered once or is the
//! shell's to answer, every delivery comes back once, windows are kept, and it can always be ended.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use arbitrary::Arbitrary;
use smpp::{
    CommandId, CommandStatus, Octets, Submit,
    pdu::{Failed, Outbind, QueryResp},
    session::server::{Action, Event, Server, Settings, Verdict},
};

use crate::peer::{Incoming, Requests, written};

/// Each open request of ours may have its own deadline (7), each other timer of the session one (5).
const TIMERS_MAX: usize = 12;

/// What happens to the session, one after the other.
#[derive(Arbitrary, Debug)]
pub struct Script(Vec<Step>);

#[derive(Arbitrary, Debug)]
enum Step {
    Frame(Incoming),
    BadLength,
    Accept {
        window: u8,
        deliver_window: u8,
        system_id: Vec<u8>,
    },
    Refuse {
        status: u8,
    },
    Answer {
        nth: u8,
        status: u8,
        id: Vec<u8>,
    },
    AnswerUnknown {
        sequence: u32,
    },
    AnswerMulti {
        nth: u8,
        id: Vec<u8>,
        failed: u8,
    },
    AnswerQuery {
        nth: u8,
        id: Vec<u8>,
    },
    Deliver {
        message: Vec<u8>,
        in_payload: bool,
    },
    Outbind {
        system_id: Vec<u8>,
    },
    Shutdown,
    Closed,
    /// Lets the next timer's time come.
    NextTimer,
    /// Time passes, or is asked about too early.
    Timeout {
        after_ms: u16,
    },
}

pub fn check(Script(steps): Script) {
    let mut session = Session::new();
    for step in steps {
        let event = session.event(step);
        session.on(event);
    }
    // Whatever happened, the shell can end it, and time alone suffices.
    session.on(Event::Shutdown);
    for _ in 0..TIMERS_MAX {
        session.next_timer();
    }
    assert!(session.closed, "it has come to its end");
}

struct Session {
    server: Server,
    now: Instant,
    closed: bool,
    binding: bool,
    requests: Requests,
    window: usize,
    deliver_window: usize,
    /// Deliveries that have left and not come back.
    tokens: HashSet<u64>,
    tokens_given: u64,
    /// Sequence numbers of our requests.
    ours: Vec<u32>,
}

impl Session {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            server: Server::new(Settings::default(), now),
            now,
            closed: false,
            binding: false,
            requests: Requests::default(),
            window: 0,
            deliver_window: 0,
            tokens: HashSet::new(),
            tokens_given: 0,
            ours: Vec::new(),
        }
    }

    fn event(&mut self, step: Step) -> Event {
        let held = |nth| self.requests.nth_held(nth).unwrap_or(0);
        match step {
            Step::Frame(incoming) => Event::Frame(incoming.frame(&self.ours)),
            Step::BadLength => Event::BadLength,
            Step::Accept { window, deliver_window, system_id } => {
                self.accept(window, deliver_window, system_id)
            }
            Step::Refuse { status } => Event::BindVerdict(Verdict::Refused(not_ok(status))),
            Step::Answer { nth, status, id } => {
                let status = CommandStatus::from(u32::from(status));
                Event::Answer { sequence: held(nth), status, message_id: id.into() }
            }
            Step::AnswerUnknown { sequence } => {
                let (status, message_id) = (CommandStatus::EsmeRok, Octets::new());
                Event::Answer { sequence, status, message_id }
            }
            Step::AnswerMulti { nth, id, failed } => {
                let failed = vec![Failed { address: Default::default(), status: 1 }; failed.into()];
                Event::AnswerMulti { sequence: held(nth), message_id: id.into(), failed }
            }
            Step::AnswerQuery { nth, id } => {
                let response = QueryResp { message_id: id.into(), ..QueryResp::default() };
                Event::AnswerQuery { sequence: held(nth), response }
            }
            Step::Deliver { message, in_payload } => {
                self.tokens_given += 1;
                let submit = Submit { message: message.into(), in_payload, ..Submit::default() };
                Event::Deliver { token: self.tokens_given, submit }
            }
            Step::Outbind { system_id } => {
                Event::Outbind(Outbind { system_id: system_id.into(), ..Outbind::default() })
            }
            Step::Shutdown => Event::Shutdown,
            Step::Closed => Event::Closed,
            Step::NextTimer => {
                self.now = self.server.deadline().unwrap_or(self.now);
                Event::Timeout
            }
            Step::Timeout { after_ms } => {
                self.now += Duration::from_millis(after_ms.into());
                Event::Timeout
            }
        }
    }

    fn accept(&mut self, window: u8, deliver_window: u8, system_id: Vec<u8>) -> Event {
        let (window, deliver_window) = (usize::from(window % 8), usize::from(deliver_window % 8));
        if self.binding {
            (self.window, self.deliver_window) = (window, deliver_window);
        }
        let system_id = system_id.into();
        Event::BindVerdict(Verdict::Accepted { system_id, window, deliver_window })
    }

    fn on(&mut self, event: Event) {
        let bad_length = matches!(event, Event::BadLength) && !self.closed;
        let verdict = matches!(event, Event::BindVerdict(_));
        let answers = match &event {
            Event::Answer { sequence, .. } => Some(*sequence),
            _ => None,
        };
        match &event {
            Event::Frame(frame) if !self.closed => self.requests.came(&frame.header),
            Event::Deliver { token, .. } => drop(self.tokens.insert(*token)),
            _ => {}
        }
        self.binding &= !verdict;
        self.server.handle(event, self.now);
        while let Some(action) = self.server.next_action() {
            self.act(action);
        }
        self.read_output(bad_length);
        assert!(answers.is_none_or(|sequence| self.closed || !self.requests.is_held(sequence)));
        self.settle();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Bind(_) => {
                assert!(!self.binding, "one bind at a time");
                self.binding = true;
            }
            Action::Submit { sequence, .. }
            | Action::Data { sequence, .. }
            | Action::SubmitMulti { sequence, .. }
            | Action::Query { sequence, .. }
            | Action::Cancel { sequence, .. }
            | Action::Replace { sequence, .. } => self.requests.handed(sequence),
            Action::NotDelivered { token, .. } => self.back(token),
            Action::Delivered { token, .. } | Action::Unanswered { token } => {
                assert!(!self.closed);
                self.back(token);
            }
            Action::Close(_) => {
                assert!(!self.closed, "it ends once");
                self.closed = true;
            }
        }
    }

    fn back(&mut self, token: u64) {
        assert!(self.tokens.remove(&token), "a delivery comes back once");
    }

    fn read_output(&mut self, bad_length: bool) {
        for header in written(self.server.output()) {
            if !header.id.is_response() {
                assert_eq!(header.status, 0);
                self.ours.push(header.sequence);
            } else if bad_length {
                assert_eq!((header.id, header.sequence), (CommandId::GenericNack, 0));
            } else {
                self.requests.answered(&header);
            }
        }
    }

    fn settle(&mut self) {
        let room = self.server.deliver_room();
        if self.closed {
            assert!(self.tokens.is_empty() && room == 0 && self.server.unanswered() == 0);
            return assert!(self.server.deadline().is_none());
        }
        self.requests.settle(self.binding);
        assert_eq!(self.server.unanswered(), self.requests.held_count());
        assert!(self.server.unanswered() <= self.window);
        assert!(self.tokens.len() <= self.deliver_window);
        assert!(room == 0 || room == self.deliver_window - self.tokens.len());
        assert!(self.binding || self.server.deadline().is_some(), "no session without a timer");
    }

    fn next_timer(&mut self) {
        if let Some(deadline) = self.server.deadline() {
            self.now = self.now.max(deadline);
            self.on(Event::Timeout);
        }
    }
}

fn not_ok(status: u8) -> CommandStatus {
    CommandStatus::from(u32::from(status.max(1)))
}
