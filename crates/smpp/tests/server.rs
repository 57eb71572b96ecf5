//! The SMSC's side of a session, as scripts: event, expected actions and PDUs.
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
    CommandId, CommandStatus as S, Octets, Pdu, Submit,
    pdu::{Bind, BindMode, BindResp, MultiResp, Outbind, Query, QueryResp},
    session::{
        CloseReason, NotSent,
        server::{Action, Event, Server, Settings, Verdict},
    },
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

#[test]
fn a_customer_binds_submits_and_unbinds() {
    let mut script = Script::bound(BindMode::Transmitter, 0x34);
    let action = Action::Submit { sequence: 2, submit: submit("hi") };
    assert_eq!(script.pdu(2, &Pdu::SubmitSm(submit("hi"))), does(action));
    let resp = sent(2, S::EsmeRok, Pdu::SubmitSmResp(Some("id".into())));
    assert_eq!(script.on(answer(2, S::EsmeRok)), says(resp));
    let unbound = vec![Action::Close(CloseReason::Unbound)];
    let resp = vec![sent(3, S::EsmeRok, Pdu::UnbindResp)];
    assert_eq!(script.pdu(3, &Pdu::Unbind), (unbound, resp));
    assert_eq!(script.server.deadline(), None);
}

#[test]
fn the_bind_response_tells_a_version_to_those_who_know_the_parameter() {
    for (version, told) in [(0x33, None), (0x34, Some(0x34)), (0x50, Some(0x50))] {
        let mut script = Script::open();
        let bind = Bind { interface_version: version, ..Bind::default() };
        script.pdu(1, &Pdu::Bind(bind));
        let resp = BindResp {
            mode: BindMode::Transceiver,
            system_id: "us".into(),
            sc_interface_version: told,
        };
        assert_eq!(script.on(accepted()), says(sent(1, S::EsmeRok, Pdu::BindResp(resp))));
    }
}

#[test]
fn a_refused_bind_is_answered_and_the_session_ends() {
    let mut script = Script::open();
    script.pdu(1, &Pdu::Bind(Bind::default()));
    let refused = Event::BindVerdict(Verdict::Refused(S::EsmeRbindfail));
    let resp = sent(1, S::EsmeRbindfail, Pdu::BindResp(BindResp::default()));
    assert_eq!(script.on(refused), (vec![Action::Close(CloseReason::BindRefused)], vec![resp]));
}

#[test]
fn who_does_not_bind_in_time_is_closed() {
    let mut script = Script::open();
    let bad = script.on(Event::Frame(raw(CommandId::BindTransmitter, 1, b"no end")));
    assert_eq!(bad.1[0].status, S::EsmeRinvsysid, "a bad bind may be tried again");
    assert_eq!(script.server.deadline(), Some(script.now + 5 * SECOND));
    assert_eq!(script.wait(), does(Action::Close(CloseReason::BindDeadline)));
}

#[test]
fn commands_out_of_place_are_refused_and_the_session_lives() {
    let mut script = Script::open();
    let refused = script.pdu(1, &Pdu::SubmitSm(submit("hi")));
    assert_eq!(refused, says(sent(1, S::EsmeRinvbndsts, Pdu::SubmitSmResp(None))));
    script.pdu(2, &Pdu::Bind(Bind::default()));
    let again = script.pdu(3, &Pdu::Bind(Bind::default()));
    assert_eq!(again.1[0].status, S::EsmeRalybnd, "while the first one is decided");
    let early = script.pdu(4, &Pdu::SubmitSm(submit("hi")));
    assert_eq!(early.1[0].status, S::EsmeRinvbndsts);
    script.on(accepted());
    let again = script.pdu(5, &Pdu::Bind(Bind::default()));
    assert_eq!(again.1[0].status, S::EsmeRalybnd);
    let wrong_way = script.pdu(6, &Pdu::Outbind(Outbind::default()));
    assert_eq!(wrong_way, says(sent(6, S::EsmeRinvbndsts, Pdu::GenericNack)));
    let unknown = script.on(Event::Frame(raw(CommandId::Other(0x77), 7, b"")));
    assert_eq!(unknown, says(sent(7, S::EsmeRinvcmdid, Pdu::GenericNack)));
    let alive = script.pdu(8, &Pdu::EnquireLink);
    assert_eq!(alive, says(sent(8, S::EsmeRok, Pdu::EnquireLinkResp)));
}

