//! The SMSC's side of a session, as scripts: event, expected actions and PDUs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod binding;
#[path = "../common/mod.rs"]
mod common;
mod deliveries;
mod ending;
mod properties;
mod submits;

use std::time::{Duration, Instant};

use common::{Sent, frame, pdus, request};
use smpp::{
    CommandStatus as S, Pdu, Submit,
    pdu::{Bind, BindMode},
    session::server::{Action, Event, Server, Settings, Verdict},
};

const SECOND: Duration = Duration::from_secs(1);

/// A server and its clock.
struct Script {
    server: Server,
    now: Instant,
}

impl Script {
    fn open() -> Self {
        let now = Instant::now();
        Self { server: Server::new(Settings::default(), now), now }
    }

    /// Bound, with a window of 2 and two deliveries at once.
    fn bound(mode: BindMode, interface_version: u8) -> Self {
        let mut script = Self::open();
        let bind = Bind { mode, interface_version, ..Bind::default() };
        let (actions, _) = script.pdu(1, &Pdu::Bind(bind.clone()));
        assert_eq!(actions, [Action::Bind(bind)]);
        let (actions, sent) = script.on(accepted());
        assert_eq!((actions.len(), sent.len()), (0, 1));
        assert_eq!(sent[0].status, S::EsmeRok);
        script
    }

    fn on(&mut self, event: Event) -> (Vec<Action>, Vec<Sent>) {
        self.server.handle(event, self.now);
        let actions = std::iter::from_fn(|| self.server.next_action()).collect();
        (actions, pdus(self.server.output()))
    }

    /// A request comes in.
    fn pdu(&mut self, sequence: u32, pdu: &Pdu) -> (Vec<Action>, Vec<Sent>) {
        self.on(Event::Frame(request(sequence, pdu)))
    }

    /// A response comes in.
    fn resp(&mut self, sequence: u32, status: S, pdu: &Pdu) -> (Vec<Action>, Vec<Sent>) {
        self.on(Event::Frame(frame(sequence, status, pdu)))
    }

    /// Lets the time of the next timer come.
    fn wait(&mut self) -> (Vec<Action>, Vec<Sent>) {
        self.now = self.server.deadline().expect("a timer runs");
        self.on(Event::Timeout)
    }
}

fn accepted() -> Event {
    let system_id = "us".into();
    Event::BindVerdict(Verdict::Accepted { system_id, window: 2, deliver_window: 2 })
}

fn submit(text: &str) -> Submit {
    Submit { message: text.into(), ..Submit::default() }
}

fn answer(sequence: u32, status: S) -> Event {
    Event::Answer { sequence, status, message_id: "id".into() }
}

fn deliver(token: u64) -> Event {
    Event::Deliver { token, submit: submit("mo") }
}

const NOTHING: (Vec<Action>, Vec<Sent>) = (vec![], vec![]);

fn says(sent: Sent) -> (Vec<Action>, Vec<Sent>) {
    (vec![], vec![sent])
}

fn does(action: Action) -> (Vec<Action>, Vec<Sent>) {
    (vec![action], vec![])
}
