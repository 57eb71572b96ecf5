//! The ESME's session under any events: every submit's token comes back exactly once, every request
//! of the provider is answered once or is the shell's to answer, windows are kept, and it can always
//! be ended.

use arbitrary::Arbitrary;
use smpp::{
    CommandStatus, Submit,
    pdu::{Bind, BindMode},
    session::client::{Action, Client, Event, Settings},
};

use crate::{
    books::{Books, TIMERS_MAX},
    peer::Incoming,
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
    let mut session = Session::new(&script);
    for step in script.steps {
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
    client: Client,
    books: Books,
    bound: bool,
    window: usize,
    deliver_window: usize,
}

impl Session {
    fn new(script: &Script) -> Self {
        let modes = [BindMode::Transceiver, BindMode::Transmitter, BindMode::Receiver];
        let bind = Bind { mode: modes[usize::from(script.mode % 3)], ..Bind::default() };
        let settings = Settings {
            await_outbind: script.await_outbind,
            window: usize::from(script.window % 8),
            deliver_window: usize::from(script.deliver_window % 8),
            ..Settings::new(bind)
        };
        let (window, deliver_window) = (settings.window, settings.deliver_window);
        let books = Books::new();
        let mut session = Self {
            client: Client::new(settings, books.now).expect("the bind fits"),
            books,
            bound: false,
            window,
            deliver_window,
        };
        session.books.read(session.client.output(), false);
        session
    }

    fn event(&mut self, step: Step) -> Event {
        match step {
            Step::Frame(incoming) => Event::Frame(self.books.frame(incoming)),
            Step::BadLength => Event::BadLength,
            Step::Submit { message, in_payload } => {
                let token = self.books.token();
                let submit = Submit { message: message.into(), in_payload, ..Submit::default() };
                Event::Submit { token, submit }
            }
            Step::Answer { nth, status } => {
                let sequence = self.books.requests.nth_held(nth).unwrap_or(0);
                Event::Answer { sequence, status: CommandStatus::from(u32::from(status)) }
            }
            Step::AnswerUnknown { sequence } => {
                Event::Answer { sequence, status: CommandStatus::EsmeRok }
            }
            Step::Shutdown => Event::Shutdown,
            Step::Closed => Event::Closed,
            Step::NextTimer => {
                self.books.until(self.client.deadline());
                Event::Timeout
            }
            Step::Timeout { after_ms } => {
                self.books.later(after_ms);
                Event::Timeout
            }
        }
    }

    fn on(&mut self, event: Event) {
        let bad_length = matches!(event, Event::BadLength) && !self.books.closed;
        let answers = match &event {
            Event::Answer { sequence, .. } => Some(*sequence),
            _ => None,
        };
        match &event {
            Event::Frame(frame) if !self.books.closed => self.books.requests.came(&frame.header),
            Event::Submit { token, .. } => self.books.over(*token),
            _ => {}
        }
        self.client.handle(event, self.books.now);
        while let Some(action) = self.client.next_action() {
            self.act(action);
        }
        self.books.read(self.client.output(), bad_length);
        self.books.answered(answers);
        self.settle();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Bound { .. } => {
                assert!(!self.bound && !self.books.closed, "it is bound once");
                self.bound = true;
            }
            Action::BindRefused { .. } => assert!(!self.bound && !self.books.closed),
            Action::Deliver { sequence, .. } => {
                assert!(self.bound);
                self.books.requests.handed(sequence);
            }
            Action::NotSent { token, .. } => self.books.back(token),
            Action::Answered { token, .. } | Action::Unanswered { token } => {
                assert!(!self.books.closed);
                self.books.back(token);
            }
            Action::Close(_) => self.books.close(),
        }
    }

    fn settle(&mut self) {
        let room = self.client.room();
        if self.books.closed {
            assert!(self.books.out() == 0 && room == 0);
            return assert!(self.client.deadline().is_none());
        }
        self.books.requests.settle(false);
        assert!(self.books.requests.held_count() <= self.deliver_window);
        assert!(self.books.out() <= self.window);
        assert!(room == 0 || room == self.window - self.books.out());
        assert!(self.client.deadline().is_some(), "no session without a timer");
    }

    fn next_timer(&mut self) {
        if let Some(deadline) = self.client.deadline() {
            self.books.until(Some(deadline));
            self.on(Event::Timeout);
        }
    }
}
