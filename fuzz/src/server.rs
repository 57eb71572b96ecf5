//! The SMSC's session under any events: every request of the customer is answered once or is the
//! shell's to answer, every delivery comes back once, windows are kept, and it can always be ended.

use std::time::Instant;

use arbitrary::Arbitrary;
use bytes::BytesMut;
use smpp::{
    CommandStatus, Octets, Submit,
    pdu::{Failed, Outbind, QueryResp},
    session::server::{Action, Event, Server, Settings, Verdict},
};

use crate::{
    books::{Books, Entry, Windows},
    peer::Incoming,
    session::{self, Side},
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
    let books = Books::new(Windows::default());
    let server = Server::new(Settings::default(), books.now);
    session::run(Smsc { server }, books, steps);
}

struct Smsc {
    server: Server,
}

impl Side for Smsc {
    type Step = Step;
    type Event = Event;
    type Action = Action;
    const SHUTDOWN: Event = Event::Shutdown;
    const TIMEOUT: Event = Event::Timeout;

    fn event(&self, step: Step, books: &mut Books) -> Event {
        let held = |nth| books.requests.nth_held(nth).unwrap_or(0);
        match step {
            Step::Frame(incoming) => Event::Frame(books.frame(incoming)),
            Step::BadLength => Event::BadLength,
            Step::Accept { window, deliver_window, system_id } => {
                Event::BindVerdict(accept(books, Windows::small(window, deliver_window), system_id))
            }
            Step::Refuse { status } => Event::BindVerdict(refuse(books, status)),
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
                let token = books.token();
                let submit = Submit { message: message.into(), in_payload, ..Submit::default() };
                Event::Deliver { token, submit }
            }
            Step::Outbind { system_id } => {
                Event::Outbind(Outbind { system_id: system_id.into(), ..Outbind::default() })
            }
            Step::Shutdown => Event::Shutdown,
            Step::Closed => Event::Closed,
            Step::NextTimer => {
                books.until(self.server.deadline());
                Event::Timeout
            }
            Step::Timeout { after_ms } => {
                books.later(after_ms);
                Event::Timeout
            }
        }
    }

    fn entry(event: &Event) -> Entry {
        match event {
            Event::Frame(frame) => Entry::Frame(frame.header),
            Event::BadLength => Entry::BadLength,
            Event::Deliver { token, .. } => Entry::Over(*token),
            Event::Answer { sequence, .. } => Entry::Answer(*sequence),
            _ => Entry::Other,
        }
    }

    fn act(&mut self, action: Action, books: &mut Books) {
        match action {
            Action::Bind(_) => {
                assert!(!books.binding, "one bind at a time");
                books.binding = true;
            }
            Action::Submit { sequence, .. }
            | Action::Data { sequence, .. }
            | Action::SubmitMulti { sequence, .. }
            | Action::Query { sequence, .. }
            | Action::Cancel { sequence, .. }
            | Action::Replace { sequence, .. } => books.requests.handed(sequence),
            Action::NotDelivered { token, .. } => books.back(token),
            Action::Delivered { token, .. } | Action::Unanswered { token } => {
                assert!(!books.closed);
                books.back(token);
            }
            Action::Close(_) => books.close(),
        }
    }

    fn settle(&self, books: &Books) {
        let held = if books.closed { 0 } else { books.requests.held_count() };
        assert_eq!(self.server.unanswered(), held);
    }

    fn handle(&mut self, event: Event, now: Instant) {
        self.server.handle(event, now);
    }

    fn next_action(&mut self) -> Option<Action> {
        self.server.next_action()
    }

    fn deadline(&self) -> Option<Instant> {
        self.server.deadline()
    }

    fn output(&mut self) -> &mut BytesMut {
        self.server.output()
    }

    fn room(&self) -> usize {
        self.server.deliver_room()
    }
}

/// Windows count from a bind's verdict; one that nobody waits for changes nothing.
fn accept(books: &mut Books, windows: Windows, system_id: Vec<u8>) -> Verdict {
    if books.binding {
        books.windows = windows;
    }
    books.binding = false;
    let Windows { held: window, out: deliver_window } = windows;
    Verdict::Accepted { system_id: system_id.into(), window, deliver_window }
}

fn refuse(books: &mut Books, status: u8) -> Verdict {
    books.binding = false;
    Verdict::Refused(CommandStatus::from(u32::from(status.max(1))))
}
