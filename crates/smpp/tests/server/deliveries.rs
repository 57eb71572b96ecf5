//! What is delivered to a customer.

use smpp::{
    CommandStatus as S, Pdu, Submit,
    pdu::BindMode,
    session::{
        CloseReason, NotSent,
        server::{Action, Event},
    },
};

use crate::{NOTHING, SECOND, Script, answer, common::sent, deliver, does, says, submit};

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
