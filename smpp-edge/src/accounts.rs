//! The customers that may bind, compiled from one configuration version.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use domain::config::{Document, SmppAccount};
use domain::id::CustomerId;
use domain::message::Priority;
use ipnet::IpNet;

/// One customer, ready for use.
#[derive(Debug)]
pub struct Account {
    /// Whose.
    pub customer: CustomerId,
    /// Binds, window, rate, password.
    pub smpp: SmppAccount,
    /// Networks that may bind; empty: any.
    networks: Vec<IpNet>,
    senders: Vec<SenderRule>,
    /// Queue for messages without a priority.
    pub default_priority: Priority,
    /// Validity of messages that name none, hours.
    pub default_validity_h: u32,
}

#[derive(Debug)]
enum SenderRule {
    Exact(String),
    Prefix(String),
}

impl Account {
    /// May it bind from here?
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|net| net.contains(&address))
    }

    /// May it use this sender id?
    #[must_use]
    pub fn allows_sender(&self, sender: &str) -> bool {
        self.senders.is_empty()
            || self.senders.iter().any(|rule| match rule {
                SenderRule::Exact(exact) => exact == sender,
                SenderRule::Prefix(prefix) => sender.starts_with(prefix.as_str()),
            })
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
    /// Compiles a version's document. What validation refuses cannot stand in it; a network that
    /// cannot be read all the same allows nobody.
    #[must_use]
    pub fn compile(version: u64, document: &Document) -> Self {
        let by_system_id = document
            .customers
            .iter()
            .filter_map(|customer| {
                let smpp = customer.smpp.clone()?;
                let networks = smpp.allowed_addresses.iter().map(|net| network(net)).collect();
                let account = Account {
                    customer: customer.id.clone(),
                    networks,
                    senders: customer.senders.iter().map(|rule| sender_rule(rule)).collect(),
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

fn network(text: &str) -> IpNet {
    const NOBODY: IpNet =
        IpNet::V6(ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::UNSPECIFIED, 128));
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).unwrap_or(NOBODY)
}

fn sender_rule(rule: &str) -> SenderRule {
    match rule.strip_suffix('*') {
        Some(prefix) => SenderRule::Prefix(prefix.to_owned()),
        None => SenderRule::Exact(rule.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::config::{Customer, PasswordHash};

    fn account(senders: &[&str], networks: &[&str]) -> Accounts {
        let smpp = SmppAccount {
            system_id: "acme".into(),
            password_hash: PasswordHash(String::new()),
            max_binds: 1,
            window: 1,
            rate_per_s: None,
            allowed_addresses: networks.iter().map(|&n| n.to_owned()).collect(),
        };
        let customer = Customer {
            id: "acme".into(),
            smpp: Some(smpp),
            senders: senders.iter().map(|&s| s.to_owned()).collect(),
            default_priority: Priority::Normal,
            default_validity_h: 1,
        };
        Accounts::compile(1, &Document { customers: vec![customer], ..Document::default() })
    }

    #[test]
    fn sender_ids_are_exact_or_prefixes() {
        let accounts = account(&["ACME", "4420*"], &[]);
        let acme = accounts.find("acme").unwrap();
        assert!(acme.allows_sender("ACME") && acme.allows_sender("442012"));
        assert!(!acme.allows_sender("ACME2") && !acme.allows_sender("4930"));
        assert!(account(&[], &[]).find("acme").unwrap().allows_sender("anything"));
    }

    #[test]
    fn an_allow_list_lets_nobody_else_in_and_a_broken_entry_lets_nobody_in() {
        let accounts = account(&[], &["10.0.0.0/8", "192.0.2.7"]);
        let acme = accounts.find("acme").unwrap();
        assert!(acme.allows_address("10.1.2.3".parse().unwrap()));
        assert!(acme.allows_address("192.0.2.7".parse().unwrap()));
        assert!(!acme.allows_address("192.0.2.8".parse().unwrap()));
        let broken = account(&[], &["ten dot nothing"]);
        assert!(!broken.find("acme").unwrap().allows_address("10.1.2.3".parse().unwrap()));
    }
}
