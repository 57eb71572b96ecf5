//! Messages from handsets: the rule, case by case, and what an explanation says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use domain::config::{CountsFor, Document, SlotLedger, Wish, validate};
use domain::id::{CustomerId, ProviderId};
use domain::mo::{By, Decision, MoRouter, Nobody, Owner, Query, Subject, Wished, explain};
use serde_json::{Value, json};

fn document(numbers: Value) -> Document {
    let provider = |id: &str, slot: u32| {
        json!({"id": id, "slots": [slot], "link": {"smpp": {
            "host": "h", "port": 1, "system_id": "us", "password_secret": "s"}}})
    };
    let document = serde_json::from_value(json!({
        "customers": [{"id": "acme"}, {"id": "beta"}, {"id": "gamma"}],
        "providers": [provider("one", 0), provider("two", 1)],
        "numbers": numbers,
    }))
    .unwrap();
    assert_eq!(validate(&document, None, &SlotLedger::default()), []);
    document
}

struct World {
    document: Document,
    router: MoRouter,
    providers: [ProviderId; 3],
}

impl World {
    fn of(numbers: Value) -> Self {
        let document = document(numbers);
        let router = MoRouter::compile(&document);
        Self { document, router, providers: ["one".into(), "two".into(), "gone".into()] }
    }

