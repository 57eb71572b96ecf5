//! How long it takes to find whose message from a handset it is: 100,000 numbers, half of them
//! ranges, and a short code that 5,000 keywords share.
//! `cargo run --release -p domain --example mo_lookup`
#![allow(clippy::print_stdout, reason = "a measurement for people")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::time::Instant;

use domain::config::{Document, SlotLedger, validate};
use domain::id::ProviderId;
use domain::mo::{Decision, MoRouter, Query};
use serde_json::{Value, json};

const CUSTOMERS: u64 = 1_000;
const NUMBERS: u64 = 100_000;
const KEYWORDS: u64 = 5_000;
const QUERIES: u64 = 2_000_000;

fn main() {
    let document = document();
    let validated_at = Instant::now();
    let mistakes = validate(&document, None, &SlotLedger::default());
    println!("validate: {:?}, {} mistakes", validated_at.elapsed(), mistakes.len());
    let compiled_at = Instant::now();
    let router = MoRouter::compile(&document);
    println!("compile: {:?}", compiled_at.elapsed());
    let provider = ProviderId::from("one");
    let asked: Vec<(String, String)> = (0..100_000_u64)
        .map(|n| {
            let n = n.wrapping_mul(7_919);
            if n.is_multiple_of(2) {
                let keyword = format!("Schlüssel{}! and the rest of it", n % KEYWORDS);
                return ("12345".to_owned(), keyword);
            }
            (number(n % NUMBERS, n % 100), "Hello, this is what I wanted to say".to_owned())
        })
        .collect();
    let mut found = 0_u64;
    let started = Instant::now();
    for n in 0..QUERIES {
        let (destination, text) = &asked[(n % 100_000) as usize];
        let query = Query { provider: &provider, destination, text };
        found += u64::from(matches!(router.decide(&query), Decision::Customer(_)));
    }
    let ns = started.elapsed().as_nanos() / u128::from(QUERIES);
    println!("decide: {ns} ns, {} % found", found * 100 / QUERIES);
}

/// Numbers come in hundreds: an even one begins a range of 50, an odd one stands alone.
fn number(n: u64, offset: u64) -> String {
    let offset = if n.is_multiple_of(2) { offset % 50 } else { 0 };
    format!("49{}", 300_000_000 + n * 100 + offset)
}

fn document() -> Document {
    let customers: Vec<Value> = (0..CUSTOMERS).map(|n| json!({"id": format!("c{n}")})).collect();
    let keywords: Vec<Value> = (0..KEYWORDS)
        .map(|n| json!({"words": [format!("SCHLÜSSEL{n}")], "customer": format!("c{}", n % CUSTOMERS)}))
        .collect();
    let shared = json!({"address": {"short_code": {"code": "12345"}}, "keywords": keywords});
    let numbers = (0..NUMBERS).map(|n| {
        let address = if n.is_multiple_of(2) {
            json!({"range": {"from": number(n, 0), "to": number(n, 49)}})
        } else {
            json!({"exact": number(n, 0)})
        };
        json!({"address": address, "customer": format!("c{}", n % CUSTOMERS)})
    });
    let numbers: Vec<Value> = numbers.chain([shared]).collect();
    serde_json::from_value(json!({"customers": customers, "numbers": numbers})).unwrap_or_default()
}
