//! The tables, as DynamoDB would keep them, and the rules that a mutant leaves out.

use std::collections::BTreeMap;

use domain::id::DeliveryId;
use platform::deliveries::{Bind, EdgeNode, Fetched, Lease, LeaseAnswer, Mail, Parked, is_held};
use smpp_edge::deliveries::hub::PutOff;
use wire::customer_deliveries::CustomerDelivery;

pub(crate) const CUSTOMER: &str = "acme";
/// The claim of what is done.
const DONE: u64 = u64::MAX;
const NODE_LEASE_MS: u64 = 15_000;
const BIND_LEASE_MS: u64 = 300_000;

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) delivery: CustomerDelivery,
    pub(crate) claim: u64,
    not_before_ms: u64,
    tries: u32,
}

impl Item {
    pub(crate) fn waits(&self) -> bool {
        self.claim != DONE
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    pub(crate) binds: BTreeMap<String, Bind>,
    pub(crate) nodes: BTreeMap<String, EdgeNode>,
    pub(crate) lease: Option<(String, u64, u64)>,
    pub(crate) mailbox: BTreeMap<DeliveryId, Item>,
}

impl Tables {
    pub(crate) fn note_node(&mut self, node: &str, partitions: Vec<i32>, now_ms: u64) {
        let until_ms = now_ms + NODE_LEASE_MS;
        let row = EdgeNode { node: node.to_owned(), partitions, until_ms };
        self.nodes.insert(node.to_owned(), row);
    }

    pub(crate) fn register(&mut self, node: &str, bind: u64, now_ms: u64) {
        let name = format!("{node}-{bind}");
        let (customer, until_ms) = (CUSTOMER.into(), now_ms + BIND_LEASE_MS);
        let row = Bind { customer, bind: name.clone(), node: node.to_owned(), until_ms };
        self.binds.insert(name, row);
    }

    pub(crate) fn unregister(&mut self, node: &str, bind: u64) {
        self.binds.remove(&format!("{node}-{bind}"));
    }

    pub(crate) fn park(&mut self, parked: &Parked) {
        let Parked { delivery, not_before_ms, tries } = parked.clone();
        let id = delivery.id;
        self.mailbox.entry(id).or_insert(Item { delivery, claim: 0, not_before_ms, tries });
    }

    pub(crate) fn has_mail(&self) -> bool {
        self.mailbox.values().any(Item::waits)
    }

    /// Takes the lease; tells whether it was somebody's who may still use it.
    pub(crate) fn take_lease(&mut self, holder: &str, now_ms: u64, lease_ms: u64) -> LeaseAnswer {
        let (_, number, until_ms) = self.lease.clone().unwrap_or_default();
        if is_held(until_ms, now_ms) {
            return LeaseAnswer::Held { until_ms };
        }
        let (number, until_ms) = (now_ms.max(number + 1), now_ms + lease_ms);
        self.lease = Some((holder.to_owned(), number, until_ms));
        let (customer, holder) = (CUSTOMER.into(), holder.to_owned());
        LeaseAnswer::Taken(Lease { customer, holder, number, until_ms })
    }

    pub(crate) fn renew(&mut self, lease: &Lease, until_ms: u64) -> bool {
        match &mut self.lease {
            Some((holder, _, until)) if *holder == lease.holder => {
                *until = until_ms;
                true
            }
            _ => false,
        }
    }

    /// What waits after the cursor, in the order of its time.
    pub(crate) fn query(&self, after: Option<&str>, limit: usize) -> (Vec<DeliveryId>, bool) {
        let key = |item: &Item| format!("{:014}#{}", item.delivery.at_ms, item.delivery.id);
        let mut waiting: Vec<_> = self.mailbox.values().filter(|item| item.waits()).collect();
        waiting.sort_by_key(|item| key(item));
        waiting.retain(|item| after.is_none_or(|after| key(item).as_str() > after));
        let goes_on = waiting.len() > limit;
        waiting.truncate(limit);
        (waiting.into_iter().map(|item| item.delivery.id).collect(), goes_on)
    }

    /// Those of them that an older lease claimed.
    pub(crate) fn claimed_before(&self, ids: &[DeliveryId], lease: u64) -> Vec<DeliveryId> {
        let older = |id: &&DeliveryId| {
            self.mailbox.get(id).is_some_and(|item| item.claim > 0 && item.claim < lease)
        };
        ids.iter().filter(older).copied().collect()
    }

    /// Claims them for a lease.
    pub(crate) fn claim(
        &mut self,
        ids: &[DeliveryId],
        lease: u64,
        now_ms: u64,
        without_claims: bool,
    ) -> Fetched {
        let mut fetched = Fetched::default();
        for id in ids {
            let Some(item) = self.mailbox.get_mut(id) else { continue };
            if item.not_before_ms > now_ms {
                let later_ms = fetched.later_ms.unwrap_or(u64::MAX);
                fetched.later_ms = Some(later_ms.min(item.not_before_ms));
            } else if without_claims || item.claim <= lease {
                if item.waits() {
                    item.claim = lease;
                }
                fetched.mails.push(Mail { delivery: item.delivery.clone(), tries: item.tries });
            }
        }
        if let Some(last) = ids.last().and_then(|id| self.mailbox.get(id)) {
            fetched.next = Some(format!("{:014}#{}", last.delivery.at_ms, last.delivery.id));
        }
        fetched
    }

    pub(crate) fn put_off(&mut self, put_off: &PutOff) {
        if let Some(item) = self.mailbox.get_mut(&put_off.id)
            && item.claim == put_off.lease
        {
            item.not_before_ms = put_off.not_before_ms;
            item.tries = put_off.tries;
        }
    }

    pub(crate) fn mark(&mut self, id: DeliveryId) {
        if let Some(item) = self.mailbox.get_mut(&id) {
            item.claim = DONE;
        }
    }
}
