//! The ESME's side of a session, as scripts: event, expected actions and PDUs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod common;

use std::time::{Duration, Instant};

use common::{Sent, frame, pdus, raw, request, sent};
use proptest::prelude::*;
use smpp::{
    CommandId, CommandStatus as S, Pdu, Submit,
    pdu::{Alert, Bind, BindMode, BindResp, Outbind},
    session::{
        CloseReason, NotSent,
        client::{Action, Client, Event, Settings},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const NOTHING: (Vec<Action>, Vec<Sent>) = (vec![], vec![]);

/// A client and its clock.
struct Script {
    client: Client,
    now: Instant,
}

impl Script {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { window: 2, deliver_window: 2, ..Settings::new(bind()) };
        change(&mut settings);
        let now = Instant::now();
        Self { client: Client::new(settings, now).expect("the bind fits"), now }
    }

    /// The bind has gone out.
    fn binding() -> Self {
        let mut script = Self::new(|_| {});
        assert_eq!(pdus(script.client.output()), [sent(1, S::EsmeRok, Pdu::Bind(bind()))]);
        script
    }

    fn bound() -> Self {
        let mut script = Self::binding();
        let (actions, _) = script.resp(1, S::EsmeRok, &Pdu::BindResp(bind_resp()));
        let bound = Action::Bound { system_id: "smsc".into(), sc_interface_version: Some(0x34) };
        assert_eq!(actions, [bound]);
        script
    }

    fn on(&mut self, event: Event) -> (Vec<Action>, Vec<Sent>) {
        self.client.handle(event, self.now);
        let actions = std::iter::from_fn(|| self.client.next_action()).collect();
        (actions, pdus(self.client.output()))
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
        self.now = self.client.deadline().expect("a timer runs");
        self.on(Event::Timeout)
    }
}

fn bind() -> Bind {
    Bind { system_id: "gateway".into(), interface_version: 0x34, ..Bind::default() }
}

fn bind_resp() -> BindResp {
    let mode = BindMode::Transceiver;
    BindResp { mode, system_id: "smsc".into(), sc_interface_version: Some(0x34) }
}

fn message(text: &str) -> Submit {
    Submit { message: text.into(), ..Submit::default() }
}

fn submit(token: u64) -> Event {
    Event::Submit { token, submit: message("mt") }
}

fn says(sent: Sent) -> (Vec<Action>, Vec<Sent>) {
    (vec![], vec![sent])
}

fn does(action: Action) -> (Vec<Action>, Vec<Sent>) {
    (vec![action], vec![])
}

#[test]
fn a_session_shows_nothing_of_what_it_holds() {
    let mut settings = Settings::new(bind());
    settings.bind.password = "canary".into();
    let client = Client::new(settings.clone(), Instant::now()).expect("the bind fits");
    let shown = format!("{client:?} {settings:?}");
    assert!(!shown.contains("canary") && !shown.contains("gateway"), "{shown}");
}

#[test]
fn submits_are_answered_in_any_order_with_their_tokens() {
    let mut script = Script::bound();
    assert_eq!(script.client.room(), 2);
    assert_eq!(script.on(submit(70)), says(sent(2, S::EsmeRok, Pdu::SubmitSm(message("mt")))));
    script.on(submit(71));
    let full = Action::NotSent { token: 72, why: NotSent::WindowFull };
    assert_eq!(script.on(submit(72)), does(full));
    let id = Some("id-3".into());
    let second = script.resp(3, S::EsmeRok, &Pdu::SubmitSmResp(id.clone()));
    assert_eq!(second, does(Action::Answered { token: 71, status: S::EsmeRok, message_id: id }));
    let first = script.resp(2, S::EsmeRthrottled, &Pdu::SubmitSmResp(None));
    let throttled = Action::Answered { token: 70, status: S::EsmeRthrottled, message_id: None };
    assert_eq!(first, does(throttled));
    assert_eq!(script.resp(2, S::EsmeRok, &Pdu::SubmitSmResp(None)), NOTHING, "answered once");
    assert_eq!(script.client.room(), 2);
}

#[test]
fn a_generic_nack_answers_the_submit_with_its_number_and_is_never_success() {
    for (status, told) in [(S::EsmeRinvcmdlen, S::EsmeRinvcmdlen), (S::EsmeRok, S::EsmeRunknownerr)]
    {
        let mut script = Script::bound();
        script.on(submit(70));
        let answered = script.resp(2, status, &Pdu::GenericNack);
        let action = Action::Answered { token: 70, status: told, message_id: None };
        assert_eq!(answered, does(action));
    }
    let mut script = Script::bound();
    assert_eq!(script.resp(0, S::EsmeRinvcmdlen, &Pdu::GenericNack), NOTHING);
}

#[test]
fn an_id_that_is_empty_or_without_nul_is_understood() {
    for (body, id) in [(&b"\0"[..], None), (b"", None), (b"abc", Some("abc".into()))] {
        let mut script = Script::bound();
        script.on(submit(70));
        let answered = script.on(Event::Frame(raw(CommandId::SubmitSmResp, 2, body)));
        let action = Action::Answered { token: 70, status: S::EsmeRok, message_id: id };
        assert_eq!(answered, does(action));
    }
}

#[test]
fn a_bind_that_is_refused_or_not_answered_ends_the_session() {
    let refusals = [Pdu::BindResp(bind_resp()), Pdu::GenericNack];
    for pdu in refusals {
        let mut script = Script::binding();
        let (actions, _) = script.resp(1, S::EsmeRinvpaswd, &pdu);
        let refused = Action::BindRefused { status: S::EsmeRinvpaswd };
        assert_eq!(actions, [refused, Action::Close(CloseReason::BindRefused)]);
    }
    let mut script = Script::binding();
    assert_eq!(script.client.deadline(), Some(script.now + 10 * SECOND));
    assert_eq!(script.wait(), does(Action::Close(CloseReason::BindDeadline)));
}

#[test]
fn nothing_is_sent_before_the_bind_or_as_a_receiver() {
    let mut receiver = Script::new(|settings| settings.bind.mode = BindMode::Receiver);
    pdus(receiver.client.output());
    receiver.resp(1, S::EsmeRok, &Pdu::BindResp(BindResp::default()));
    for mut script in [Script::binding(), receiver] {
        let refused = Action::NotSent { token: 1, why: NotSent::NotBound };
        assert_eq!(script.client.room(), 0);
        assert_eq!(script.on(submit(1)), does(refused));
    }
}

#[test]
fn a_submit_that_does_not_fit_is_given_back() {
    let mut script = Script::bound();
    let submit = Submit { message: vec![0; 256].into(), ..Submit::default() };
    let (actions, out) = script.on(Event::Submit { token: 1, submit });
    assert!(matches!(actions[..], [Action::NotSent { token: 1, why: NotSent::Invalid(_) }]));
    assert_eq!((out, script.client.room()), (vec![], 2));
}

#[test]
fn a_submit_without_an_answer_is_reported_at_its_deadline_and_frees_its_place() {
    let mut script = Script::bound();
    script.on(submit(70));
    script.now += 20 * SECOND;
    script.on(submit(71));
    script.pdu(1, &Pdu::EnquireLink);
    assert_eq!(script.wait(), does(Action::Unanswered { token: 70 }));
    assert_eq!(script.client.room(), 1);
    assert_eq!(script.client.deadline(), Some(script.now + 20 * SECOND));
}

#[test]
fn a_closed_connection_reports_every_open_submit_once() {
    let mut script = Script::bound();
    script.on(submit(70));
    script.on(submit(71));
    let (actions, _) = script.on(Event::Closed);
    let open = [70, 71].map(|token| Action::Unanswered { token });
    assert_eq!(actions[..2], open);
    assert_eq!(actions[2..], [Action::Close(CloseReason::ConnectionClosed)]);
    let refused = Action::NotSent { token: 72, why: NotSent::NotBound };
    assert_eq!(script.on(submit(72)), does(refused));
}

#[test]
fn deliveries_are_answered_by_the_shell_in_any_order() {
    let mut script = Script::bound();
    let data = Submit { in_payload: true, ..message("mo") };
    // A provider's sequence numbers are only echoed.
    let first = script.pdu(0, &Pdu::DeliverSm(message("mo")));
    assert_eq!(first, does(Action::Deliver { sequence: 0, submit: message("mo") }));
    let second = script.pdu(0xffff_ffff, &Pdu::DataSm(data.clone()));
    assert_eq!(second, does(Action::Deliver { sequence: 0xffff_ffff, submit: data }));
    let over = script.pdu(5, &Pdu::DeliverSm(message("mo")));
    assert_eq!(over, says(sent(5, S::EsmeRthrottled, Pdu::DeliverSmResp)));
    let again = script.pdu(0, &Pdu::DeliverSm(message("mo")));
    assert_eq!(again, says(sent(0, S::EsmeRxTAppn, Pdu::DeliverSmResp)));
    let answer = Event::Answer { sequence: 0xffff_ffff, status: S::EsmeRsyserr };
    assert_eq!(script.on(answer), says(sent(0xffff_ffff, S::EsmeRsyserr, Pdu::DataSmResp(None))));
    let answer = Event::Answer { sequence: 0, status: S::EsmeRok };
    assert_eq!(script.on(answer.clone()), says(sent(0, S::EsmeRok, Pdu::DeliverSmResp)));
    assert_eq!(script.on(answer), NOTHING);
}

#[test]
fn what_a_provider_may_not_send_is_refused_and_the_session_lives() {
    let mut script = Script::bound();
    let cases = [
        (request(1, &Pdu::SubmitSm(message("?"))), S::EsmeRinvbndsts, Pdu::SubmitSmResp(None)),
        (raw(CommandId::Other(0x99), 1, b""), S::EsmeRinvcmdid, Pdu::GenericNack),
        (raw(CommandId::DeliverSm, 1, b"\0\x01\x0149"), S::EsmeRinvsrcadr, Pdu::DeliverSmResp),
        (request(1, &Pdu::EnquireLink), S::EsmeRok, Pdu::EnquireLinkResp),
    ];
    for (frame, status, pdu) in cases {
        assert_eq!(script.on(Event::Frame(frame)), says(sent(1, status, pdu)));
    }
    assert_eq!(script.pdu(1, &Pdu::AlertNotification(Alert::default())), NOTHING);
}

#[test]
fn an_awaited_outbind_starts_the_bind() {
    let mut script = Script::new(|settings| settings.await_outbind = true);
    assert!(script.client.output().is_empty());
    let outbind = Pdu::Outbind(Outbind::default());
    let (_, out) = script.pdu(1, &outbind);
    assert_eq!(out[0].pdu, Pdu::Bind(bind()));
    let (actions, _) = script.resp(out[0].sequence, S::EsmeRok, &Pdu::BindResp(bind_resp()));
    assert!(matches!(actions[..], [Action::Bound { .. }]));
    let late = script.pdu(2, &outbind);
    assert_eq!(late, says(sent(2, S::EsmeRinvbndsts, Pdu::GenericNack)));
}

#[test]
fn silence_is_asked_about_and_silence_after_that_closes() {
    let mut script = Script::bound();
    assert_eq!(script.wait(), says(sent(2, S::EsmeRok, Pdu::EnquireLink)));
    assert_eq!(script.resp(2, S::EsmeRok, &Pdu::EnquireLinkResp), NOTHING);
    script.wait();
    assert_eq!(script.wait(), does(Action::Close(CloseReason::PeerSilent)));
}

#[test]
fn shutdown_finishes_the_window_and_unbinds() {
    let mut script = Script::bound();
    script.on(submit(70));
    assert_eq!(script.on(Event::Shutdown), NOTHING);
    let refused = Action::NotSent { token: 71, why: NotSent::NotBound };
    assert_eq!(script.on(submit(71)), does(refused));
    let (actions, out) = script.resp(2, S::EsmeRok, &Pdu::SubmitSmResp(Some("id".into())));
    assert_eq!((actions.len(), out), (1, vec![sent(3, S::EsmeRok, Pdu::Unbind)]));
    let crossing = script.pdu(9, &Pdu::Unbind);
    assert_eq!(crossing, says(sent(9, S::EsmeRok, Pdu::UnbindResp)));
    let end = script.resp(3, S::EsmeRok, &Pdu::UnbindResp);
    assert_eq!(end, does(Action::Close(CloseReason::Unbound)));
}

#[test]
fn a_providers_unbind_waits_for_the_answers_to_come_but_not_for_ever() {
    let mut script = Script::bound();
    script.on(submit(70));
    assert_eq!(script.pdu(9, &Pdu::Unbind), NOTHING);
    script.now += 30 * SECOND;
    let (actions, out) = script.on(Event::Timeout);
    assert_eq!(actions[0], Action::Unanswered { token: 70 });
    assert!(matches!(actions[1..], [Action::Close(_)]));
    assert!(out.contains(&sent(9, S::EsmeRok, Pdu::UnbindResp)));
}

fn any_event() -> impl Strategy<Value = Event> {
    let sequence = 0u32..6;
    let ids = prop_oneof![0u32..0x22, 0x8000_0000u32..0x8000_0022, Just(0x103), any::<u32>()];
    let body =
        prop_oneof![Just(vec![]), Just(vec![0; 17]), prop::collection::vec(any::<u8>(), 0..40),];
    prop_oneof![
        6 => (ids, sequence.clone(), body)
            .prop_map(|(id, sequence, body)| Event::Frame(raw(id.into(), sequence, &body))),
        2 => sequence.prop_map(|sequence| Event::Answer { sequence, status: S::EsmeRok }),
        4 => any::<u64>().prop_map(submit),
        2 => Just(Event::Timeout),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_every_token_comes_back_exactly_once(
        events in prop::collection::vec((any_event(), 0u64..20), 0..120),
        end in prop_oneof![Just(Event::Closed), Just(Event::BadLength)],
    ) {
        let mut script = Script::bound();
        let (mut given, mut taken, mut closed) = (vec![], vec![], 0);
        for (event, seconds) in events.into_iter().chain([(end, 0)]) {
            script.now += Duration::from_secs(seconds);
            if let Event::Submit { token, .. } = &event { given.push(*token); }
            for action in script.on(event).0 {
                match action {
                    Action::Answered { token, .. }
                    | Action::Unanswered { token }
                    | Action::NotSent { token, .. } => taken.push(token),
                    Action::Close(_) => closed += 1,
                    _ => prop_assert_eq!(closed, 0, "nothing after the end"),
                }
            }
            prop_assert!(script.client.room() <= 2);
        }
        given.sort_unstable();
        taken.sort_unstable();
        prop_assert_eq!(given, taken);
        prop_assert_eq!((closed, script.client.deadline()), (1, None));
    }
}
