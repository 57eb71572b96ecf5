//! Ids that say of themselves whether their message can be taken back.
//!
//! Whoever is asked to cancel a message may be earlier than the message is in table `scheduled`, and
//! must not say "cancelled" of what is sent at once or is another's. So the last three octets of an id
//! (random otherwise: RFC 9562, section 5.7, `rand_b`) say it: the lowest bit is set in ids of scheduled
//! messages only, and the 23 bits above it are a digest of the rest of the id, the customer and the
//! sender. 50 random bits in a millisecond are left. An id that is nobody's, or another's, passes once
//! in eight million: then the asker is told "cancelled" of nothing; what is another's is never touched,
//! as the table's key begins with the customer.

use uuid::Uuid;

use crate::address::Address;
use crate::id::{CustomerId, PartId};

/// The octets that tell.
const TELLING: u128 = 0xff_ffff;
const SCHEDULED: u128 = 1;

impl PartId {
    /// The same id, for what is sent at once or cannot be taken back by it.
    #[must_use]
    pub fn at_once(self) -> Self {
        Uuid::from_u128(self.as_u128() & !SCHEDULED).into()
    }

    /// The same id but for its last three octets: that of a scheduled message of `customer` from
    /// `source`.
    #[must_use]
    pub fn scheduled(self, customer: &CustomerId, source: &Address) -> Self {
        let rest = self.as_u128() & !TELLING;
        Uuid::from_u128(rest | digest(rest, customer, source) | SCHEDULED).into()
    }

    /// True for the id of a scheduled message of `customer` from `source`, however that is spelt.
    #[must_use]
    pub fn is_scheduled(self, customer: &CustomerId, source: &Address) -> bool {
        self == self.scheduled(customer, source) && self.unix_ms() != 0
    }
}

fn digest(rest: u128, customer: &CustomerId, source: &Address) -> u128 {
    let of = Uuid::from_u128(rest);
    let name = format!("scheduled {}:{customer} {}", customer.as_str().len(), spelt(source));
    Uuid::new_v5(&of, name.as_bytes()).as_u128() & TELLING & !SCHEDULED
}

/// The number as it is compared, whatever type of number was given with it.
#[must_use]
fn spelt(source: &Address) -> String {
    Address { ton: 0, npi: 0, number: source.number.clone() }.digits().to_owned()
}

/// Whether two addresses are the same number, however each is spelt.
#[must_use]
pub fn is_same_number(one: &Address, other: &Address) -> bool {
    spelt(one) == spelt(other)
}
