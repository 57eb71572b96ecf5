//! Ids that say of themselves that their message is scheduled, and whose it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::address::Address;
use domain::id::{CustomerId, PartId};

const AT_MS: u64 = 1_760_000_000_123;

fn from(number: &str) -> Address {
    Address { ton: 1, npi: 1, number: number.to_owned() }
}

#[test]
fn a_scheduled_id_is_known_by_its_customer_and_sender_only() {
    let (acme, source) = (CustomerId::from("acme"), from("4477"));
    for random in 0..=255 {
        let id = PartId::new(AT_MS, [random; 10]).scheduled(&acme, &source);
        assert_eq!((id.unix_ms(), id.to_string().parse()), (AT_MS, Ok(id)));
        assert!(id.is_scheduled(&acme, &source));
        assert!(id.is_scheduled(&acme, &Address { ton: 0, npi: 0, number: "+4477".into() }));
        assert!(!id.is_scheduled(&"beta".into(), &source));
        assert!(!id.is_scheduled(&acme, &from("4478")) && !id.is_scheduled(&acme, &from("")));
        assert!(!id.at_once().is_scheduled(&acme, &source));
        assert!(!PartId::new(AT_MS, [random; 10]).at_once().is_scheduled(&acme, &source));
        assert!(!id.derive("1").is_scheduled(&acme, &source));
    }
}

#[test]
fn an_id_without_a_time_is_no_scheduled_one() {
    let (acme, source) = (CustomerId::from("acme"), from("4477"));
    let derived = PartId::new(AT_MS, [7; 10]).derive("1").scheduled(&acme, &source);
    assert!(!derived.is_scheduled(&acme, &source));
}

#[test]
fn names_that_run_together_are_told_apart() {
    let id = PartId::new(AT_MS, [9; 10]);
    let (one, other) = (CustomerId::from("a"), CustomerId::from("a b"));
    assert_ne!(id.scheduled(&one, &from("b c")), id.scheduled(&other, &from("c")));
}
