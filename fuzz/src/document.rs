//! Any text as a configuration: reading, checking, comparing and routing are total; a document
//! without mistakes stays so as its own successor, reads the same after it was kept as JSON, and
//! its router decides as the explanation says.
//!
//! Input: JSON if it begins with `{`, else YAML.

use domain::{
    config::{self, Document, SlotLedger, validate},
    id::{CustomerId, MessageId, ProviderId},
    message::Priority,
    routing::{Decision, Query, Router, Unroutable, Verdict, explain},
};

const KEYS_MAX: usize = 8;

pub fn check(text: &str) {
    let Some(document) = read(text) else { return };
    let mistakes = validate(&document, None, &SlotLedger::default());
    let _any = (config::diff(None, &document), config::diff(Some(&document), &document));
    let valid = mistakes.is_empty();
    if valid {
        let ledger = SlotLedger::default().with(&document);
        assert_eq!(validate(&document, Some(&document), &ledger), []);
        assert!(ledger.new_slots(&document).is_empty());
        assert_eq!(config::diff(Some(&document), &document), [], "nothing differs from itself");
        let kept = serde_json::to_string(&document).expect("a valid document can be kept");
        let again: Document = serde_json::from_str(&kept).expect("what is kept can be read");
        assert!(again == document, "it reads the same");
    }
    route(&document, valid);
}

fn read(text: &str) -> Option<Document> {
    if text.starts_with('{') {
        serde_json::from_str(text).ok()
    } else {
        serde_saphyr::from_str(text).ok()
    }
}

/// Decides for the document's own customers, prefixes and senders, and for some that it lacks.
fn route(document: &Document, valid: bool) {
    let router = Router::compile(document);
    let mut customers: Vec<CustomerId> = vec!["nobody".into()];
    let mut destinations = vec![String::new(), "ACME".to_owned()];
    let mut senders = vec![String::new()];
    for customer in document.customers.iter().take(KEYS_MAX) {
        customers.push(customer.id.clone());
        senders.extend(customer.senders.iter().take(KEYS_MAX).cloned());
    }
    for route in document.routes.iter().take(KEYS_MAX) {
        senders.extend(route.when.senders.iter().take(KEYS_MAX).cloned());
        let prefixes = route.when.destinations.iter().take(KEYS_MAX);
        destinations.extend(prefixes.map(|prefix| format!("{prefix}1")));
    }
    let tried: Vec<ProviderId> = document.providers.iter().map(|p| p.id.clone()).collect();
    let mut count = 0;
    for customer in &customers {
        for destination in &destinations {
            for sender in senders.iter().take(KEYS_MAX) {
                count += 1;
                let query = Query {
                    customer,
                    sender: sender.trim_end_matches('*'),
                    destination,
                    priority: Priority::Normal,
                    accepted_ms: count * 7 * 3_600_000,
                    message: MessageId::new(count, [u8::try_from(count % 251).unwrap_or(0); 10]),
                    tried: &tried[..tried.len().min(count as usize % 3)],
                };
                decide(document, &router, &query, valid);
            }
        }
    }
}

fn decide(document: &Document, router: &Router, query: &Query<'_>, valid: bool) {
    let explained = explain(document, router, query);
    let decision = router.decide(query);
    assert_eq!(decision, explained.decision);
    if !valid {
        return;
    }
    let first = explained.candidates.first();
    let chosen = first.filter(|first| matches!(first.verdict, Verdict::Chosen { .. }));
    match decision {
        Decision::Route(to) => {
            assert_eq!(chosen.map(|chosen| chosen.route), Some(to.route));
            assert!(to.bind < to.to.open_binds && !query.tried.contains(&to.to.provider));
        }
        Decision::Unroutable(Unroutable::Exhausted { route }) => {
            assert_eq!(chosen.map(|chosen| chosen.route), Some(route));
        }
        Decision::Unroutable(Unroutable::NoRoute) => assert_eq!(chosen, None),
        Decision::Refused(_) => {}
    }
}
