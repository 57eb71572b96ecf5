//! Texts, numbers and passwords that occur nowhere else go through the whole gateway, the good way and
//! the bad ones; then no program has written them anywhere but into the records themselves.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_tests::customer::{Customer, account, text};
use gateway_tests::log;
use gateway_tests::stack::{Stack, programs};
use platform::kafka::{KafkaSettings, Outcome, Publisher, Record, Sink};
use smpp::{CommandStatus, Octets, Submit};
use wire::dead_letters::DeadLetter;
use wire::topics::{CUSTOMER_INCOMING_MESSAGE_PARTS, CUSTOMER_INCOMING_MESSAGES, DEAD_LETTERS};

const TEXT: &str = "Kanarienvogel 7b1f";
const NUMBER: &str = "4915170864209";
const SENDER: &str = "Kanarie";
const PASSWORD: &str = "kanar-pw";
const CANARIES: [&str; 4] = [TEXT, NUMBER, SENDER, PASSWORD];
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Less may stand anywhere by chance.
const BASE64_MIN: usize = 8;
/// What arrives at the provider: a message of one part, one of two.
const PARTS: u64 = 3;

struct Nobody;
impl Sink for Nobody {
    fn ended(&self, _: u64, outcome: Outcome) {
        assert!(matches!(outcome, Outcome::Stored { .. }), "{outcome:?}");
    }
}

