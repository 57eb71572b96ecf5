//! Routes: conditions that can be met, targets that exist.

use std::collections::{HashMap, HashSet};

use super::{ADDRESS_MAX, Mistakes, ROUTE_ENTRIES_MAX};
use crate::config::{BindKind, Conditions, Document, Hours, Link, Route};
use crate::id::ProviderId;

const NAME_MAX: usize = 64;
const WEIGHT_MAX: u32 = 1_000_000;

pub(super) fn check(document: &Document, mistakes: &mut Mistakes) {
    let routes = &document.routes;
    let ids = routes.iter().enumerate();
    mistakes.unique("route", ids.map(|(n, r)| (format!("routes[{n}].id"), r.id.as_str())));
    let customers = document.customers.iter().map(|customer| customer.id.as_str()).collect();
    let senders = document.providers.iter().map(|provider| {
        let Link::Smpp(link) = &provider.link;
        (&provider.id, link.bind != BindKind::Receiver)
    });
    let senders: HashMap<&ProviderId, bool> = senders.collect();
    for (index, route) in routes.iter().enumerate() {
        let path = format!("routes[{index}]");
        mistakes.name(format!("{path}.id"), &route.id, NAME_MAX);
        check_conditions(&format!("{path}.when"), &route.when, &customers, mistakes);
        check_targets(&path, route, &senders, mistakes);
    }
    check_shadowed(routes, mistakes);
    check_size(routes, mistakes);
}

fn check_conditions(path: &str, when: &Conditions, known: &HashSet<&str>, mistakes: &mut Mistakes) {
    for (index, customer) in when.customers.iter().enumerate() {
        if !known.contains(customer.as_str()) {
            let path = format!("{path}.customers[{index}]");
            let what = format!("there is no customer `{customer}`");
            mistakes.add(path, what, "add it to `customers`, or take it out here");
        }
    }
    for (index, prefix) in when.destinations.iter().enumerate() {
        let digits = prefix.bytes().all(|b| b.is_ascii_digit());
        if !digits || prefix.is_empty() || prefix.len() > ADDRESS_MAX {
            let path = format!("{path}.destinations[{index}]");
            let cure =
                format!("use 1 to {ADDRESS_MAX} digits: country code first, no `+`, no `00`");
            mistakes.add(path, "not a prefix of a number", cure);
        }
    }
    mistakes.senders(&format!("{path}.senders"), &when.senders);
    if let Some(hours) = &when.hours {
        check_hours(&format!("{path}.hours"), hours, mistakes);
    }
}

fn check_hours(path: &str, hours: &Hours, mistakes: &mut Mistakes) {
    if hours.window().is_none() {
        let cure = "write both as HH:MM, 00:00 to 23:59, and different from each other";
        mistakes.add(path, "`from` and `to` make no window of time", cure);
    }
    if !(-720..=840).contains(&hours.utc_offset_min) {
        let path = format!("{path}.utc_offset_min");
        mistakes.add(path, "no place on earth has this time", "use minutes, -720 to 840");
    }
}

fn check_targets(
    path: &str,
    route: &Route,
    senders: &HashMap<&ProviderId, bool>,
    mistakes: &mut Mistakes,
) {
    if route.to.is_empty() {
        mistakes.add(format!("{path}.to"), "leads nowhere", "name at least one provider");
    }
    let targets = route.to.iter().enumerate();
    let named =
        targets.map(|(n, target)| (format!("{path}.to[{n}].provider"), &target.provider)).chain(
            route.failover.iter().enumerate().map(|(n, p)| (format!("{path}.failover[{n}]"), p)),
        );
    for (path, provider) in named {
        match senders.get(provider) {
            Some(true) => {}
            Some(false) => {
                let what = format!("provider `{provider}` is bound as receiver and sends nothing");
                mistakes.add(path, what, "choose another, or bind as transceiver");
            }
            None => {
                let what = format!("there is no provider `{provider}`");
                mistakes.add(path, what, "add it to `providers`, or correct the name");
            }
        }
    }
    for (index, target) in route.to.iter().enumerate() {
        mistakes.range(format!("{path}.to[{index}].weight"), target.weight, 1, WEIGHT_MAX);
    }
    let to = route.to.iter().enumerate();
    let to = to.map(|(n, t)| (format!("{path}.to[{n}].provider"), t.provider.as_str()));
    mistakes.unique("provider", to);
    let failover = route.failover.iter().enumerate();
    let failover = failover.map(|(n, p)| (format!("{path}.failover[{n}]"), p.as_str()));
    mistakes.unique("provider", failover);
}

/// Of two routes with the same conditions only the first can ever apply.
fn check_shadowed(routes: &[Route], mistakes: &mut Mistakes) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (index, route) in routes.iter().enumerate() {
        let conditions = format!("{:?}", route.when);
        if let Some(first) = seen.get(conditions.as_str()) {
            let what = format!("never applies: route `{first}` has the same conditions");
            let cure = "make them differ, or join the two with weights";
            mistakes.add(format!("routes[{index}].when"), what, cure);
        } else {
            seen.insert(conditions, &route.id);
        }
    }
}

fn check_size(routes: &[Route], mistakes: &mut Mistakes) {
    let entries = |route: &Route| {
        route.when.customers.len().max(1).saturating_mul(route.when.destinations.len().max(1))
    };
    let total = routes.iter().map(entries).fold(0, usize::saturating_add);
    if total > ROUTE_ENTRIES_MAX {
        let what = format!("{total} pairs of customer and destination; {ROUTE_ENTRIES_MAX} fit");
        mistakes.add("routes", what, "leave out customers where a route is for all");
    }
}
