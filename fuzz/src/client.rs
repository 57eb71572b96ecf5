//! The ESME's session under any events: every submit's token comes back exactly once, every request
//! of the provider is answered once or is the shell's to answer, windows are kept, and it can always
//! be ended.

use std::time::Instant;

use arbitrary::Arbitrary;
use bytes::BytesMut;
use smpp::{
    CommandStatus, Submit,
    pdu::{Bind, BindMode},
    session::client::{Action, Client, Event, Settings},
};

use crate::{
    books::{Books, Entry, Windows},
    peer::Incoming,
    session::{self, Side},
};

/// How the session is set up, and what happens to it.
#[derive(Arbitrary, Debug)]
pub struct Script {
    mode: u8,
    await_outbind: bool,
    window: u8,
    deliver_window: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Frame(Incoming),
    BadLength,
    Submit {
        message: Vec<u8>,
        in_payload: bool,
    },
    Answer {
        nth: u8,
        status: u8,
    },
    AnswerUnknown {
        sequence: u32,
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

pub fn check(script: Script) {
    let modes = [BindMode::Transceiver, BindMode::Transmitter, BindMode::Receiver];
    let bind = Bind { mode: modes[usize::from(script.mode % 3)], ..Bind::default() };
    let windows = Windows::small(script.deliver_window, script.window);
    let settings = Settings {
        await_outbind: script.await_outbind,
        window: windows.out,
        deliver_window: windows.held,
        ..Settings::new(bind)
    };
    let mut books = Books::new(windows);
    let mut client = Client::new(settings, books.now).expect("the bind fits");
    books.read(client.output(), false);
    session::run(Esme { client, bound: false }, books, script.steps);
}

struct Esme {
    client: Client,
    bound: bool,
}

impl Side for Esme {
    type Step = Step;
    type Event = Event;
    type Action = Action;
    const SHUTDOWN: Event = Event::Shutdown;
    const TIMEOUT: Event = Event::Timeout;

    fn event(&self, step: Step, books: &mut Books) -> Event {
        match step {
            Step::Frame(incoming) => Event::Frame(books.frame(incoming)),
            Step::BadLength => Event::BadLength,
            Step::Submit { message, in_payload } => {
                let token = books.token();
                let submit = Submit { message: message.into(), in_payload, ..Submit::default() };
                Event::Submit { token, submit }
            }
            Step::Answer { nth, status } => {
                let sequence = books.requests.nth_held(nth).unwrap_or(0);
                Event::Answer { sequence, status: CommandStatus::from(u32::from(status)) }
            }
            Step::AnswerUnknown { sequence } => {
                Event::Answer { sequence, status: CommandStatus::EsmeRok }
            }
            Step::Shutdown => Event::Shutdown,
            Step::Closed => Event::Closed,
            Step::NextTimer => {
                books.until(self.client.deadline());
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
            Event::Submit { token, .. } => Entry::Over(*token),
            Event::Answer { sequence, .. } => Entry::Answer(*sequence),
            _ => Entry::Other,
        }
    }

    fn act(&mut self, action: Action, books: &mut Books) {
        match action {
            Action::Bound { .. } => {
                assert!(!self.bound && !books.closed, "it is bound once");
                self.bound = true;
            }
            Action::BindRefused { .. } => assert!(!self.bound && !books.closed),
            Action::Deliver { sequence, .. } => {
                assert!(self.bound);
                books.requests.handed(sequence);
            }
            Action::NotSent { token, .. } => books.back(token),
            Action::Answered { token, .. } | Action::Unanswered { token } => {
                assert!(!books.closed);
                books.back(token);
            }
            Action::Close(_) => books.close(),
        }
    }

    fn handle(&mut self, event: Event, now: Instant) {
        self.client.handle(event, now);
    }

    fn next_action(&mut self) -> Option<Action> {
        self.client.next_action()
    }

    fn deadline(&self) -> Option<Instant> {
        self.client.deadline()
    }

    fn output(&mut self) -> &mut BytesMut {
        self.client.output()
    }

    fn room(&self) -> usize {
        self.client.room()
    }
}
