//! Providers: links, and slots that are given once and never again.

use std::collections::HashMap;

use super::{Mistakes, SLOT_MAX, SYSTEM_ID_MAX, receipts};
use crate::config::{Document, Link, Provider, SlotLedger, SmppLink};

const NAME_MAX: usize = 32;
const WINDOW_MAX: u32 = 10_000;
const WEIGHT_MAX: u32 = 1_000;
/// Load balancers cut idle connections at 350 s.
const ENQUIRE_MAX_S: u32 = 300;
const RESPONSE_MAX_S: u32 = 300;
const SYSTEM_TYPE_MAX: usize = 12;

pub(super) fn check(
    providers: &[Provider],
    previous: Option<&Document>,
    slots: &SlotLedger,
    mistakes: &mut Mistakes,
) {
    let ids = providers.iter().enumerate();
    mistakes.unique("provider", ids.map(|(n, p)| (format!("providers[{n}].id"), p.id.as_str())));
    for (index, provider) in providers.iter().enumerate() {
        let path = format!("providers[{index}]");
        mistakes.name(format!("{path}.id"), provider.id.as_str(), NAME_MAX);
        check_sending(&path, provider, mistakes);
        let Link::Smpp(link) = &provider.link;
        check_link(&format!("{path}.link.smpp"), link, mistakes);
        receipts::check(&format!("{path}.receipts"), &provider.receipts, mistakes);
    }
    check_slots(providers, slots, mistakes);
    if let Some(previous) = previous {
        check_kept(providers, &previous.providers, mistakes);
    }
}

fn check_sending(path: &str, provider: &Provider, mistakes: &mut Mistakes) {
    let slots = u32::try_from(provider.slots.len()).unwrap_or(u32::MAX);
    if slots == 0 {
        mistakes.add(format!("{path}.slots"), "no slot", "name one unused slot for each bind");
    }
    if let Some(binds) = provider.binds.filter(|binds| *binds > slots) {
        let what = format!("{binds} binds, but {slots} slots");
        mistakes.add(format!("{path}.binds"), what, "name a slot for each bind");
    }
    mistakes.rate(format!("{path}.rate_per_s"), provider.rate_per_s);
    mistakes.range(format!("{path}.window"), provider.window, 1, WINDOW_MAX);
    let weights = provider.weights;
    for (name, weight) in
        [("high", weights.high), ("normal", weights.normal), ("bulk", weights.bulk)]
    {
        mistakes.range(format!("{path}.weights.{name}"), weight, 1, WEIGHT_MAX);
    }
}

fn check_link(path: &str, link: &SmppLink, mistakes: &mut Mistakes) {
    let host_like = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    if link.host.is_empty() || link.host.len() > 253 || !link.host.bytes().all(host_like) {
        let cure = "write a name or an address without a port";
        mistakes.add(format!("{path}.host"), "not a host", cure);
    }
    mistakes.range(format!("{path}.port"), u32::from(link.port), 1, u32::from(u16::MAX));
    mistakes.smpp_text(format!("{path}.system_id"), &link.system_id, 1, SYSTEM_ID_MAX);
    mistakes.smpp_text(format!("{path}.system_type"), &link.system_type, 0, SYSTEM_TYPE_MAX);
    mistakes.range(format!("{path}.enquire_link_s"), link.enquire_link_s, 1, ENQUIRE_MAX_S);
    mistakes.range(
        format!("{path}.response_timeout_s"),
        link.response_timeout_s,
        1,
        RESPONSE_MAX_S,
    );
    check_secret(&format!("{path}.password_secret"), &link.password_secret, mistakes);
    let ca_secret = link.tls.as_ref().and_then(|tls| tls.ca_secret.as_ref());
    if let Some(secret) = ca_secret {
        check_secret(&format!("{path}.tls.ca_secret"), secret, mistakes);
    }
}

fn check_secret(path: &str, name: &str, mistakes: &mut Mistakes) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
        let cure = "name the secret (letters, digits, `-`, `_`, `.`), never write it here";
        mistakes.add(path, "not the name of a secret", cure);
    }
}

/// A slot is one bind's, now and in every earlier version.
fn check_slots(providers: &[Provider], ledger: &SlotLedger, mistakes: &mut Mistakes) {
    const CURE: &str = "use a number that was never used";
    let mut seen = HashMap::new();
    for (index, provider) in providers.iter().enumerate() {
        for (bind, slot) in provider.slots.iter().enumerate() {
            let path = format!("providers[{index}].slots[{bind}]");
            mistakes.range(&path, *slot, 0, SLOT_MAX);
            if let Some(first) = seen.insert(*slot, path.clone()) {
                mistakes.add(&path, format!("slot {slot} is also at {first}"), CURE);
            } else if let Some(owner) = ledger.0.get(slot)
                && (owner.provider != provider.id || owner.bind != bind)
            {
                let what =
                    format!("slot {slot} is bind {} of provider {}", owner.bind, owner.provider);
                mistakes.add(&path, what, CURE);
            }
        }
    }
}

/// What waits at a bind is sent by that bind: neither it nor its provider may vanish before it
/// has run empty.
fn check_kept(providers: &[Provider], previous: &[Provider], mistakes: &mut Mistakes) {
    for before in previous {
        let Some(index) = providers.iter().position(|provider| provider.id == before.id) else {
            if before.open_binds() > 0 {
                let what = format!("provider {} is gone while its binds are open", before.id);
                let cure = "set its `binds` to 0 first, and remove it when its topics are empty";
                mistakes.add("providers", what, cure);
            }
            continue;
        };
        if providers[index].slots.len() < before.slots.len() {
            let cure = "lower `binds` instead: the last slots run empty and close";
            mistakes.add(format!("providers[{index}].slots"), "slots were removed", cure);
        }
    }
}
