//! Routing: the rule, case by case, and the compiled router against a scan of the document.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::config::{
    Conditions, Customer, Day, Document, Hours, Link, Provider, Route, SmppLink, Target,
};
use domain::id::{CustomerId, MessageId, ProviderId};
use domain::message::Priority;
use domain::routing::{
    Chosen, Decision, How, Query, Refused, Router, Unroutable, Verdict, explain,
};
use proptest::prelude::*;

const MONDAY_NOON_MS: u64 = 1_736_164_800_000;

fn customer(id: &str, senders: &[&str]) -> Customer {
    Customer {
        id: id.into(),
        smpp: None,
        senders: strings(senders),
        default_priority: Priority::Normal,
        default_validity_h: 48,
    }
}

fn provider(id: &str, slots: &[u32]) -> Provider {
    let link: SmppLink = serde_json::from_str(
        r#"{"host": "h", "port": 1, "system_id": "us", "password_secret": "s"}"#,
    )
    .unwrap();
    Provider {
        id: id.into(),
        link: Link::Smpp(link),
        slots: slots.to_vec(),
        binds: None,
        rate_per_s: None,
        window: 10,
        on_unknown: Default::default(),
        weights: Default::default(),
        long_messages: Default::default(),
        receipts: Default::default(),
    }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn route(id: &str, to: &[(&str, u32)], when: Conditions) -> Route {
    let to = to.iter().map(|(p, weight)| Target { provider: (*p).into(), weight: *weight });
    Route { id: id.into(), when, to: to.collect(), failover: Vec::new(), priority: None }
}

fn when(customers: &[&str], destinations: &[&str], senders: &[&str]) -> Conditions {
    Conditions {
        customers: customers.iter().map(|c| CustomerId::from(*c)).collect(),
        destinations: strings(destinations),
        senders: strings(senders),
        hours: None,
    }
}

fn at_night() -> Option<Hours> {
    let (from, to) = ("22:00".to_owned(), "06:00".to_owned());
    Some(Hours { from, to, utc_offset_min: 0, days: Vec::new() })
}

fn at_noon() -> Option<Hours> {
    let (from, to) = ("11:00".to_owned(), "13:00".to_owned());
    Some(Hours { from, to, utc_offset_min: 0, days: vec![Day::Mon] })
}

fn document(routes: Vec<Route>) -> Document {
    Document {
        customers: vec![customer("acme", &[]), customer("beta", &["BETA*"])],
        providers: vec![provider("alpha", &[0, 1, 2, 3]), provider("gamma", &[4, 5])],
        routes,
        ..Document::default()
    }
}

struct Asked {
    customer: CustomerId,
    sender: &'static str,
    destination: &'static str,
    message: MessageId,
    tried: Vec<ProviderId>,
}

fn asked(customer: &str, sender: &'static str, destination: &'static str) -> Asked {
    let message = MessageId::new(1, [5; 10]);
    Asked { customer: customer.into(), sender, destination, message, tried: Vec::new() }
}

impl Asked {
    fn query(&self) -> Query<'_> {
        Query {
            customer: &self.customer,
            sender: self.sender,
            destination: self.destination,
            priority: Priority::Normal,
            accepted_ms: MONDAY_NOON_MS,
            message: self.message,
            tried: &self.tried,
        }
    }
}