#[test]
fn a_bad_body_gets_its_status_and_takes_no_place_in_the_window() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    for sequence in 2..10 {
        let bad = script.on(Event::Frame(raw(CommandId::SubmitSm, sequence, b"\0\x01\x0149")));
        assert_eq!(bad, says(sent(sequence, S::EsmeRinvsrcadr, Pdu::SubmitSmResp(None))));
    }
    assert_eq!(script.server.unanswered(), 0);
    assert_eq!(script.pdu(10, &Pdu::SubmitSm(submit("hi"))).0.len(), 1);
}

#[test]
fn submits_beyond_the_window_are_throttled_and_answers_in_any_order_make_room() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    for sequence in [2, 3] {
        assert_eq!(script.pdu(sequence, &Pdu::SubmitSm(submit("hi"))).0.len(), 1);
    }
    let over = script.pdu(4, &Pdu::SubmitSm(submit("hi")));
    assert_eq!(over, says(sent(4, S::EsmeRthrottled, Pdu::SubmitSmResp(None))));
    assert_eq!(script.on(answer(3, S::EsmeRok)).1[0].sequence, 3);
    assert_eq!(script.on(answer(3, S::EsmeRok)), NOTHING, "answered once");
    assert_eq!(script.pdu(5, &Pdu::SubmitSm(submit("hi"))).0.len(), 1);
    let failed = script.on(answer(2, S::EsmeRsyserr));
    assert_eq!(failed, says(sent(2, S::EsmeRsyserr, Pdu::SubmitSmResp(None))));
    assert_eq!(script.server.unanswered(), 1);
}

#[test]
fn sequence_numbers_out_of_range_or_still_in_use_are_refused() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    for sequence in [0, 0x8000_0000, u32::MAX] {
        let refused = script.pdu(sequence, &Pdu::SubmitSm(submit("hi")));
        assert_eq!(refused, says(sent(sequence, S::EsmeRsubmitfail, Pdu::SubmitSmResp(None))));
    }
    script.pdu(2, &Pdu::SubmitSm(submit("hi")));
    let again = script.pdu(2, &Pdu::QuerySm(Query::default()));
    assert_eq!(again, says(sent(2, S::EsmeRqueryfail, Pdu::QuerySmResp(None))));
    let answered = script.on(answer(2, S::EsmeRok)).1;
    assert_eq!(answered[0].pdu, Pdu::SubmitSmResp(Some("id".into())), "the first one's answer");
}

#[test]
fn each_operation_is_answered_with_its_own_response() {
    let mut script = Script::bound(BindMode::Transceiver, 0x50);
    let data = Submit { in_payload: true, ..submit("hi") };
    let id: Octets = "id".into();
    let multi_resp = MultiResp { message_id: Some(id.clone()), failed: vec![] };
    let multi = smpp::pdu::Multi {
        submit: submit("hi"),
        destinations: vec![smpp::pdu::Destination::DistributionList("list".into())],
    };
    let cases = [
        (Pdu::DataSm(data), S::EsmeRok, Pdu::DataSmResp(Some(id))),
        (Pdu::SubmitMulti(multi), S::EsmeRok, Pdu::SubmitMultiResp(multi_resp)),
        (Pdu::QuerySm(Query::default()), S::EsmeRqueryfail, Pdu::QuerySmResp(None)),
        (Pdu::CancelSm(Default::default()), S::EsmeRcancelfail, Pdu::CancelSmResp),
        (Pdu::ReplaceSm(Default::default()), S::EsmeRreplacefail, Pdu::ReplaceSmResp),
    ];
    for (sequence, (pdu, status, resp)) in (2..).zip(cases) {
        assert_eq!(script.pdu(sequence, &pdu).0.len(), 1);
        assert_eq!(script.on(answer(sequence, status)), says(sent(sequence, status, resp)));
    }
    script.pdu(9, &Pdu::QuerySm(Query::default()));
    let response = QueryResp { message_state: 2, ..QueryResp::default() };
    let resp = Pdu::QuerySmResp(Some(response.clone()));
    let answered = script.on(Event::AnswerQuery { sequence: 9, response });
    assert_eq!(answered, says(sent(9, S::EsmeRok, resp)));
}

#[test]
fn a_message_id_that_does_not_fit_becomes_a_system_error() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    script.pdu(2, &Pdu::SubmitSm(submit("hi")));
    let message_id = "i".repeat(65).into();
    let answered = script.on(Event::Answer { sequence: 2, status: S::EsmeRok, message_id });
    assert_eq!(answered, says(sent(2, S::EsmeRsyserr, Pdu::SubmitSmResp(None))));
}

