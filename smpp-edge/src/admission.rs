//! Who may have how much: binds and rate of each customer on this node, connections that have not
//! bound of each address. All counts go down by themselves when their guard is dropped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::config::SmppAccount;
use domain::id::CustomerId;
use domain::pacing::{Rate, TokenBucket};

/// Bursts of this long are allowed (design, section 9).
const BURST: Duration = Duration::from_secs(1);

/// Counts by key, with a limit at each entry.
#[derive(Debug)]
struct Counts<K>(Mutex<HashMap<K, usize>>);

impl<K: std::hash::Hash + Eq + Clone> Counts<K> {
    fn enter(&self, key: &K, limit: usize) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_insert(0);
        let admitted = *count < limit;
        *count += usize::from(admitted);
        if *count == 0 {
            counts.remove(key);
        }
        admitted
    }

    fn leave(&self, key: &K) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(key);
            }
        }
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// A place that is given back when dropped.
#[derive(Debug)]
pub struct Place<K: std::hash::Hash + Eq + Clone> {
    counts: Arc<Counts<K>>,
    key: K,
}

impl<K: std::hash::Hash + Eq + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        self.counts.leave(&self.key);
    }
}

/// The limits of one node.
#[derive(Debug, Default)]
pub struct Admission {
    unbound: Arc<Counts<IpAddr>>,
    binds: Arc<Counts<CustomerId>>,
    pace: Mutex<HashMap<CustomerId, Arc<CustomerPace>>>,
}

impl Admission {
    /// A place for a connection that has not bound, of `limit` for its address.
    pub fn connect(&self, address: IpAddr, limit: usize) -> Option<Place<IpAddr>> {
        let admitted = self.unbound.enter(&address, limit);
        admitted.then(|| Place { counts: self.unbound.clone(), key: address })
    }

    /// A place for a bind of a customer.
    pub fn bind(&self, customer: &CustomerId, limit: u32) -> Option<Place<CustomerId>> {
        let admitted = self.binds.enter(customer, usize::try_from(limit).unwrap_or(usize::MAX));
        admitted.then(|| Place { counts: self.binds.clone(), key: customer.clone() })
    }

    /// The pace that all binds of a customer share on this node, at the account's rate.
    pub fn pace(
        &self,
        customer: &CustomerId,
        account: &SmppAccount,
        now: Instant,
    ) -> Arc<CustomerPace> {
        let mut paces = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = paces.entry(customer.clone()).or_insert_with(|| {
            let rate = rate_of(account);
            Arc::new(CustomerPace(Mutex::new(TokenBucket::full(rate, BURST, now))))
        });
        pace.0.lock().unwrap_or_else(PoisonError::into_inner).set_rate(rate_of(account), now);
        pace.clone()
    }
}

fn rate_of(account: &SmppAccount) -> Rate {
    account.rate_per_s.map_or_else(Rate::unlimited, Rate::per_second)
}

/// How fast a customer may still submit here.
#[derive(Debug)]
pub struct CustomerPace(Mutex<TokenBucket>);

impl CustomerPace {
    /// Takes the tokens of `parts` parts, or none: over the rate.
    pub fn take(&self, parts: usize, now: Instant) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = bucket.available(now) >= parts;
        if admitted {
            bucket.spend(parts);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_when_their_guard_goes() {
        let admission = Admission::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let first = admission.connect(address, 1);
        assert!(first.is_some());
        assert!(admission.connect(address, 1).is_none());
        assert!(admission.connect("192.0.2.2".parse().unwrap(), 1).is_some());
        drop(first);
        assert!(admission.connect(address, 1).is_some());
    }

    #[test]
    fn a_burst_of_one_second_is_allowed_and_no_more() {
        let start = Instant::now();
        let account = SmppAccount {
            system_id: String::new(),
            password_hash: domain::config::PasswordHash(String::new()),
            max_binds: 1,
            window: 1,
            rate_per_s: Some(100.0),
            allowed_addresses: Vec::new(),
            deliver_window: 10,
            long_messages: domain::config::LongMessages::Udh,
            vendor_tlvs: false,
        };
        let pace = Admission::default().pace(&"acme".into(), &account, start);
        let taken = (0..500).filter(|_| pace.take(1, start)).count();
        assert_eq!(taken, 100);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..500).filter(|_| pace.take(1, later)).count(), 50);
    }
}