fn chosen<'r>(router: &'r Router, asked: &Asked) -> Chosen<'r> {
    match router.decide(&asked.query()) {
        Decision::Route(chosen) => chosen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_rule_breaks_the_tie_that_the_rules_before_it_leave() {
    let to = &[("alpha", 1)][..];
    let mut noon = route("noon", to, when(&[], &["49"], &[]));
    noon.when.hours = at_noon();
    let mut night = route("night", to, when(&["acme"], &["4917"], &["ACME"]));
    night.when.hours = at_night();
    let table = [
        route("anywhere", to, when(&[], &[], &[])),
        route("second-49", to, when(&[], &["49"], &[])),
        noon,
        route("sender-49", to, when(&[], &["1", "49"], &["ACME", "B*"])),
        route("acme-49", to, when(&["acme"], &["49"], &[])),
        route("long-49", to, when(&[], &["4917"], &[])),
        night,
    ];
    // Each removes the winner before it: the next rule decides.
    let winners = ["long-49", "acme-49", "sender-49", "noon", "second-49", "anywhere"];
    let mut routes = table.to_vec();
    for winner in winners {
        let router = Router::compile(&document(routes.clone()));
        let asked = asked("acme", "ACME", "491712345678");
        assert_eq!(chosen(&router, &asked).route, winner);
        routes.retain(|route| route.id != winner);
    }
    let router = Router::compile(&document(routes));
    let asked = asked("acme", "ACME", "491712345678");
    assert_eq!(router.decide(&asked.query()), Decision::Unroutable(Unroutable::NoRoute));
}

#[test]
fn of_two_equal_routes_the_first_in_the_document_wins() {
    let equal = |id: &str| route(id, &[("alpha", 1)], when(&[], &["44"], &[]));
    let router = Router::compile(&document(vec![equal("one"), equal("two")]));
    assert_eq!(chosen(&router, &asked("acme", "X", "447")).route, "one");
}

#[test]
fn a_route_for_one_customer_is_not_for_another() {
    let routes = vec![route("acme", &[("alpha", 1)], when(&["acme"], &[], &[]))];
    let router = Router::compile(&document(routes));
    let asked = asked("beta", "BETA", "447");
    assert_eq!(router.decide(&asked.query()), Decision::Unroutable(Unroutable::NoRoute));
}

#[test]
fn unknown_customers_and_foreign_senders_are_refused() {
    let routes = vec![route("all", &[("alpha", 1)], when(&[], &[], &[]))];
    let router = Router::compile(&document(routes));
    let stranger = asked("nobody", "X", "447");
    assert_eq!(router.decide(&stranger.query()), Decision::Refused(Refused::UnknownCustomer));
    let foreign = asked("beta", "ACME", "447");
    assert_eq!(router.decide(&foreign.query()), Decision::Refused(Refused::SenderNotAllowed));
    let own = asked("beta", "BETA-1", "447");
    assert_eq!(chosen(&router, &own).route, "all");
}

#[test]
fn weights_divide_the_messages_and_a_message_keeps_its_choice() {
    let routes = vec![route("all", &[("alpha", 3), ("gamma", 1)], when(&[], &[], &[]))];
    let router = Router::compile(&document(routes));
    let mut alpha = 0;
    let mut binds = [0_u32; 4];
    for n in 0..4_000_u64 {
        let mut asked = asked("acme", "X", "447");
        let mut random = [0; 10];
        random[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        asked.message = MessageId::new(MONDAY_NOON_MS + n / 10, random);
        let first = chosen(&router, &asked);
        assert_eq!(first, chosen(&router, &asked));
        if first.to.provider.as_str() == "alpha" {
            alpha += 1;
            binds[first.bind as usize] += 1;
        }
    }
    assert!((2_880..3_120).contains(&alpha), "{alpha} of 4000, 3000 expected");
    assert!(binds.iter().all(|n| (650..850).contains(n)), "{binds:?}");
}

#[test]
fn later_attempts_pass_over_tried_providers_and_follow_failover() {
    let mut only = route("all", &[("alpha", 1)], when(&[], &[], &[]));
    only.failover = vec!["gamma".into()];
    let router = Router::compile(&document(vec![only]));
    let mut asked = asked("acme", "X", "447");
    let first = chosen(&router, &asked);
    assert_eq!(first.to.provider.as_str(), "alpha");
    assert_eq!(first.how, How::Weight { of: 1, total: 1 });
    asked.tried = vec!["alpha".into()];
    let second = chosen(&router, &asked);
    assert_eq!((second.to.provider.as_str(), second.how), ("gamma", How::Failover(0)));
    asked.tried.push("gamma".into());
    let exhausted = Decision::Unroutable(Unroutable::Exhausted { route: "all" });
    assert_eq!(router.decide(&asked.query()), exhausted);
}

#[test]
fn a_provider_without_an_open_bind_is_passed_over_and_lowered_binds_are_respected() {
    let mut only = route("all", &[("alpha", 1)], when(&[], &[], &[]));
    only.failover = vec!["gamma".into()];
    let mut document = document(vec![only]);
    document.providers[0].binds = Some(0);
    document.providers[1].binds = Some(1);
    let router = Router::compile(&document);
    for n in 0..50 {
        let mut asked = asked("acme", "X", "447");
        asked.message = MessageId::new(n, [9; 10]).derive("x");
        let chosen = chosen(&router, &asked);
        assert_eq!((chosen.to.provider.as_str(), chosen.bind), ("gamma", 0));
    }
}

#[test]
fn a_route_may_override_the_queue() {
    let mut bulk = route("all", &[("alpha", 1)], when(&[], &[], &[]));
    bulk.priority = Some(Priority::Bulk);
    let router = Router::compile(&document(vec![bulk]));
    assert_eq!(chosen(&router, &asked("acme", "X", "447")).priority, Priority::Bulk);
}

#[test]
fn an_explanation_says_for_every_route_why_it_was_not_chosen() {
    let to = &[("alpha", 1)][..];
    let mut night = route("night", to, when(&[], &["49"], &[]));
    night.when.hours = at_night();
    let routes = vec![
        route("general", to, when(&[], &[], &[])),
        route("beta", to, when(&["beta"], &["49"], &[])),
        route("uk", to, when(&[], &["44"], &[])),
        route("sender", to, when(&[], &["49"], &["OTHER"])),
        night,
        route("de", to, when(&[], &["49", "491"], &[])),
    ];
    let document = document(routes);
    let router = Router::compile(&document);
    let asked = asked("acme", "X", "4917");
    let explanation = explain(&document, &router, &asked.query());
    let verdicts: Vec<_> =
        explanation.candidates.iter().map(|c| (c.route, c.verdict.to_string())).collect();
    assert_eq!(
        verdicts,
        [
            ("de", "chosen: longest prefix 491".to_owned()),
            ("general", "de has a longer prefix".to_owned()),
            ("beta", "is for other customers".to_owned()),
            ("uk", "none of its prefixes matches".to_owned()),
            ("sender", "is for other senders".to_owned()),
            ("night", "outside its hours".to_owned()),
        ]
    );
}

#[test]
fn a_query_shows_neither_sender_nor_destination() {
    let shown = format!("{:?}", asked("acme", "SECRETSENDER", "499999").query());
    assert!(!shown.contains("SECRETSENDER") && !shown.contains("499999"), "{shown}");
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let customers = prop::collection::vec(prop::sample::select(vec!["acme", "beta"]), 0..2);
    let prefixes = prop::collection::vec("[1-3]{0,4}", 0..4);
    let senders = prop::collection::vec(prop::sample::select(vec!["A", "AB", "A*", "B*"]), 0..2);
    let hours = prop::sample::select(vec![None, None, at_night(), at_noon()]);
    (customers, prefixes, senders, hours).prop_map(|(customers, destinations, senders, hours)| {
        Conditions { hours, destinations, ..when(&customers, &[], &senders) }
    })
}

proptest! {
    #[test]
    fn the_compiled_router_decides_as_a_scan_of_the_document(
        conditions in prop::collection::vec(conditions(), 0..12),
        destination in "[1-3]{0,6}",
        sender in prop::sample::select(vec!["A", "AB", "ABC", "B", "C"]),
        who in prop::sample::select(vec!["acme", "beta"]),
    ) {
        let routes = conditions
            .into_iter()
            .enumerate()
            .map(|(n, when)| route(&n.to_string(), &[("alpha", 1)], when))
            .collect();
        let mut document = document(routes);
        document.customers[1].senders.clear();
        let router = Router::compile(&document);
        let customer = CustomerId::from(who);
        let query = Query {
            customer: &customer,
            sender,
            destination: &destination,
            priority: Priority::Normal,
            accepted_ms: MONDAY_NOON_MS,
            message: MessageId::new(1, [1; 10]),
            tried: &[],
        };
        let explanation = explain(&document, &router, &query);
        let scanned = explanation.candidates.first().and_then(|first| match first.verdict {
            Verdict::Chosen { prefix } => Some((first.route, prefix.len())),
            _ => None,
        });
        let decided = match router.decide(&query) {
            Decision::Route(chosen) => Some((chosen.route, usize::from(chosen.prefix_digits))),
            _ => None,
        };
        prop_assert_eq!(decided, scanned);
    }
}
