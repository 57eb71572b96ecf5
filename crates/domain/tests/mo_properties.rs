//! Random tables of two customers with equal keywords, numbers and ranges: no message of one is
//! ever the other's, and what would leave a choice is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::config::{
    CountsFor, Document, Keyword, Mistake, Number, NumberAddress, NumberRange, OptOutWords, Reply,
    ShortCode, SlotLedger, folded, validate,
};
use domain::id::{CustomerId, ProviderId};
use domain::mo::{By, Claim, Decision, MoRouter, Query, Verdict, explain};
use proptest::prelude::*;
use proptest::sample::select;

static CUSTOMERS: [&str; 2] = ["acme", "beta"];
static WORDS: [&str; 7] = ["A", "á", "B", "(b)", "C", "STOP", "Straße"];
static DESTINATIONS: [&str; 14] = [
    "4930000", "4930001", "4930002", "4930003", "4930004", "4930005", "4930006", "4930007",
    "4930008", "4930009", "777", "778", "49300000", "",
];

fn empty() -> Document {
    let link = serde_json::json!({"smpp": {
        "host": "h", "port": 1, "system_id": "us", "password_secret": "s"}});
    serde_json::from_value(serde_json::json!({
        "customers": CUSTOMERS.map(|id| serde_json::json!({"id": id})),
        "providers": [{"id": "one", "slots": [0], "link": link},
                      {"id": "two", "slots": [1], "link": link}],
    }))
    .unwrap()
}

fn mistakes(document: &Document) -> Vec<Mistake> {
    validate(document, None, &SlotLedger::default())
}

fn customer() -> impl Strategy<Value = CustomerId> {
    select(&CUSTOMERS[..]).prop_map(CustomerId::from)
}

fn provider() -> impl Strategy<Value = ProviderId> {
    select(vec!["one", "two", "gone"]).prop_map(ProviderId::from)
}

fn address() -> impl Strategy<Value = NumberAddress> {
    let number = |n: u32| format!("493000{n}");
    let known = provider().prop_filter("known", |provider| provider.as_str() != "gone");
    let short = (select(vec!["777", "778", "4930003"]), prop::option::of(known));
    prop_oneof![
        (0..10_u32).prop_map(move |n| NumberAddress::Exact(number(n))),
        (0..9_u32, 1..4_u32).prop_map(move |(from, more)| {
            let (from, to) = (number(from), number((from + more).min(9)));
            NumberAddress::Range(NumberRange { from, to })
        }),
        short.prop_map(|(code, provider)| {
            NumberAddress::ShortCode(ShortCode { code: code.to_owned(), provider })
        }),
    ]
}

fn words(most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(select(&WORDS[..]).prop_map(str::to_owned), 0..most)
}

fn keyword() -> impl Strategy<Value = Keyword> {
    (words(3), customer(), words(3)).prop_map(|(words, customer, sub_keywords)| Keyword {
        words,
        customer,
        sub_keywords,
    })
}

fn opt_out() -> impl Strategy<Value = OptOutWords> {
    let counts_for = select(vec![
        CountsFor::Number,
        CountsFor::Customer,
        CountsFor::Senders(vec!["NEWS".to_owned()]),
    ]);
    (prop::option::of(words(2)), counts_for).prop_map(|(words, counts_for)| OptOutWords {
        stop: Reply { words, answer: None },
        counts_for,
        ..OptOutWords::default()
    })
}

fn row() -> impl Strategy<Value = Number> {
    let keywords = prop::collection::vec(keyword(), 0..4);
    (address(), prop::option::of(customer()), keywords, prop::option::weighted(0.3, opt_out()))
        .prop_map(|(address, customer, keywords, opt_out)| Number {
            address,
            customer,
            keywords,
            opt_out,
        })
}

/// Rows as they come, valid or not.
fn any_document() -> impl Strategy<Value = Document> {
    prop::collection::vec(row(), 0..12).prop_map(|numbers| Document { numbers, ..empty() })
}

/// Each row that may stand beside those before it.
fn valid_document() -> impl Strategy<Value = Document> {
    prop::collection::vec(row(), 0..24).prop_map(|rows| {
        let mut document = empty();
        for row in rows {
            document.numbers.push(row);
            if !mistakes(&document).is_empty() {
                document.numbers.pop();
            }
        }
        document
    })
}

