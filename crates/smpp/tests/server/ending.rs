//! How a session ends: by silence, a broken frame, a shutdown, an unbind.

use smpp::{
    CommandStatus as S, Pdu,
    pdu::BindMode,
    session::{
        CloseReason, NotSent,
        server::{Action, Event},
    },
};

use crate::{NOTHING, SECOND, Script, answer, common::sent, deliver, does, says, submit};

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
