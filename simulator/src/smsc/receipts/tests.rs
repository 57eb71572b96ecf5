//! Which receipts follow from a submit, and what they say.

use serde_json::json;
use smpp::{Pdu, pdu, session::SEQUENCE_MAX};

use super::*;

fn now() -> Now {
    // 21 November 2026, 11:05:00 UTC.
    Now { instant: Instant::now(), wall_us: 1_795_259_100_000_000 }
}

fn submit(registered_delivery: u8) -> Submit {
    let address = |addr: &str| Address { addr: addr.into(), ..Address::default() };
    Submit {
        source: address("Shop"),
        destination: address("491701234567"),
        message: "a text of more than twenty characters".into(),
        registered_delivery,
        ..Submit::default()
    }
}

fn made_of(receipts: serde_json::Value, asked: u8, times: u64) -> Vec<(Made, Receipt)> {
    let change = json!({"receipts": receipts, "ids": {"form": "hex"}});
    let settings = Settings::default().changed(&change).unwrap();
    let mut maker = Maker::new(1, 0);
    let mut made = Vec::new();
    let submit = submit(asked);
    for id in 0..times {
        let answer_after = Duration::from_millis(10);
        let numbered = None;
        let accepted = Accepted { submit: &submit, id: 255 + id, numbered, answer_after };
        maker.make(&settings, &accepted, now(), |one| {
            let What::Receipt(receipt) = one.delivery.what.clone() else { panic!("a receipt") };
            made.push((one, *receipt));
        });
    }
    made
}

#[test]
fn a_receipt_comes_to_whoever_asked_for_it() {
    let failed = json!({"states": [{"state": "undeliverable", "probability": 1}]});
    for (asked, delivered, undelivered) in
        [(0, 0, 0), (1, 1, 1), (2, 0, 1), (3, 1, 0), (0x10, 0, 0), (0x11, 1, 1)]
    {
        assert_eq!(made_of(json!({}), asked, 1).len(), delivered, "{asked}");
        assert_eq!(made_of(failed.clone(), asked, 1).len(), undelivered, "{asked}");
    }
    assert!(made_of(json!({"share": 0}), 1, 10).is_empty());
}

#[test]
fn it_says_what_became_of_the_message_in_text_and_tlvs() {
    let settings = json!({
        "delay": {"fixed": {"ms": 120_000}}, "id_form": "decimal",
        "states": [{"state": "expired", "error": 27, "probability": 1}],
    });
    let (_, receipt) = made_of(settings, 1, 1).remove(0);
    let submit = receipt.to_submit();
    assert_eq!(submit.esm_class, 0x04);
    assert_eq!(
        (&submit.source.addr[..], &submit.destination.addr[..]),
        (&b"491701234567"[..], &b"Shop"[..])
    );
    assert_eq!(
        submit.message.to_text(),
        "id:255 sub:001 dlvrd:000 submit date:2611211105 done date:2611211107 stat:EXPIRED \
         err:027 text:a text of more than "
    );
    assert_eq!(submit.tlvs.receipted_message_id.as_deref(), Some(&b"255"[..]));
    assert_eq!(
        (submit.tlvs.message_state, submit.tlvs.network_error_code),
        (Some(3), Some([3, 0, 27]))
    );
    let mut out = bytes::BytesMut::new();
    pdu::encode(&mut out, smpp::CommandStatus::EsmeRok, SEQUENCE_MAX, &Pdu::DeliverSm(submit))
        .unwrap();
}

#[test]
fn forms_dates_ids_and_addresses_are_as_the_settings_say() {
    let one = |settings| made_of(settings, 1, 1).remove(0).1.to_submit();
    let tlvs = one(json!({"form": "tlvs", "esm_class": 0}));
    assert!(tlvs.message.is_empty() && tlvs.tlvs.message_state == Some(2) && tlvs.esm_class == 0);
    let text = one(json!({"form": "text", "as_submitted": true, "clock_shift_s": 3600}));
    assert_eq!(text.tlvs, Tlvs::default());
    assert_eq!(&text.source.addr[..], b"Shop");
    assert!(text.message.to_text().starts_with("id:ff sub:001 dlvrd:001 submit date:2611211205"));
    let late = one(json!({"done_shift_s": 7200})).message;
    assert!(late.to_text().contains("submit date:2611211105 done date:2611211305"));
    let wrong = made_of(json!({"wrong_id": 1}), 1, 1).remove(0).1;
    assert!(wrong.id != "ff" && wrong.numbered.is_none());
}

#[test]
fn receipts_come_before_the_response_twice_late_or_elsewhere_at_their_rates() {
    let count = |settings, is_one: fn(&(Made, Receipt)) -> bool| {
        made_of(settings, 1, 1_000).iter().filter(|made| is_one(made)).count()
    };
    assert_eq!(count(json!({}), |(made, _)| made.before_response || made.other_bind), 0);
    let before = count(json!({"before_response": 0.2}), |(made, _)| made.before_response);
    assert!((150..250).contains(&before), "{before}");
    let twice = made_of(json!({"twice": 0.2}), 1, 1_000).len();
    assert!((1_150..1_250).contains(&twice), "{twice}");
    let elsewhere = count(json!({"other_bind": 0.2}), |(made, _)| made.other_bind);
    assert!((150..250).contains(&elsewhere), "{elsewhere}");
    let late = json!({"late": {"probability": 0.2, "delay": {"fixed": {"ms": 7_200_000}}}});
    let late =
        count(late, |(made, _)| made.delivery.due > Instant::now() + Duration::from_secs(7_000));
    assert!((150..250).contains(&late), "{late}");
}

#[test]
fn an_intermediate_one_comes_first_where_it_was_asked_for() {
    let made = made_of(json!({"intermediate": 1, "delay": {"fixed": {"ms": 50}}}), 0x11, 1);
    let states: Vec<_> =
        made.iter().map(|(_, receipt)| (receipt.state, receipt.esm_class)).collect();
    assert_eq!(states, [(MessageState::Enroute, 0x20), (MessageState::Delivered, 0x04)]);
    assert!(made[0].0.delivery.due < made[1].0.delivery.due);
    assert_eq!(made_of(json!({"intermediate": 1}), 1, 1).len(), 1);
}
