//! The SMSC's session under any events: every request of the customer is answered once or is the
//! shell's to answer, every delivery comes back once, windows are kept, and it can always be ended.

use arbitrary::Arbitrary;
use smpp::{
    CommandStatus, Octets, Submit,
    pdu::{Failed, Outbind, QueryResp},
    session::server::{Action, Event, Server, Settings, Verdict},
};

use crate::{
    books::{Books, TIMERS_MAX},
    peer::Incoming,
};

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
    assert!(session.books.closed, "it has come to its end");
}

struct Session {
    server: Server,
    books: Books,
    binding: bool,
    window: usize,
    deliver_window: usize,
}

impl Session {
    fn new() -> Self {
        let books = Books::new();
        Self {
            server: Server::new(Settings::default(), books.now),
            books,
            binding: false,
            window: 0,
            deliver_window: 0,
        }
    }

    fn event(&mut self, step: Step) -> Event {
        let held = |nth| self.books.requests.nth_held(nth).unwrap_or(0);
        match step {
            Step::Frame(incoming) => Event::Frame(self.books.frame(incoming)),
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
                let token = self.books.token();
                let submit = Submit { message: message.into(), in_payload, ..Submit::default() };
                Event::Deliver { token, submit }
            }
            Step::Outbind { system_id } => {
                Event::Outbind(Outbind { system_id: system_id.into(), ..Outbind::default() })
            }
            Step::Shutdown => Event::Shutdown,
            Step::Closed => Event::Closed,
            Step::NextTimer => {
                self.books.until(self.server.deadline());
                Event::Timeout
            }
            Step::Timeout { after_ms } => {
                self.books.later(after_ms);
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
        let bad_length = matches!(event, Event::BadLength) && !self.books.closed;
        let verdict = matches!(event, Event::BindVerdict(_));
        let answers = match &event {
            Event::Answer { sequence, .. } => Some(*sequence),
            _ => None,
        };
        match &event {
            Event::Frame(frame) if !self.books.closed => self.books.requests.came(&frame.header),
            Event::Deliver { token, .. } => self.books.over(*token),
            _ => {}
        }
        self.binding &= !verdict;
        self.server.handle(event, self.books.now);
        while let Some(action) = self.server.next_action() {
            self.act(action);
        }
        self.books.read(self.server.output(), bad_length);
        self.books.answered(answers);
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
            | Action::Replace { sequence, .. } => self.books.requests.handed(sequence),
            Action::NotDelivered { token, .. } => self.books.back(token),
            Action::Delivered { token, .. } | Action::Unanswered { token } => {
                assert!(!self.books.closed);
                self.books.back(token);
            }
            Action::Close(_) => self.books.close(),
        }
    }

    fn settle(&mut self) {
        let room = self.server.deliver_room();
        if self.books.closed {
            assert!(self.books.out() == 0 && room == 0 && self.server.unanswered() == 0);
            return assert!(self.server.deadline().is_none());
        }
        self.books.requests.settle(self.binding);
        assert_eq!(self.server.unanswered(), self.books.requests.held_count());
        assert!(self.server.unanswered() <= self.window);
        assert!(self.books.out() <= self.deliver_window);
        assert!(room == 0 || room == self.deliver_window - self.books.out());
        assert!(self.binding || self.server.deadline().is_some(), "no session without a timer");
    }

    fn next_timer(&mut self) {
        if let Some(deadline) = self.server.deadline() {
            self.books.until(Some(deadline));
            self.on(Event::Timeout);
        }
    }
}

fn not_ok(status: u8) -> CommandStatus {
    CommandStatus::from(u32::from(status.max(1)))
}
