//! Until a customer is bound, and commands that come too early.

use smpp::{
    CommandId, CommandStatus as S, Pdu,
    pdu::{Bind, BindMode, BindResp, Outbind},
    session::{
        CloseReason,
        server::{Action, Event, Verdict},
    },
};

use crate::{
    SECOND, Script, accepted,
    common::{raw, sent},
    does, says, submit,
};

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
fn an_outbind_asks_and_the_bind_follows() {
    let mut script = Script::open();
    let outbind = Outbind { system_id: "us".into(), password: "pw".into() };
    let asked = script.on(Event::Outbind(outbind.clone()));
    assert_eq!(asked, says(sent(1, S::EsmeRok, Pdu::Outbind(outbind))));
    let bind = Bind { mode: BindMode::Receiver, ..Bind::default() };
    assert_eq!(script.pdu(1, &Pdu::Bind(bind.clone())), does(Action::Bind(bind)));
    assert_eq!(script.on(accepted()).1.len(), 1);
}
