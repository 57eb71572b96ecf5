//! One message: where it goes, and what the customer is told if it goes nowhere.

use domain::config::LongMessages;
use domain::id::PartId;
use domain::message::ReferenceKind;
use domain::octets::Octets;
use wire::customer_deliveries::{CustomerDelivery, Failure};
use wire::provider_outgoing::OutgoingMessage;

use crate::{ACCEPTED_MS, NOW_MS, encoded, message, on, published, store};

#[tokio::test]
async fn a_message_goes_to_its_bind_with_its_origin_and_an_event_that_says_why() {
    let message = message("4917012345678");
    let published = published(&[encoded(&message)]).await;
    assert_eq!(published.len(), 2);
    let sent = &published[0];
    assert_eq!(sent.topic, "provider-outgoing-alpha-normal");
    assert_eq!(sent.partition, Some(i32::try_from((message.id.spread() >> 32) % 4).unwrap()));
    assert_eq!(sent.key, message.id.to_string());
    let outgoing: OutgoingMessage = wire::decode(&sent.value).unwrap();
    assert_eq!((outgoing.origin.partition, outgoing.origin.offset), (2, 0));
    assert_eq!((outgoing.provider.as_str(), outgoing.route.as_str()), ("alpha", "de"));
    assert_eq!(outgoing.message, message);
    assert_eq!(published[1].topic, "message-events");
    let event = &published[1].json()["events"][0];
    assert_eq!(event["happened"], "routed");
    assert_eq!(event["provider"], "alpha");
    assert!(
        event["detail"].as_str().unwrap().contains("route de (a prefix of 2 digits)"),
        "{event}"
    );
}

#[tokio::test]
async fn a_route_may_choose_the_queue_and_a_tried_provider_is_passed_over() {
    let published_bulk = published(&[encoded(&message("447700900123"))]).await;
    assert_eq!(published_bulk[0].topic, "provider-outgoing-gamma-bulk");
    let mut again = message("4917012345678");
    again.attempt = 1;
    again.tried = vec!["alpha".into()];
    let published = published(&[encoded(&again)]).await;
    assert_eq!(published[0].topic, "provider-outgoing-gamma-normal");
}

#[tokio::test]
async fn expired_means_before_the_attempt_began_whatever_the_clock_says() {
    let mut waited = message("49170");
    waited.envelope.valid_until_ms = NOW_MS - 1;
    let sent = published(&[encoded(&waited)]).await;
    assert_eq!(on(&sent, "provider-outgoing-alpha-normal").len(), 1);
    let mut retried = waited;
    retried.attempt = 1;
    retried.attempt_ms = retried.envelope.valid_until_ms;
    let failed = published(&[encoded(&retried)]).await;
    let delivery: CustomerDelivery = wire::decode(&failed[0].value).unwrap();
    assert_eq!(delivery.failure, Failure::Expired);
    assert_eq!(failed[1].json()["events"][0]["happened"], "failed");
}

#[tokio::test]
async fn each_part_and_resend_that_asked_gets_one_failure_receipt() {
    let mut unroutable = message("331");
    let part = |n: u8, receipt: u8, aliases: &[u8]| domain::message::Part {
        id: PartId::new(ACCEPTED_MS, [n; 10]),
        aliases: aliases.iter().map(|n| PartId::new(ACCEPTED_MS, [*n; 10])).collect(),
        octets: Octets(vec![n]),
        udh: Octets::default(),
        receipt,
    };
    unroutable.parts =
        vec![part(1, 1, &[11, 12]), part(2, 0, &[]), part(3, 2, &[]), part(4, 3, &[])];
    unroutable.split = Some(ReferenceKind::Udh8);
    let published = published(&[encoded(&unroutable)]).await;
    let deliveries: Vec<CustomerDelivery> = on(&published, "customer-deliveries")
        .iter()
        .map(|record| wire::decode(&record.value).unwrap())
        .collect();
    let parts: Vec<PartId> = deliveries.iter().map(|delivery| delivery.part).collect();
    let asked = [1, 11, 12, 3].map(|n| PartId::new(ACCEPTED_MS, [n; 10]));
    assert_eq!(parts, asked);
    assert!(deliveries.iter().all(|d| d.failure == Failure::Unroutable && d.at_ms == NOW_MS));
    let events = on(&published, "message-events")[0].json();
    assert_eq!(events["events"][0]["detail"], "unroutable: no route matches");
}

#[tokio::test]
async fn what_the_customer_may_not_send_is_refused() {
    let mut foreign = message("49170");
    foreign.envelope.customer = "beta".into();
    let published = published(&[encoded(&foreign)]).await;
    let delivery: CustomerDelivery = wire::decode(&published[0].value).unwrap();
    assert_eq!(delivery.failure, Failure::Refused);
    assert_eq!(published.len(), 2);
}

#[tokio::test]
async fn a_long_text_is_cut_for_a_provider_that_wants_parts_only() {
    let mut long = message("49170");
    long.parts[0].octets = Octets(vec![b'a'; 400]);
    let cut = published(&[encoded(&long)]).await;
    let outgoing: OutgoingMessage = wire::decode(&cut[0].value).unwrap();
    assert_eq!(outgoing.message.parts.len(), 3);
    assert_eq!(outgoing.message.split, Some(ReferenceKind::Udh8));
    assert_eq!(outgoing.message.parts[0].id, long.parts[0].id);
    long.envelope.destination.number = "447".into();
    let whole = published(&[encoded(&long)]).await;
    let outgoing: OutgoingMessage = wire::decode(&whole[0].value).unwrap();
    assert_eq!(store().document.providers[1].long_messages, LongMessages::Payload);
    assert_eq!(outgoing.message, long);
}

#[tokio::test]
async fn a_text_for_more_than_255_parts_is_refused() {
    let mut long = message("49170");
    long.parts[0].octets = Octets(vec![b'a'; 40_000]);
    let published = published(&[encoded(&long)]).await;
    let delivery: CustomerDelivery = wire::decode(&published[0].value).unwrap();
    assert_eq!(delivery.failure, Failure::Refused);
}
