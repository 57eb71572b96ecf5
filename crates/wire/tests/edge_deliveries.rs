//! Golden values of `edge-deliveries`: what is on Kafka stays readable.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use wire::customer_deliveries::CustomerDelivery;
use wire::edge_deliveries::{Drain, EdgeRecord};
use wire::{Undecodable, V};

const DELIVERY: &str = include_str!("../golden/customer-deliveries.json");
const DRAIN: &str = r#"{"drain":{"v":1,"customer":"acme"}}"#;

#[test]
fn a_delivery_is_the_record_of_customer_deliveries_under_a_name() {
    let delivery: CustomerDelivery = wire::decode(DELIVERY.trim().as_bytes()).unwrap();
    let record = EdgeRecord::Deliver(Box::new(delivery));
    let text = format!(r#"{{"deliver":{}}}"#, DELIVERY.trim());
    assert_eq!(String::from_utf8(wire::encode(&record)).unwrap(), text);
    assert_eq!(wire::decode(text.as_bytes()), Ok(record));
}

#[test]
fn a_hint_names_the_customer_and_another_version_is_refused() {
    let record = EdgeRecord::Drain(Drain { v: V, customer: "acme".into() });
    assert_eq!(String::from_utf8(wire::encode(&record)).unwrap(), DRAIN);
    assert_eq!(wire::decode(DRAIN.as_bytes()), Ok(record));
    let newer = DRAIN.replace("\"v\":1", "\"v\":2");
    let refused: Result<EdgeRecord, _> = wire::decode(newer.as_bytes());
    assert_eq!(refused, Err(Undecodable::Version { expected: 1 }));
}
