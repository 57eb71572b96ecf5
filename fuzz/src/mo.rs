//! Any text to any number under any rows of `numbers`: whose it is is told by router and explanation
//! alike, and a wish or a keyword concerns the number's own customers only.
//!
//! Input: rows, and what handsets write.

use arbitrary::Arbitrary;
use domain::{
    config::{
        CountsFor, Document, Keyword, Number, NumberAddress, NumberRange, OptOutWords, Reply,
        ShortCode, SlotLedger, validate,
    },
    id::{CustomerId, ProviderId},
    mo::{Decision, MoRouter, Query, Verdict, explain},
};
use serde_json::json;

const ROWS_MAX: usize = 6;
const ASKS_MAX: usize = 8;

#[derive(Debug, Arbitrary)]
pub struct Script {
    rows: Vec<Row>,
    asks: Vec<Ask>,
}

#[derive(Debug, Arbitrary)]
struct Row {
    address: Address,
    customer: Option<u8>,
    keywords: Vec<(u8, Vec<String>, Vec<String>)>,
    opt_out: Option<(Words, Words, Words, u8)>,
}

type Words = Option<Vec<String>>;

#[derive(Debug, Arbitrary)]
enum Address {
    Exact(u8),
    Range(u8, u8),
    ShortCode(u8, Option<bool>),
    Text(String),
}

#[derive(Debug, Arbitrary)]
struct Ask {
    provider: bool,
    number: Address,
    text: String,
}

pub fn check(script: Script) {
    let document = document(script.rows);
    let valid = validate(&document, None, &SlotLedger::default()).is_empty();
    let router = MoRouter::compile(&document);
    for ask in script.asks.into_iter().take(ASKS_MAX) {
        let provider = provider(ask.provider);
        let destination = match ask.number {
            Address::Exact(number) | Address::Range(number, _) => long(number),
            Address::ShortCode(code, _) => short(code),
            Address::Text(text) => text,
        };
        let query = Query { provider: &provider, destination: &destination, text: &ask.text };
        decide(&document, &router, &query, valid);
    }
}

fn decide(document: &Document, router: &MoRouter, query: &Query<'_>, valid: bool) {
    let decision = router.decide(query);
    match &decision {
        Decision::Customer(owner) => {
            assert!(query.text.ends_with(owner.rest));
            assert!(owner.keyword.is_some() || owner.sub_keyword.is_none());
        }
        Decision::Wish(wished) => {
            let has =
                |row: &Number| wished.customers.iter().all(|it| row.customers().any(|c| c == *it));
            assert!(document.numbers.iter().any(has), "all of one number");
            let subjects = wished.subjects();
            assert!(subjects.iter().all(|subject| wished.customers.contains(&subject.customer)));
            for subject in subjects {
                let sender = subject.sender.unwrap_or("any");
                let read = router.opt_out_subjects(subject.customer, sender);
                assert!(read.is_some_and(|read| read.contains(&subject)), "it will be looked up");
            }
        }
        Decision::Nobody(_) => {}
    }
    if !valid {
        return;
    }
    let explained = explain(document, router, query);
    assert_eq!(decision, explained.decision);
    let first = explained.candidates.first();
    let chosen = first.is_some_and(|first| matches!(first.verdict, Verdict::Chosen(_)));
    assert_eq!(chosen, !matches!(decision, Decision::Nobody(_)));
}

fn document(rows: Vec<Row>) -> Document {
    let link = json!({"smpp": {"host": "h", "port": 1, "system_id": "u", "password_secret": "s"}});
    let mut document: Document = serde_json::from_value(json!({
        "customers": [{"id": "c0"}, {"id": "c1"}, {"id": "c2"}],
        "providers": [{"id": "p0", "link": link, "slots": [0]}, {"id": "p1", "link": link, "slots": [1]}],
    }))
    .expect("it is a document");
    document.numbers = rows.into_iter().take(ROWS_MAX).map(number).collect();
    document
}

fn number(row: Row) -> Number {
    let address = match row.address {
        Address::Exact(number) => NumberAddress::Exact(long(number)),
        Address::Range(from, to) => {
            NumberAddress::Range(NumberRange { from: long(from), to: long(to) })
        }
        Address::ShortCode(code, of) => {
            NumberAddress::ShortCode(ShortCode { code: short(code), provider: of.map(provider) })
        }
        Address::Text(text) => NumberAddress::Exact(text),
    };
    let keyword =
        |(of, words, sub_keywords)| Keyword { words, customer: customer(of), sub_keywords };
    let reply = |words| Reply { words, answer: None };
    let words = |(stop, start, help, counts): (_, _, _, u8)| OptOutWords {
        stop: reply(stop),
        start: reply(start),
        help: reply(help),
        counts_for: match counts % 3 {
            0 => CountsFor::Number,
            1 => CountsFor::Senders(vec!["ACME".to_owned(), short(counts)]),
            _ => CountsFor::Customer,
        },
    };
    Number {
        address,
        customer: row.customer.map(customer),
        keywords: row.keywords.into_iter().map(keyword).collect(),
        opt_out: row.opt_out.map(words),
    }
}

fn customer(of: u8) -> CustomerId {
    format!("c{}", of % 3).as_str().into()
}

fn provider(second: bool) -> ProviderId {
    if second { "p1".into() } else { "p0".into() }
}

fn long(number: u8) -> String {
    format!("4930{number:03}")
}

fn short(code: u8) -> String {
    format!("7{code:03}")
}