#[derive(Debug, Clone)]
struct Asked {
    provider: ProviderId,
    destination: String,
    text: String,
}

impl Asked {
    fn query(&self) -> Query<'_> {
        Query { provider: &self.provider, destination: &self.destination, text: &self.text }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let word = select(vec!["a", "Á!", "b", "B", "c", "stop", "STRASSE", "start", "other", "…"]);
    let text = prop::collection::vec(word, 0..4).prop_map(|words| words.join(" "));
    (provider(), select(&DESTINATIONS[..]), text).prop_map(|(provider, destination, text)| Asked {
        provider,
        destination: destination.to_owned(),
        text,
    })
}

/// The document as if one customer did not exist.
fn without(document: &Document, gone: &CustomerId) -> Document {
    let mut document = document.clone();
    for number in &mut document.numbers {
        number.customer = number.customer.take().filter(|customer| customer != gone);
        number.keywords.retain(|keyword| keyword.customer != *gone);
    }
    document.numbers.retain(|number| number.customers().next().is_some());
    document
}

/// How specifically a row has a number, looked at without the router.
fn nearness(address: &NumberAddress, asked: &Asked) -> Option<By> {
    let number = &asked.destination;
    match address {
        NumberAddress::Exact(exact) => (exact == number).then_some(By::Exact),
        NumberAddress::Range(range) => {
            let inside =
                range.from.len() == number.len() && (&range.from..=&range.to).contains(&number);
            inside.then_some(By::Range)
        }
        NumberAddress::ShortCode(short) if short.code != *number => None,
        NumberAddress::ShortCode(short) => match &short.provider {
            None => Some(By::ShortCode),
            Some(provider) => (*provider == asked.provider).then_some(By::ProviderShortCode),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn the_compiled_router_decides_as_a_scan_of_the_document(
        document in valid_document(),
        all in prop::collection::vec(asked(), 1..20),
    ) {
        let router = MoRouter::compile(&document);
        for asked in &all {
            let explanation = explain(&document, &router, &asked.query());
            let chosen = explanation.candidates.first().filter(|c| matches!(c.verdict, Verdict::Chosen(_)));
            let decided = match router.decide(&asked.query()) {
                Decision::Customer(owner) => {
                    let claim = match owner.keyword {
                        Some(word) => Claim::Keyword { word, customer: owner.customer },
                        None => Claim::Default(owner.customer),
                    };
                    Some((claim, Verdict::Chosen(owner.by)))
                }
                Decision::Wish(wished) => {
                    Some((Claim::Wish(wished.wish), Verdict::Chosen(wished.by)))
                }
                Decision::Nobody(_) => None,
            };
            // A keyword's other customers' words differ: the claim names word and customer.
            let scanned = chosen.map(|chosen| (chosen.claim, chosen.verdict.clone()));
            prop_assert_eq!(decided, scanned, "{:?}", asked);
        }
    }

    #[test]
    fn the_order_of_rows_and_keywords_never_matters(
        document in valid_document(),
        all in prop::collection::vec(asked(), 1..20),
    ) {
        let mut reversed = document.clone();
        reversed.numbers.reverse();
        reversed.numbers.iter_mut().for_each(|number| number.keywords.reverse());
        let (router, other) = (MoRouter::compile(&document), MoRouter::compile(&reversed));
        for asked in &all {
            prop_assert_eq!(router.decide(&asked.query()), other.decide(&asked.query()));
        }
    }

    #[test]
    fn nothing_that_one_customer_has_changes_whose_message_anothers_is(
        document in valid_document(),
        all in prop::collection::vec(asked(), 1..20),
    ) {
        let router = MoRouter::compile(&document);
        for gone in CUSTOMERS.map(CustomerId::from) {
            let alone = without(&document, &gone);
            let alone = MoRouter::compile(&alone);
            for asked in &all {
                match router.decide(&asked.query()) {
                    Decision::Customer(owner) if *owner.customer != gone => {
                        prop_assert_eq!(
                            alone.decide(&asked.query()), Decision::Customer(owner), "{:?}", asked);
                    }
                    _ => {}
                }
                if let Decision::Customer(owner) = alone.decide(&asked.query()) {
                    prop_assert_ne!(owner.customer, &gone);
                }
            }
        }
    }

    #[test]
    fn a_wish_concerns_only_customers_of_the_number_it_was_written_to(
        document in valid_document(),
        all in prop::collection::vec(asked(), 1..20),
    ) {
        let router = MoRouter::compile(&document);
        for asked in &all {
            let Decision::Wish(wished) = router.decide(&asked.query()) else { continue };
            let rows = document.numbers.iter();
            let near = rows.filter_map(|row| Some((nearness(&row.address, asked)?, row)));
            let (_, row) = near.min_by_key(|(by, _)| *by).unwrap();
            prop_assert!(!wished.customers.is_empty());
            for subject in wished.subjects() {
                prop_assert!(row.customers().any(|customer| customer == subject.customer));
                // What is recorded is looked up before that customer's messages, and no other's.
                let sender = subject.sender.unwrap_or("whatever");
                let read = router.opt_out_subjects(subject.customer, sender).unwrap();
                prop_assert!(read.contains(&subject));
                for other in CUSTOMERS.map(CustomerId::from) {
                    let read = router.opt_out_subjects(&other, sender);
                    let found = read.is_some_and(|read| read.contains(&subject));
                    prop_assert_eq!(found, other == *subject.customer);
                }
            }
        }
    }

    #[test]
    fn two_rows_that_have_a_number_alike_are_refused_naming_both_and_no_others_are(
        first in address(),
        second in address(),
    ) {
        let rows = [(&first, "acme"), (&second, "beta")];
        let rows = rows.map(|(address, customer)| Number {
            address: address.clone(),
            customer: Some(customer.into()),
            keywords: Vec::new(),
            opt_out: None,
        });
        let document = Document { numbers: rows.to_vec(), ..empty() };
        let found = mistakes(&document);
        let mut alike = false;
        let mut never = false;
        for destination in DESTINATIONS {
            for provider in ["one", "two", "gone"].map(ProviderId::from) {
                let asked = Asked { provider, destination: destination.to_owned(), text: String::new() };
                let near = (nearness(&first, &asked), nearness(&second, &asked));
                alike |= near.0.is_some() && near.0 == near.1;
                // A short code behind a number would never be asked.
                let short = |by: Option<By>| by >= Some(By::ProviderShortCode);
                never |= near.0.is_some() && near.1.is_some() && short(near.0) != short(near.1);
            }
        }
        prop_assert_eq!(!found.is_empty(), alike || never, "{:?}", found);
        let both = |mistake: &Mistake| CUSTOMERS.iter().all(|name| mistake.what.contains(name));
        prop_assert!(found.iter().all(both), "{:?}", found);
    }

    #[test]
    fn two_keywords_of_one_number_that_are_the_same_word_are_refused_naming_both(
        one in select(&WORDS[..]), other in select(&WORDS[..]),
    ) {
        let keyword = |word: &str, customer: &str| Keyword {
            words: vec![word.to_owned()],
            customer: customer.into(),
            sub_keywords: Vec::new(),
        };
        let number = Number {
            address: NumberAddress::Exact("4930000".to_owned()),
            customer: None,
            keywords: vec![keyword(one, "acme"), keyword(other, "beta")],
            opt_out: None,
        };
        let found = mistakes(&Document { numbers: vec![number], ..empty() });
        prop_assert_eq!(!found.is_empty(), folded(one) == folded(other));
        let both = |mistake: &Mistake| CUSTOMERS.iter().all(|name| mistake.what.contains(name));
        prop_assert!(found.iter().all(both), "{:?}", found);
    }

    #[test]
    fn any_table_and_any_input_get_an_answer(
        document in any_document(),
        destination in "\\PC{0,40}|[0-9]{0,40}",
        text in any::<String>(),
        provider in provider(),
    ) {
        let router = MoRouter::compile(&document);
        let asked = Asked { provider, destination, text };
        let decision = router.decide(&asked.query());
        prop_assert_eq!(&explain(&document, &router, &asked.query()).decision, &decision);
        if let Decision::Customer(owner) = decision {
            prop_assert!(asked.text.ends_with(owner.rest));
        }
    }
}