#[test]
fn deliveries_have_their_own_window_and_are_answered_in_any_order() {
    let mut script = Script::bound(BindMode::Receiver, 0x34);
    assert_eq!(script.server.deliver_room(), 2);
    for token in [10, 11] {
        let pdu = Pdu::DeliverSm(submit("mo"));
        assert_eq!(script.on(deliver(token)), says(sent(token as u32 - 9, S::EsmeRok, pdu)));
    }
    let full = Action::NotDelivered { token: 12, why: NotSent::WindowFull };
    assert_eq!(script.on(deliver(12)), does(full));
    let second = script.resp(2, S::EsmeRxTAppn, &Pdu::DeliverSmResp);
    assert_eq!(second, does(Action::Delivered { token: 11, status: S::EsmeRxTAppn }));
    let nack = script.resp(1, S::EsmeRok, &Pdu::GenericNack);
    let refused = Action::Delivered { token: 10, status: S::EsmeRunknownerr };
    assert_eq!(nack, does(refused), "a nack never means success");
    assert_eq!(script.resp(1, S::EsmeRok, &Pdu::DeliverSmResp), NOTHING);
    assert_eq!(script.server.deliver_room(), 2);
}

#[test]
fn a_delivery_without_an_answer_is_reported_and_frees_its_place() {
    let mut script = Script::bound(BindMode::Receiver, 0x34);
    script.on(deliver(10));
    script.now += 29 * SECOND;
    assert_eq!(script.pdu(2, &Pdu::EnquireLink).1.len(), 1);
    assert_eq!(script.wait(), does(Action::Unanswered { token: 10 }));
    assert_eq!(script.server.deliver_room(), 2);
}

#[test]
fn a_transmitter_and_a_session_that_is_not_bound_get_no_deliveries() {
    for mut script in [Script::open(), Script::bound(BindMode::Transmitter, 0x34)] {
        let refused = Action::NotDelivered { token: 1, why: NotSent::NotBound };
        assert_eq!(script.server.deliver_room(), 0);
        assert_eq!(script.on(deliver(1)), does(refused));
    }
}

#[test]
fn a_3_3_customer_gets_no_optional_parameters() {
    let mut script = Script::bound(BindMode::Receiver, 0x33);
    let mut message = Submit { in_payload: true, ..submit("mo") };
    message.tlvs.message_state = Some(2);
    let (_, out) = script.on(Event::Deliver { token: 1, submit: message });
    assert_eq!(out[0].pdu, Pdu::DeliverSm(submit("mo")));
}

#[test]
fn silence_is_asked_about_and_silence_after_that_closes() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    assert_eq!(script.server.deadline(), Some(script.now + 30 * SECOND));
    assert_eq!(script.wait(), says(sent(1, S::EsmeRok, Pdu::EnquireLink)));
    assert_eq!(script.resp(1, S::EsmeRok, &Pdu::EnquireLinkResp), NOTHING);
    assert_eq!(script.wait().1, [sent(2, S::EsmeRok, Pdu::EnquireLink)]);
    script.on(deliver(5));
    let (actions, _) = script.wait();
    assert_eq!(actions, [Action::Unanswered { token: 5 }, Action::Close(CloseReason::PeerSilent)]);
}

#[test]
fn a_bad_length_is_answered_and_closes() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    let (actions, out) = script.on(Event::BadLength);
    assert_eq!(actions, [Action::Close(CloseReason::BadLength)]);
    assert_eq!(out, [sent(0, S::EsmeRinvcmdlen, Pdu::GenericNack)]);
}

#[test]
fn shutdown_takes_nothing_more_finishes_the_window_and_unbinds() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    script.pdu(2, &Pdu::SubmitSm(submit("hi")));
    script.on(deliver(10));
    assert_eq!(script.on(Event::Shutdown), NOTHING);
    assert_eq!(script.pdu(3, &Pdu::SubmitSm(submit("hi"))).1[0].status, S::EsmeRthrottled);
    let late = Action::NotDelivered { token: 11, why: NotSent::NotBound };
    assert_eq!(script.on(deliver(11)), does(late));
    assert_eq!(script.on(answer(2, S::EsmeRok)).1.len(), 1);
    let (actions, out) = script.resp(1, S::EsmeRok, &Pdu::DeliverSmResp);
    assert_eq!(actions, [Action::Delivered { token: 10, status: S::EsmeRok }]);
    assert_eq!(out, [sent(2, S::EsmeRok, Pdu::Unbind)]);
    let end = script.resp(2, S::EsmeRok, &Pdu::UnbindResp);
    assert_eq!(end, does(Action::Close(CloseReason::Unbound)));
}

