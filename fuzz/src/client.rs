//! The ESME's session under any events: every submit's token comes back exactly once, every request
//! of the provider is answered once or is the shell's to answer, windows are kept, and it can always
//! be ended.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use arbitrary::Arbitrary;
use smpp::{
    CommandId, CommandStatus, Submit,
    pdu::{Bind, BindMode},
    session::client::{Action, Client, Event, Settings},
};

use crate::peer::{Incoming, Requests, written};

/// Each open request of ours may have its own deadline (7), each other timer of the session one (5).
const TIMERS_MAX: usize = 12;

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
    assert!(session.closed, "it has come to its end");
}

struct Session {
    client: Client,
    now: Instant,
    closed: bool,
    bound: bool,
    requests: Requests,
    window: usize,
    deliver_window: usize,
    /// Submits that have not come back.
    tokens: HashSet<u64>,
    tokens_given: u64,
    /// Sequence numbers of our requests.
    ours: Vec<u32>,
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
        let now = Instant::now();
        let mut session = Self {
            client: Client::new(settings, now).expect("the bind fits"),
            now,
            closed: false,
            bound: false,
            requests: Requests::default(),
            window,
            deliver_window,
            tokens: HashSet::new(),
            tokens_given: 0,
            ours: Vec::new(),
        };
        session.read_output(false);
        session
    }

    fn event(&mut self, step: Step) -> Event {
        match step {
            Step::Frame(incoming) => Event::Frame(incoming.frame(&self.ours)),
            Step::BadLength => Event::BadLength,
            Step::Submit { message, in_payload } => {
                self.tokens_given += 1;
                let submit = Submit { message: message.into(), in_payload, ..Submit::default() };
                Event::Submit { token: self.tokens_given, submit }
            }
            Step::Answer { nth, status } => {
                let sequence = self.requests.nth_held(nth).unwrap_or(0);
                Event::Answer { sequence, status: CommandStatus::from(u32::from(status)) }
            }
            Step::AnswerUnknown { sequence } => {
                Event::Answer { sequence, status: CommandStatus::EsmeRok }
            }
            Step::Shutdown => Event::Shutdown,
            Step::Closed => Event::Closed,
            Step::NextTimer => {
                self.now = self.client.deadline().unwrap_or(self.now);
                Event::Timeout
            }
            Step::Timeout { after_ms } => {
                self.now += Duration::from_millis(after_ms.into());
                Event::Timeout
            }
        }
    }

    fn on(&mut self, event: Event) {
        let bad_length = matches!(event, Event::BadLength) && !self.closed;
        let answers = match &event {
            Event::Answer { sequence, .. } => Some(*sequence),
            _ => None,
        };
        match &event {
            Event::Frame(frame) if !self.closed => self.requests.came(&frame.header),
            Event::Submit { token, .. } => drop(self.tokens.insert(*token)),
            _ => {}
        }
        self.client.handle(event, self.now);
        while let Some(action) = self.client.next_action() {
            self.act(action);
        }
        self.read_output(bad_length);
        assert!(answers.is_none_or(|sequence| self.closed || !self.requests.is_held(sequence)));
        self.settle();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Bound { .. } => {
                assert!(!self.bound && !self.closed, "it is bound once");
                self.bound = true;
            }
            Action::BindRefused { .. } => assert!(!self.bound && !self.closed),
            Action::Deliver { sequence, .. } => {
                assert!(self.bound);
                self.requests.handed(sequence);
            }
            Action::NotSent { token, .. } => self.back(token),
            Action::Answered { token, .. } | Action::Unanswered { token } => {
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
        assert!(self.tokens.remove(&token), "a submit comes back once");
    }

    fn read_output(&mut self, bad_length: bool) {
        for header in written(self.client.output()) {
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
        let room = self.client.room();
        if self.closed {
            assert!(self.tokens.is_empty() && room == 0);
            return assert!(self.client.deadline().is_none());
        }
        self.requests.settle(false);
        assert!(self.requests.held_count() <= self.deliver_window);
        assert!(self.tokens.len() <= self.window);
        assert!(room == 0 || room == self.window - self.tokens.len());
        assert!(self.client.deadline().is_some(), "no session without a timer");
    }

    fn next_timer(&mut self) {
        if let Some(deadline) = self.client.deadline() {
            self.now = self.now.max(deadline);
            self.on(Event::Timeout);
        }
    }
}
