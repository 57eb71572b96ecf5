//! The customers that may bind, compiled from one configuration version.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use domain::config::{AllowList, Document, SmppAccount, senders_match};
use domain::id::CustomerId;
use domain::message::Priority;

/// One customer, ready for use.
#[derive(Debug)]
pub struct Account {
    /// Whose.
    pub customer: CustomerId,
    /// Binds, window, rate, password.
    pub smpp: SmppAccount,
    allow_list: AllowList,
    senders: Vec<String>,
    /// Queue for messages without a priority.
    pub default_priority: Priority,
    /// Validity of messages that name none, hours.
    pub default_validity_h: u32,
}

impl Account {
    /// May it bind from here?
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.allow_list.allows(address)
    }

    /// May it use this sender id?
    #[must_use]
    pub fn allows_sender(&self, sender: &str) -> bool {
        senders_match(&self.senders, sender)
    }
}

/// All accounts of one version, by `system_id`.
#[derive(Debug, Default)]
pub struct Accounts {
    /// The configuration version, stamped on each message.
    pub version: u64,
    by_system_id: HashMap<String, Arc<Account>>,
}

impl Accounts {
    /// Compiles a version's document.
    #[must_use]
    pub fn compile(version: u64, document: &Document) -> Self {
        let by_system_id = document
            .customers
            .iter()
            .filter_map(|customer| {
                let smpp = customer.smpp.clone()?;
                let account = Account {
                    customer: customer.id.clone(),
                    allow_list: smpp.allow_list(),
                    senders: customer.senders.clone(),
                    default_priority: customer.default_priority,
                    default_validity_h: customer.default_validity_h,
                    smpp,
                };
                Some((account.smpp.system_id.clone(), Arc::new(account)))
            })
            .collect();
        Self { version, by_system_id }
    }

    /// The account with this `system_id`.
    #[must_use]
    pub fn find(&self, system_id: &str) -> Option<&Arc<Account>> {
        self.by_system_id.get(system_id)
    }

    /// The password hash of some account, to be checked in place of one that does not exist.
    #[must_use]
    pub fn some_hash(&self) -> Option<&str> {
        self.by_system_id.values().next().map(|account| account.smpp.password_hash.0.as_str())
    }
}
