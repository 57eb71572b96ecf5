//! How long a routing decision takes: 100,000 prefixes, 1,000 customers, 20,000 routes.
//! `cargo run --release -p domain --example route_lookup`
#![allow(clippy::print_stdout, reason = "a measurement for people")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::time::Instant;

use domain::config::Document;
use domain::id::{CustomerId, MessageId};
use domain::message::Priority;
use domain::routing::{Decision, Query, Router};

const CUSTOMERS: u64 = 1_000;
const PREFIXES: u64 = 100_000;
const ROUTES: u64 = 20_000;
const QUERIES: u64 = 2_000_000;

fn main() {
    let mut random = fastrand_like(7);
    let document = document(&mut random);
    let compiled_at = Instant::now();
    let router = Router::compile(&document);
    println!("compile: {:?}", compiled_at.elapsed());
    let asked: Vec<(CustomerId, String, MessageId)> = (0..100_000)
        .map(|n| {
            let customer = CustomerId(format!("customer-{}", random() % CUSTOMERS));
            let number = format!("{}", 10_000_000_000 + random() % 80_000_000_000);
            (customer, number, MessageId::new(n, [3; 10]).derive("q"))
        })
        .collect();
    let mut routed = 0_u64;
    let started = Instant::now();
    for n in 0..QUERIES {
        let (customer, destination, message) = &asked[(n % 100_000) as usize];
        let query = Query {
            customer,
            sender: "ACME",
            destination,
            priority: Priority::Normal,
            accepted_ms: 0,
            message: *message,
            tried: &[],
        };
        routed += u64::from(matches!(router.decide(&query), Decision::Route(_)));
    }
    let ns = started.elapsed().as_nanos() / u128::from(QUERIES);
    println!("decide: {ns} ns, {} % routed", routed * 100 / QUERIES);
}

fn document(random: &mut impl FnMut() -> u64) -> Document {
    let customers: Vec<_> =
        (0..CUSTOMERS).map(|n| serde_json::json!({"id": format!("customer-{n}")})).collect();
    let link = serde_json::json!({"smpp": {
        "host": "h", "port": 1, "system_id": "us", "password_secret": "s"}});
    let providers: Vec<_> = (0..20)
        .map(|n| serde_json::json!({"id": format!("p{n}"), "link": link, "slots": [2 * n, 2 * n + 1]}))
        .collect();
    let routes: Vec<_> = (0..ROUTES).map(|n| route(n, random)).collect();
    serde_json::from_value(serde_json::json!({
        "customers": customers, "providers": providers, "routes": routes}))
    .unwrap_or_default()
}

/// Half of the routes name a customer; one is for everybody and everywhere.
fn route(n: u64, random: &mut impl FnMut() -> u64) -> serde_json::Value {
    let to = [serde_json::json!({"provider": format!("p{}", n % 20)})];
    if n == 0 {
        return serde_json::json!({"id": "all", "to": to});
    }
    let prefixes: Vec<String> = (0..PREFIXES / ROUTES)
        .map(|_| {
            let digits = 3 + random() % 5;
            format!("{}", 10_u64.pow(5) + random() % 900_000)
                .chars()
                .cycle()
                .take(digits as usize)
                .collect()
        })
        .collect();
    let customers: Vec<String> =
        if n.is_multiple_of(2) { Vec::new() } else { vec![format!("customer-{}", n % CUSTOMERS)] };
    serde_json::json!({"id": n.to_string(), "to": to,
        "when": {"destinations": prefixes, "customers": customers}})
}

fn fastrand_like(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}
