//! Customers: names, accounts, sender ids.

use super::{Mistakes, SYSTEM_ID_MAX, VALIDITY_MAX_H};
use crate::config::{Customer, Network, SmppAccount};

const NAME_MAX: usize = 64;
const BINDS_MAX: u32 = 1_000;
const WINDOW_MAX: u32 = 10_000;
const DELIVER_WINDOW_MAX: u32 = 1_000;

pub(super) fn check(customers: &[Customer], mistakes: &mut Mistakes) {
    let ids = customers.iter().enumerate();
    mistakes.unique("customer", ids.map(|(n, c)| (format!("customers[{n}].id"), c.id.as_str())));
    let accounts = customers.iter().enumerate().filter_map(|(n, customer)| {
        let account = customer.smpp.as_ref()?;
        Some((format!("customers[{n}].smpp.system_id"), account.system_id.as_str()))
    });
    mistakes.unique("system_id", accounts);
    for (index, customer) in customers.iter().enumerate() {
        let path = format!("customers[{index}]");
        mistakes.name(format!("{path}.id"), customer.id.as_str(), NAME_MAX);
        mistakes.senders(&format!("{path}.senders"), &customer.senders);
        let validity = customer.default_validity_h;
        mistakes.range(format!("{path}.default_validity_h"), validity, 1, VALIDITY_MAX_H);
        if let Some(account) = &customer.smpp {
            check_account(&format!("{path}.smpp"), account, mistakes);
        }
    }
}

fn check_account(path: &str, account: &SmppAccount, mistakes: &mut Mistakes) {
    mistakes.smpp_text(format!("{path}.system_id"), &account.system_id, 1, SYSTEM_ID_MAX);
    mistakes.range(format!("{path}.max_binds"), account.max_binds, 1, BINDS_MAX);
    mistakes.range(format!("{path}.window"), account.window, 1, WINDOW_MAX);
    mistakes.range(format!("{path}.deliver_window"), account.deliver_window, 1, DELIVER_WINDOW_MAX);
    mistakes.rate(format!("{path}.rate_per_s"), account.rate_per_s);
    if let Err(what) = check_hash(&account.password_hash.0) {
        let cure = "make it with `gatewayctl hash-password`";
        mistakes.add(format!("{path}.password_hash"), what, cure);
    }
    for (index, network) in account.allowed_addresses.iter().enumerate() {
        if Network::parse(network).is_none() {
            let path = format!("{path}.allowed_addresses[{index}]");
            let cure = "write it like 10.0.0.0/8 or 2001:db8::/32, with no bits behind the mask";
            mistakes.add(path, "not a network", cure);
        }
    }
}

/// The PHC string of Argon2id (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`), within a cost that an
/// edge can bear: it is computed at binds, also of those who guess.
fn check_hash(hash: &str) -> Result<(), &'static str> {
    const NOT_A_HASH: &str = "not an Argon2id hash";
    let mut fields = hash.split('$');
    let head = (fields.next(), fields.next(), fields.next());
    if head != (Some(""), Some("argon2id"), Some("v=19")) {
        return Err(NOT_A_HASH);
    }
    let (Some(cost), Some(salt), Some(digest), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(NOT_A_HASH);
    };
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    if salt.len() < 11 || digest.len() < 22 || !(salt.bytes().chain(digest.bytes())).all(base64) {
        return Err(NOT_A_HASH);
    }
    let mut costs = cost.split(',');
    let mut within = |name: &str, most: u32| {
        let value = costs.next().and_then(|c| c.strip_prefix(name)).map(str::parse::<u32>);
        matches!(value, Some(Ok(value)) if (1..=most).contains(&value))
    };
    if within("m=", 65_536) && within("t=", 10) && within("p=", 4) && costs.next().is_none() {
        return Ok(());
    }
    Err("the hash costs more than m=65536 (KiB), t=10, p=4, or names no cost")
}