/// Records of these topics that are nearly right, with canaries in all their fields.
fn plant(bootstrap: &str) -> usize {
    let settings = KafkaSettings::local(bootstrap);
    let config = settings.producer(0, 10_000);
    let producer = Publisher::new(&settings, &config, Arc::new(Nobody)).unwrap();
    let topics = [
        CUSTOMER_INCOMING_MESSAGES,
        CUSTOMER_INCOMING_MESSAGE_PARTS,
        "provider-outgoing-alpha-normal",
    ];
    let values = [
        TEXT.to_owned(),
        format!(r#"{{"v":1,"source":"{SENDER}","destination":"{NUMBER}","{TEXT}":"{TEXT}"}}"#),
        format!(r#"{{"v":1,"customer":"acme","source":{{"ton":"{NUMBER}"}},"parts":"{TEXT}"}}"#),
    ];
    for topic in topics {
        for value in &values {
            let (key, value) = (NUMBER.as_bytes(), value.as_bytes());
            producer.send(Record { topic, partition: Some(0), key, value, token: 0 }).unwrap();
        }
    }
    producer.flush(PATIENCE).unwrap();
    topics.len() * values.len()
}

/// A part with the user data header of a message of two parts.
fn part(index: u8) -> Submit {
    let mut octets = vec![5, 0, 3, 0x7b, 2, index];
    octets.extend_from_slice(TEXT.as_bytes());
    let part = text(SENDER, NUMBER, &octets);
    Submit { esm_class: Submit::UDHI, ..part }
}

fn refused() -> [Submit; 4] {
    let good = || text(SENDER, NUMBER, TEXT.as_bytes());
    let mut nowhere = good();
    nowhere.destination.addr = format!("{NUMBER}x").as_str().into();
    let cut = Submit { esm_class: Submit::UDHI, ..good() };
    let scheduled = Submit { schedule: Octets::from(NUMBER), ..good() };
    let expired = Submit { validity: Octets::from(&TEXT[..16]), ..good() };
    [nowhere, cut, scheduled, expired]
}

async fn submit(stack: &Stack) {
    let target = stack.fact("/edge/0/smpp");
    let wrong = account(target, "acme", PASSWORD);
    assert!(Customer::bind(&wrong, None).await.is_err());
    let unknown = account(target, SENDER, PASSWORD);
    assert!(Customer::bind(&unknown, None).await.is_err());
    let mut customer = Customer::bind(&account(target, "acme", "secret"), None).await.unwrap();
    let good = [text(SENDER, NUMBER, TEXT.as_bytes()), part(1), part(2)];
    for submit in good.iter().chain(&refused()) {
        customer.submit(submit).unwrap();
    }
    let mut answers = customer.answers(good.len() + refused().len(), PATIENCE).await.unwrap();
    answers.sort_unstable_by_key(|answer| answer.sequence);
    let statuses: Vec<_> = answers.iter().map(|it| it.status == CommandStatus::EsmeRok).collect();
    assert_eq!(statuses, [true, true, true, false, false, false, false], "{answers:?}");
}

fn await_count(what: &str, wanted: u64, count: impl Fn() -> u64) {
    let deadline = Instant::now() + PATIENCE;
    while count() < wanted {
        assert!(Instant::now() < deadline, "{} of {wanted} {what}", count());
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A canary as logs may show it: as it is, in hexadecimal, as a list of octets, in base64.
fn forms(canary: &str) -> Vec<String> {
    let octets = canary.as_bytes();
    let each = |form: fn(&u8) -> String, between: &str| {
        octets.iter().map(form).collect::<Vec<_>>().join(between)
    };
    let hex = each(|octet| format!("{octet:02x}"), "");
    // Of base64 the middle is the same wherever the value begins, in one of three forms.
    let base64 = (0..3).map(|shift| base64_middle(&octets[shift..]));
    let base64 = base64.filter(|digits| digits.len() >= BASE64_MIN);
    let mut forms = vec![canary.to_owned(), hex.to_uppercase(), hex];
    forms.push(each(ToString::to_string, ", "));
    forms.push(each(ToString::to_string, ","));
    forms.extend(base64);
    forms
}

/// Whole groups of three octets (RFC 4648, section 4).
fn base64_middle(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = octets
        .chunks_exact(3)
        .map(|group| group.iter().fold(0_usize, |bits, octet| (bits << 8) | usize::from(*octet)));
    let digits = groups.flat_map(|bits| [18, 12, 6, 0].map(|shift| DIGITS[(bits >> shift) & 63]));
    digits.map(char::from).collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

#[test]
fn forms_of_a_canary_are_found_wherever_it_stands() {
    assert!(forms("secret").contains(&"c2VjcmV0".to_owned()));
    assert!(forms("xsecret").contains(&"c2VjcmV0".to_owned()));
    assert!(forms("ab").contains(&"97, 98".to_owned()) && forms("ab").contains(&"6162".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_numbers_and_passwords_stand_in_no_log_and_no_reason() {
    let mut stack = Stack::start(&programs(), &["--store-in-memory"]).unwrap();
    let bootstrap = stack.fact("/kafka/bootstrap").to_owned();
    submit(&stack).await;
    let planted = u64::try_from(plant(&bootstrap)).unwrap();
    stack.await_arrivals(PARTS).unwrap();
    await_count("dead letters", planted, || {
        u64::try_from(log::read_all(&bootstrap, DEAD_LETTERS).unwrap().len()).unwrap()
    });
    let forms: Vec<String> = CANARIES.iter().flat_map(|canary| forms(canary)).collect();
    for entry in log::read_all(&bootstrap, DEAD_LETTERS).unwrap() {
        let letter: DeadLetter = wire::decode(&entry.value).unwrap();
        let told = format!("{} {} {}", letter.topic, letter.by, letter.reason);
        assert!(forms.iter().all(|form| !told.contains(form)), "{told}");
    }
    // With everything that is said at the end.
    stack.end().unwrap();
    let logs = files(&stack.directory().join("state/logs"));
    assert!(logs.len() >= 6, "{logs:?}");
    assert!(stack.log_of("smpp-edge-1").contains("customer_bound"));
    for log in logs.into_iter().chain([stack.directory().join("local.log")]) {
        let said = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
        for line in said.lines() {
            let found = forms.iter().find(|form| line.contains(*form));
            assert_eq!(found, None, "{}: {line}", log.display());
        }
    }
}
