//! From the document to the [`Router`]. The document is taken to be valid; what could only come
//! from an invalid one (a target that no provider answers to, a prefix of letters) matches nothing.

use std::collections::HashMap;

use super::prefixes::PrefixTrie;
use super::{ANY_CUSTOMER, Compiled, Customer, Entry, Outlet, Router};
use crate::config::{Document, Route};
use crate::id::ProviderId;

impl Router {
    /// Makes the look-up structure of a document.
    #[must_use]
    pub fn compile(document: &Document) -> Self {
        let customers = customers(document);
        let outlets: Vec<Outlet> = document.providers.iter().map(outlet).collect();
        let by_provider = outlets.iter().zip(0..).map(|(o, index)| (&o.provider, index)).collect();
        let order = by_specificity(&document.routes);
        let routes = order.iter().map(|route| compiled(route, &by_provider)).collect();
        let mut groups = Groups { trie: PrefixTrie::new(), entries: Vec::new() };
        for (route, index) in order.iter().zip(0..) {
            groups.add(route, index, &customers);
        }
        let (starts, candidates) = groups.flattened();
        Self { customers, trie: groups.trie, starts, candidates, routes, outlets }
    }
}

fn customers(document: &Document) -> HashMap<String, Customer> {
    let compiled = |(customer, index): (&crate::config::Customer, u32)| {
        (customer.id.0.clone(), Customer { index, senders: customer.senders.clone() })
    };
    document.customers.iter().zip(0..ANY_CUSTOMER).map(compiled).collect()
}

fn outlet(provider: &crate::config::Provider) -> Outlet {
    Outlet {
        provider: provider.id.clone(),
        open_binds: provider.open_binds(),
        long_messages: provider.long_messages,
    }
}

/// Rules 3 to 5 order the routes once; 1 and 2 are a matter of where a candidate is found.
fn by_specificity(routes: &[Route]) -> Vec<&Route> {
    let mut order: Vec<&Route> = routes.iter().collect();
    order.sort_by_key(|route| (route.when.senders.is_empty(), route.when.hours.is_none()));
    order
}

fn compiled(route: &Route, by_provider: &HashMap<&ProviderId, u32>) -> Compiled {
    let targets: Vec<(u32, u32)> = (route.to.iter())
        .filter_map(|target| Some((*by_provider.get(&target.provider)?, target.weight)))
        .collect();
    Compiled {
        id: route.id.clone(),
        senders: route.when.senders.clone(),
        hours: route.when.hours.as_ref().and_then(crate::config::Hours::window),
        total_weight: targets.iter().map(|(_, weight)| u64::from(*weight)).sum(),
        targets,
        failover: route.failover.iter().filter_map(|p| by_provider.get(p).copied()).collect(),
        priority: route.priority,
    }
}

/// Candidates by prefix while they are collected.
struct Groups {
    trie: PrefixTrie,
    entries: Vec<Vec<Entry>>,
}

impl Groups {
    fn add(&mut self, route: &Route, index: u32, customers: &HashMap<String, Customer>) {
        let customers: Vec<u32> = match route.when.customers.as_slice() {
            [] => vec![ANY_CUSTOMER],
            named => {
                named.iter().filter_map(|c| customers.get(c.as_str())).map(|c| c.index).collect()
            }
        };
        let everywhere = [String::new()];
        let prefixes = match route.when.destinations.as_slice() {
            [] => &everywhere[..],
            prefixes => prefixes,
        };
        for prefix in prefixes {
            let new = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
            let Some(group) = self.trie.insert(prefix, new) else { continue };
            if group == new {
                self.entries.push(Vec::new());
            }
            let entries = customers.iter().map(|&customer| Entry { customer, route: index });
            self.entries[group as usize].extend(entries);
        }
    }

    fn flattened(&mut self) -> (Vec<u32>, Vec<Entry>) {
        let mut starts = Vec::with_capacity(self.entries.len() + 1);
        let mut candidates = Vec::with_capacity(self.entries.iter().map(Vec::len).sum());
        let end = |candidates: &Vec<Entry>| u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        starts.push(0);
        for mut group in self.entries.drain(..) {
            // An entry's route counts in the order of specificity, so the derived order is the
            // rule's order within each customer.
            group.sort_unstable();
            group.dedup();
            candidates.append(&mut group);
            starts.push(end(&candidates));
        }
        (starts, candidates)
    }
}