    fn at<'a>(&'a self, provider: usize, destination: &'a str, text: &'a str) -> Decision<'a> {
        self.router.decide(&Query { provider: &self.providers[provider], destination, text })
    }

    fn owner<'a>(&'a self, destination: &'a str, text: &'a str) -> Owner<'a> {
        match self.at(0, destination, text) {
            Decision::Customer(owner) => owner,
            other => panic!("{other:?}"),
        }
    }

    fn wished<'a>(&'a self, destination: &'a str, text: &'a str) -> Wished<'a> {
        match self.at(0, destination, text) {
            Decision::Wish(wished) => wished,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn exact_goes_before_range_and_the_providers_short_code_before_that_of_any() {
    let world = World::of(json!([
        {"address": {"range": {"from": "4930100", "to": "4930199"}}, "customer": "acme"},
        {"address": {"exact": "4930150"}, "customer": "beta"},
        {"address": {"short_code": {"code": "12345"}}, "customer": "acme"},
        {"address": {"short_code": {"code": "12345", "provider": "two"}}, "customer": "beta"},
        {"address": {"short_code": {"code": "777", "provider": "two"}}, "customer": "gamma"},
    ]));
    let table = [
        (0, "4930100", Some(("acme", By::Range))),
        (0, "4930199", Some(("acme", By::Range))),
        (0, "4930150", Some(("beta", By::Exact))),
        (1, "4930150", Some(("beta", By::Exact))),
        (0, "4930099", None),
        (0, "4930200", None),
        (0, "493010", None),
        (0, "49301000", None),
        (0, "12345", Some(("acme", By::ShortCode))),
        (1, "12345", Some(("beta", By::ProviderShortCode))),
        (2, "12345", Some(("acme", By::ShortCode))),
        (1, "777", Some(("gamma", By::ProviderShortCode))),
        (0, "1234", None),
        (0, "012345", None),
        (0, "", None),
        (0, "ACME", None),
        (0, "+4930150", None),
        (0, "99999999999999999999", None),
        (0, "999999999999999999999999999999999999999999999", None),
    ];
    for (provider, destination, expected) in table {
        let found = match world.at(provider, destination, "hello there") {
            Decision::Customer(owner) => {
                assert_eq!((owner.keyword, owner.rest), (None, "hello there"));
                Some((owner.customer.as_str(), owner.by))
            }
            Decision::Nobody(Nobody::UnknownNumber) => None,
            other => panic!("{destination}: {other:?}"),
        };
        assert_eq!(found, expected, "{provider} {destination}");
    }
    let elsewhere = Nobody::OtherProvider { provider: &world.providers[0] };
    assert_eq!(world.at(0, "777", ""), Decision::Nobody(elsewhere));
}

fn shared() -> Value {
    json!([{
        "address": {"short_code": {"code": "12345"}},
        "customer": "gamma",
        "keywords": [
            {"words": ["GAME", "Spiel"], "customer": "acme", "sub_keywords": ["JOIN", "Köln"]},
            {"words": ["Café"], "customer": "beta"},
        ],
    }, {
        "address": {"exact": "4930150"},
        "keywords": [{"words": ["GAME"], "customer": "beta"}],
    }])
}

#[test]
fn a_keyword_leads_to_its_customer_and_the_rest_is_left_as_written() {
    let world = World::of(shared());
    let table = [
        ("GAME", "acme", Some("GAME"), None, ""),
        ("game Mary  Ann", "acme", Some("GAME"), None, "Mary  Ann"),
        ("  \u{201c}Gáme!\u{201d}\nx", "acme", Some("GAME"), None, "x"),
        ("spiel join now", "acme", Some("Spiel"), Some("JOIN"), "now"),
        ("GAME koln", "acme", Some("GAME"), Some("Köln"), ""),
        ("GAME now JOIN", "acme", Some("GAME"), None, "now JOIN"),
        ("cafe join", "beta", Some("Café"), None, "join"),
        ("CAFÉ", "beta", Some("Café"), None, ""),
        ("JOIN", "gamma", None, None, "JOIN"),
        ("games", "gamma", None, None, "games"),
        ("my GAME", "gamma", None, None, "my GAME"),
        ("", "gamma", None, None, ""),
        (" … ", "gamma", None, None, " … "),
    ];
    for (text, customer, keyword, sub_keyword, rest) in table {
        let owner = world.owner("12345", text);
        let found = (owner.customer.as_str(), owner.keyword, owner.sub_keyword, owner.rest);
        assert_eq!(found, (customer, keyword, sub_keyword, rest), "{text:?}");
    }
}

#[test]
fn a_keyword_counts_at_its_own_number_only_and_without_default_the_rest_is_nobodys() {
    let world = World::of(shared());
    assert_eq!(world.owner("4930150", "game").customer.as_str(), "beta");
    for text in ["cafe", "", "spiel"] {
        assert_eq!(world.at(0, "4930150", text), Decision::Nobody(Nobody::NoKeyword), "{text}");
    }
}

fn with_opt_out(counts_for: Value) -> Value {
    let mut numbers = shared();
    numbers[0]["opt_out"] = json!({
        "stop": {"words": ["STOP", "Arrêt"], "answer": "You get no more."},
        "help": {"answer": "We are Gamma."},
        "counts_for": counts_for,
    });
    numbers
}

#[test]
fn an_opt_out_word_is_a_wish_and_no_customers_message() {
    let world = World::of(with_opt_out(json!("number")));
    let all = &["acme", "beta", "gamma"][..];
    let table = [
        ("STOP", Wish::Stop, "STOP", None, Some("You get no more."), all),
        ("stop!", Wish::Stop, "STOP", None, Some("You get no more."), all),
        ("ARRET svp", Wish::Stop, "Arrêt", None, Some("You get no more."), all),
        ("stop spiel", Wish::Stop, "STOP", Some("Spiel"), Some("You get no more."), &["acme"][..]),
        (
            "Stop: CAFE now",
            Wish::Stop,
            "STOP",
            Some("Café"),
            Some("You get no more."),
            &["beta"][..],
        ),
        ("Start", Wish::Start, "START", None, None, all),
        ("start game", Wish::Start, "START", Some("GAME"), None, &["acme"][..]),
        ("help", Wish::Help, "HELP", None, Some("We are Gamma."), all),
    ];
    for (text, wish, word, keyword, answer, customers) in table {
        let found = world.wished("12345", text);
        assert_eq!((found.wish, found.word, found.keyword), (wish, word, keyword), "{text}");
        assert_eq!((found.answer, found.by), (answer, By::ShortCode), "{text}");
        let names: Vec<&str> = found.customers.iter().map(|customer| customer.as_str()).collect();
        assert_eq!(names, customers, "{text}");
    }
    // Not the first word, or another number, which has no opt-out words.
    assert_eq!(world.owner("12345", "please stop").customer.as_str(), "gamma");
    assert_eq!(world.owner("12345", "game stop").rest, "stop");
    assert_eq!(world.at(0, "4930150", "STOP"), Decision::Nobody(Nobody::NoKeyword));
}

#[test]
fn a_wish_is_recorded_per_customer_for_what_it_counts_for() {
    let (acme, beta) = (CustomerId::from("acme"), CustomerId::from("beta"));
    let table = [
        (json!("number"), vec![Some("12345")]),
        (
            json!({"senders": ["NEWS", "ACME", "12345"]}),
            vec![Some("12345"), Some("ACME"), Some("NEWS")],
        ),
        (json!("customer"), vec![None]),
    ];
    for (counts_for, senders) in table {
        let world = World::of(with_opt_out(counts_for));
        let subjects = |customer| senders.iter().map(move |&sender| Subject { customer, sender });
        let one = world.wished("12345", "stop cafe");
        assert_eq!(one.subjects(), subjects(&beta).collect::<Vec<_>>());
        let all = world.wished("12345", "start");
        assert_eq!(all.subjects().len(), 3 * senders.len());
        assert!(subjects(&acme).chain(subjects(&beta)).all(|it| all.subjects().contains(&it)));
        assert_eq!(world.wished("12345", "help").subjects(), []);
    }
    let world = World::of(with_opt_out(json!("number")));
    assert_eq!(world.wished("12345", "stop").counts_for, &CountsFor::Number);
}

#[test]
fn opt_outs_are_read_only_for_customers_that_have_them_on() {
    let mut numbers = with_opt_out(json!("number"));
    numbers[0]["keywords"].as_array_mut().unwrap().pop();
    let world = World::of(numbers);
    let (acme, beta) = (CustomerId::from("acme"), CustomerId::from("beta"));
    let subjects = world.router.opt_out_subjects(&acme, "NEWS").unwrap();
    assert_eq!(subjects.map(|subject| subject.sender), [Some("NEWS"), None]);
    assert!(subjects.iter().all(|subject| *subject.customer == acme));
    assert_eq!(world.router.opt_out_subjects(&beta, "NEWS"), None);
}

#[test]
fn an_explanation_says_for_every_claim_near_the_number_why_it_was_not_chosen() {
    let mut numbers = with_opt_out(json!("number"));
    let rows = numbers.as_array_mut().unwrap();
    rows.push(json!(
        {"address": {"short_code": {"code": "12345", "provider": "two"}}, "customer": "beta"}));
    rows.push(json!(
        {"address": {"range": {"from": "4930100", "to": "4930199"}}, "customer": "acme"}));
    let world = World::of(numbers);
    let explained = |provider: usize, destination, text| -> Vec<(usize, String, String)> {
        let query = Query { provider: &world.providers[provider], destination, text };
        let explanation = explain(&world.document, &world.router, &query);
        let said =
            |c: &domain::mo::Candidate<'_>| (c.row, c.claim.to_string(), c.verdict.to_string());
        explanation.candidates.iter().map(said).collect()
    };
    let row = |row: usize, claim: &str, verdict: &str| (row, claim.to_owned(), verdict.to_owned());
    let (other, elsewhere) = ("the first word is another", "is the short code of another provider");
    assert_eq!(
        explained(0, "12345", "spiel 1"),
        [
            row(0, "keyword Spiel of acme", "chosen: a short code of any provider"),
            row(0, "opt-out words (stop)", other),
            row(0, "opt-out words (stop)", other),
            row(0, "opt-out words (start)", other),
            row(0, "opt-out words (help)", other),
            row(0, "keyword GAME of acme", other),
            row(0, "keyword Café of beta", other),
            row(0, "default customer gamma", "the first word is Spiel"),
            row(2, "default customer beta", elsewhere),
        ]
    );
    let because = "12345 of two names the provider";
    let there = explained(1, "12345", "spiel 1");
    assert_eq!(there[0], row(2, "default customer beta", "chosen: the provider's short code"));
    assert!(there[1..].iter().all(|(row, _, verdict)| *row == 0 && verdict == because));
    assert_eq!(
        explained(0, "4930150", "hello"),
        [
            row(1, "keyword GAME of beta", other),
            row(3, "default customer acme", "4930150 is the number itself"),
        ]
    );
    assert_eq!(
        explained(0, "4930151", "hello"),
        [row(3, "default customer acme", "chosen: the number lies in the range")]
    );
    assert_eq!(explained(0, "4930251", "hello"), []);
}

#[test]
fn neither_number_nor_text_is_shown() {
    let world = World::of(with_opt_out(json!("number")));
    let query = Query { provider: &world.providers[0], destination: "12345", text: "secret" };
    let shown = format!(
        "{query:?} {:?} {:?} {:?} {}",
        world.at(0, "12345", "game secret"),
        world.at(0, "12345", "stop secret"),
        world.wished("12345", "stop").subjects(),
        Nobody::NoKeyword,
    );
    assert!(!shown.contains("secret") && !shown.contains("12345"), "{shown}");
}
