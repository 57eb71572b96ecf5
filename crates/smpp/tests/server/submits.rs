//! A customer's requests: their window, their sequence numbers, their answers.

use smpp::{
    CommandId, CommandStatus as S, Octets, Pdu, Submit,
    pdu::{BindMode, MultiResp, Query, QueryResp},
    session::{
        CloseReason,
        server::{Action, Event},
    },
};

use crate::{
    NOTHING, Script, answer,
    common::{raw, sent},
    does, says, submit,
};

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