#[test]
fn a_window_that_does_not_empty_and_an_unbind_without_answer_do_not_hold_the_end_up() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    script.pdu(2, &Pdu::SubmitSm(submit("hi")));
    script.on(Event::Shutdown);
    script.now += 60 * SECOND;
    let (actions, out) = script.on(Event::Timeout);
    assert_eq!(actions, []);
    assert!(out.iter().any(|sent| sent.pdu == Pdu::Unbind));
    script.now += 30 * SECOND;
    let (actions, _) = script.on(Event::Timeout);
    assert!(matches!(actions[..], [Action::Close(_)]));
}

#[test]
fn unbind_is_answered_after_the_answers_that_are_owed() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    script.pdu(2, &Pdu::SubmitSm(submit("hi")));
    assert_eq!(script.pdu(3, &Pdu::Unbind), NOTHING);
    assert_eq!(script.pdu(4, &Pdu::SubmitSm(submit("hi"))).1[0].status, S::EsmeRinvbndsts);
    let (actions, out) = script.on(answer(2, S::EsmeRok));
    assert_eq!(actions, [Action::Close(CloseReason::Unbound)]);
    let resp = sent(2, S::EsmeRok, Pdu::SubmitSmResp(Some("id".into())));
    assert_eq!(out, [resp, sent(3, S::EsmeRok, Pdu::UnbindResp)]);
}

#[test]
fn a_lost_connection_reports_every_open_delivery_once() {
    let mut script = Script::bound(BindMode::Transceiver, 0x34);
    script.on(deliver(10));
    script.on(deliver(11));
    let (actions, _) = script.on(Event::Closed);
    let open = [10, 11].map(|token| Action::Unanswered { token });
    assert_eq!(actions[..2], open);
    assert_eq!(actions[2], Action::Close(CloseReason::ConnectionClosed));
    assert_eq!(script.on(Event::Closed), NOTHING);
    assert_eq!(script.on(answer(2, S::EsmeRok)), NOTHING);
}

#[test]
fn an_outbind_asks_and_the_bind_follows() {
    let mut script = Script::open();
    let outbind = Outbind { system_id: "us".into(), password: "pw".into() };
    let asked = script.on(Event::Outbind(outbind.clone()));
    assert_eq!(asked, says(sent(1, S::EsmeRok, Pdu::Outbind(outbind))));
    let bind = Bind { mode: BindMode::Receiver, ..Bind::default() };
    assert_eq!(script.pdu(1, &Pdu::Bind(bind.clone())), does(Action::Bind(bind)));
    assert_eq!(script.on(accepted()).1.len(), 1);
}

fn any_event() -> impl Strategy<Value = Event> {
    let sequence = 0u32..6;
    let ids = prop_oneof![0u32..0x22, 0x8000_0000u32..0x8000_0022, Just(0x103), any::<u32>()];
    let body =
        prop_oneof![Just(vec![]), Just(vec![0; 17]), prop::collection::vec(any::<u8>(), 0..40),];
    prop_oneof![
        6 => (ids, sequence.clone(), body)
            .prop_map(|(id, sequence, body)| Event::Frame(raw(id.into(), sequence, &body))),
        2 => sequence.clone().prop_map(|sequence| answer(sequence, S::EsmeRok)),
        3 => any::<u64>().prop_map(deliver),
        1 => Just(accepted()),
        2 => Just(Event::Timeout),
        1 => sequence.prop_map(|sequence| Event::AnswerQuery {
            sequence, response: QueryResp::default(),
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_every_request_and_delivery_is_accounted_for_once(
        events in prop::collection::vec((any_event(), 0u64..20), 0..120),
        end in prop_oneof![Just(Event::Closed), Just(Event::BadLength)],
    ) {
        let mut script = Script::bound(BindMode::Transceiver, 0x34);
        let (mut given, mut taken, mut closed) = (0, 0, 0);
        let events = events.into_iter().chain([(end, 0)]);
        for (event, seconds) in events {
            script.now += Duration::from_secs(seconds);
            given += usize::from(matches!(event, Event::Deliver { .. }));
            let (actions, _) = script.on(event);
            for action in actions {
                match action {
                    Action::Delivered { .. }
                    | Action::Unanswered { .. }
                    | Action::NotDelivered { .. } => taken += 1,
                    Action::Close(_) => closed += 1,
                    _ => prop_assert_eq!(closed, 0, "nothing after the end"),
                }
            }
            prop_assert!(script.server.unanswered() <= 2);
            prop_assert!(script.server.deliver_room() <= 2);
        }
        prop_assert_eq!((given, closed), (taken, 1));
        prop_assert_eq!(script.server.deadline(), None);
    }
}
