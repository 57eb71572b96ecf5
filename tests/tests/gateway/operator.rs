//! What an operator does by hand, with the program that operators use, on a running gateway: settles
//! doubts, and puts dead letters back.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use domain::octets::Octets;
use gateway_tests::control;
use gateway_tests::log::{self, Planted};
use gateway_tests::stack::{Stack, programs, root};
use serde_json::{Value, json};
use wire::V;
use wire::dead_letters::DeadLetter;
use wire::provider_events::ProviderEvent;
use wire::submit_journal::{Body, Ending};
use wire::topics::{
    CUSTOMER_INCOMING_MESSAGE_PARTS, CUSTOMER_INCOMING_MESSAGES, DEAD_LETTERS, PROVIDER_EVENTS,
    SUBMIT_JOURNAL,
};

const PATIENCE: Duration = Duration::from_secs(30);

const OUTGOING: &str = "provider-outgoing-alpha-normal";

struct Operator {
    stack: Stack,
}

impl Operator {
    fn of(arguments: &[&str]) -> Self {
        Self { stack: Stack::start(&programs(), arguments).unwrap() }
    }

    fn bootstrap(&self) -> &str {
        self.stack.fact("/kafka/bootstrap")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(programs().join("gatewayctl"))
            .env("GATEWAY_URL", self.stack.fact("/admin/url"))
            .env("GATEWAY_TOKEN_FILE", self.stack.fact("/admin/token_file"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// What a command that succeeds says.
    fn said(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What a command that is refused says.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        text
    }

    fn held(&self) -> Vec<Value> {
        let list = self.said(&["doubts", "list", "--held"]);
        assert_eq!(list["unread"], json!([]), "{list}");
        list["doubts"].as_array().unwrap().clone()
    }

    fn letters(&self, more: &[&str]) -> Vec<Value> {
        let list = self.said(&[&["dead-letters", "list"], more].concat());
        list["letters"].as_array().unwrap().clone()
    }

    /// Parts that the provider took.
    fn accepted(&self) -> u64 {
        self.stack.summary().unwrap().accepted
    }

    /// A message that the provider takes and cuts the connection instead of saying so.
    fn send_into_doubt(&self) {
        let cut = json!({"drop": {"when": {"at": 1}, "how": "before"}});
        control::post(self.stack.fact("/smsc/control"), "/settings", &cut).unwrap();
        let one = ["--count=1", "--destinations=4930", "--deadline=30"];
        self.stack.load(one).unwrap();
    }
}

fn until(what: &str, reached: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The sample configuration, with a provider that also has this setting.
fn with_provider(setting: &str) -> tempfile::NamedTempFile {
    let sample = std::fs::read_to_string(root().join("local/config.yaml")).unwrap();
    let slots = "    slots: [0, 1, 2, 3]\n";
    let changed = sample.replacen(slots, &format!("{slots}    {setting}\n"), 1);
    assert_ne!(changed, sample, "the sample has changed");
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(file.path(), changed).unwrap();
    file
}

/// The arguments that name a doubt.
fn named(doubt: &Value) -> Vec<String> {
    ["slot", "intent", "message", "part"]
        .into_iter()
        .flat_map(|name| {
            let value = doubt[name].as_str().map_or_else(|| doubt[name].to_string(), str::to_owned);
            [format!("--{name}"), value]
        })
        .collect()
}

fn resolve<'a>(word: &'a str, named: &'a [String]) -> Vec<&'a str> {
    ["doubts", "resolve", word].into_iter().chain(named.iter().map(String::as_str)).collect()
}

/// Whether a position of some journal lists a held doubt.
fn summed_up(bootstrap: &str) -> bool {
    log::read_all(bootstrap, SUBMIT_JOURNAL).unwrap().iter().any(|entry| {
        let Body::Position(position) = Body::decode(&entry.value).unwrap() else { return false };
        let parts = position.messages.iter().flat_map(|message| &message.parts);
        parts.flat_map(|part| &part.unknown).any(|doubt| doubt.held)
    })
}

fn dropped(bootstrap: &str) -> usize {
    let entries = log::read_all(bootstrap, PROVIDER_EVENTS).unwrap();
    let events = entries.iter().map(|entry| wire::decode::<ProviderEvent>(&entry.value).unwrap());
    let ends = events.filter_map(|event| match event {
        ProviderEvent::Summary(summary) => Some(summary.parts),
        _ => None,
    });
    ends.flatten().filter(|part| part.outcome == Ending::Dropped).count()
}

#[test]
fn a_held_doubt_is_sent_again_or_dropped_as_the_operator_says() {
    let configuration = with_provider("on_unknown: hold");
    let path = configuration.path().to_str().unwrap();
    // Positions often: a doubt that waits is soon older than the newest.
    let often = ["--env", "POSITION_EVERY_S=2", "--env", "LOOK_EVERY_S=1"];
    let start = [&["--store-in-memory", "--config", path], &often[..]].concat();
    let operator = Operator::of(&start);

    operator.send_into_doubt();
    until("a held doubt", || operator.held().len() == 1);
    assert_eq!(operator.accepted(), 1);
    let doubt = &operator.held()[0];
    assert_eq!((&doubt["provider"], &doubt["state"]), (&json!("alpha"), &json!("held")));
    let first = named(doubt);
    let answer = operator.said(&resolve("resend", &first));
    assert_eq!(answer["resolved"], 1, "{answer}");
    until("the same part again", || operator.accepted() == 2);
    until("no held doubt", || operator.held().is_empty());

    operator.send_into_doubt();
    until("another held doubt", || operator.held().len() == 1);
    until("a position that lists it", || summed_up(operator.bootstrap()));
    let doubt = &operator.held()[0];
    assert!(doubt["since_ms"].as_u64().unwrap() > 1_700_000_000_000, "{doubt}");
    let second = named(doubt);
    assert_ne!(first[5], second[5], "the message");
    let mistaken = [&second[..3], &["999999".to_owned()]].concat();
    let told = operator.refused(&resolve("drop", &mistaken));
    assert!(told.contains("is not in doubt") && told.contains("doubts list"), "{told}");
    let answer = operator.said(&resolve("drop", &second));
    assert_eq!(answer["resolved"], 1, "{answer}");
    until("no held doubt", || operator.held().is_empty());
    until("the end of the message", || dropped(operator.bootstrap()) == 1);
    assert_eq!(operator.accepted(), 3, "what was dropped is not sent again");
    operator.stack.stop().unwrap();
}

#[test]
fn dead_letters_are_told_without_their_content_and_put_back_where_they_stood() {
    let operator = Operator::of(&["--store-in-memory", "--without", "smsc"]);
    let bootstrap = operator.bootstrap().to_owned();
    let poison = |topic| Planted { topic, partition: 1, key: b"the key", value: b"canary {" };
    let planted = [CUSTOMER_INCOMING_MESSAGES, CUSTOMER_INCOMING_MESSAGE_PARTS].map(poison);
    log::append(&bootstrap, &planted).unwrap();
    until("two dead letters", || operator.letters(&[]).len() == 2);
    let of_messages = operator.letters(&["--topic", CUSTOMER_INCOMING_MESSAGES]);
    let [letter] = &of_messages[..] else { panic!("{of_messages:?}") };
    assert_eq!((&letter["partition"], &letter["by"]), (&json!(1), &json!("route")));
    assert_eq!((&letter["key_octets"], &letter["value_octets"]), (&json!(7), &json!(8)));
    let text = String::from_utf8(operator.run(&["dead-letters", "list"]).stdout).unwrap();
    assert!(text.contains(CUSTOMER_INCOMING_MESSAGES) && !text.contains("canary"), "{text}");

    // Nothing was mended: what is put back becomes a dead letter again.
    let id = letter["id"].as_str().unwrap();
    let redrive = ["dead-letters", "redrive"];
    assert_eq!(operator.said(&[&redrive[..], &[id]].concat())["redriven"], 1);
    until("a third dead letter", || operator.letters(&[]).len() == 3);
    let messages = log::read_all(&bootstrap, CUSTOMER_INCOMING_MESSAGES).unwrap();
    assert_eq!(messages.len(), 2);
    for entry in messages {
        let record = (entry.partition, &entry.key[..], &entry.value[..]);
        assert_eq!(record, (1, &b"the key"[..], &b"canary {"[..]));
    }
    let chosen = ["--topic", CUSTOMER_INCOMING_MESSAGES, "--since", "1h"];
    let told = operator.refused(&[&redrive[..], &chosen].concat());
    assert!(told.starts_with("2 records of ") && told.contains("--yes"), "{told}");
    let all = operator.said(&[&redrive[..], &chosen, &["--yes"]].concat());
    assert_eq!(all, json!({"redriven": 2, "more": false}));
    until("five dead letters", || operator.letters(&[]).len() == 5);

    refuses_what_is_not_ours(&operator, id);
    operator.stack.stop().unwrap();
}

fn refuses_what_is_not_ours(operator: &Operator, good: &str) {
    let foreign = DeadLetter {
        v: V,
        topic: SUBMIT_JOURNAL.to_owned(),
        partition: 0,
        offset: 0,
        by: "nobody".to_owned(),
        reason: "planted".to_owned(),
        key: Octets::default(),
        value: Octets(br#"{"v":1,"takeover":{}}"#.to_vec()),
        at_ms: 0,
    };
    let value = wire::encode(&foreign);
    let key = SUBMIT_JOURNAL.as_bytes();
    let planted = Planted { topic: DEAD_LETTERS, partition: 0, key, value: &value };
    log::append(operator.bootstrap(), &[planted]).unwrap();
    let letters = operator.letters(&["--topic", SUBMIT_JOURNAL]);
    let id = letters[0]["id"].as_str().unwrap();
    assert_eq!(letters[0]["redrivable"], false);
    for (wrong, why) in [(id, "cannot be put back"), ("0/999", "there is no dead letter")] {
        let told = operator.refused(&["dead-letters", "redrive", good, wrong]);
        assert!(told.contains(why) && told.contains("cure: "), "{told}");
    }
    assert_eq!(operator.letters(&[]).len(), 6, "the good one stayed as well");
}

#[test]
fn what_waits_for_a_provider_that_is_drained_goes_out_by_the_next_one_and_nothing_twice() {
    // Four binds of one part in two seconds each: most of the load waits.
    let configuration = with_provider("rate_per_s: 2");
    let path = configuration.path().to_str().unwrap();
    let operator =
        Operator::of(&["--store-in-memory", "--config", path, "--env", "LOOK_EVERY_S=1"]);
    let told = operator.refused(&["provider", "drain", "nobody"]);
    assert!(told.contains("there is no provider nobody in force"), "{told}");

    // At two a second they would be out after two minutes and a half; 30 s are given.
    let load = ["--count=300", "--connections=2", "--destinations=4930", "--deadline=30"];
    std::thread::scope(|threads| {
        let load = threads.spawn(|| operator.stack.load(load));
        until("the first are out", || operator.accepted() > 2);
        let queued = || log::read_all(operator.bootstrap(), OUTGOING).unwrap().len();
        until("the others wait", || queued() == 300);
        let answer = operator.said(&["provider", "drain", "alpha"]);
        assert_eq!(answer["slots"].as_array().unwrap().len(), 4, "{answer}");
        until("all are out", || operator.accepted() == 300);
        load.join().unwrap().unwrap();
    });
    let entries = log::read_all(operator.bootstrap(), PROVIDER_EVENTS).unwrap();
    let events = entries.iter().map(|entry| wire::decode::<ProviderEvent>(&entry.value).unwrap());
    let sent = events.filter_map(|event| match event {
        ProviderEvent::Result(result) => Some((result.message, result.provider)),
        _ => None,
    });
    let sent: std::collections::BTreeMap<_, _> = sent.collect();
    assert_eq!(sent.len(), 300);
    assert!(sent.values().filter(|provider| provider.as_str() == "gamma").count() > 200);
}
