//! Two customers on one gateway, with everything that can be equal made equal: senders, handsets,
//! references of long messages, ids at two providers whose counters start again. By chance, from a seed
//! that a failure shows. Each gets exactly its own, and asking for the other's tells nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gateway_tests::customer::{Customer, account};
use gateway_tests::smsc::Smsc;
use gateway_tests::stack::{Stack, programs, root};
use gateway_tests::{control, log, ports};
use serde_json::{Value, json};
use simulator::check::{Key, Outcome, Sent};
use simulator::load::came::{Came, What};
use smpp::pdu::{Cancel, Npi, Pdu, Query, Replace, Ton};
use smpp::{Address, CommandStatus};
use wire::topics::DEAD_LETTERS;

const ROUNDS: u32 = 2;
const CUSTOMERS: [(&str, &str); 2] = [("acme", "secret"), ("beta", "beta-pw")];
/// Long numbers of their own, and what both share, by keyword.
const OWN: [&str; 2] = ["72001", "72002"];
const SHARED: &str = "72000";
/// Runs whose references are equal differ by a multiple of this.
const SAME_REFERENCES: u32 = 256;
/// How often the providers' counters start again in a round.
const RESTARTS: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(60);
/// What is said of what is another's, and of what is not there.
const REFUSALS: [CommandStatus; 3] = [
    CommandStatus::EsmeRqueryfail,
    CommandStatus::EsmeRcancelfail,
    CommandStatus::EsmeRreplacefail,
];
/// Of the other's messages, so many are asked for.
const ASKED: usize = 40;

struct World {
    stack: Stack,
    /// The second provider; the first is the stack's own.
    gamma: Smsc,
    _config: tempfile::TempDir,
}

impl World {
    fn start() -> Self {
        let gamma =
            Smsc::start(&programs(), ports::neighbours(2).unwrap(), &["--numbers"]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("tenants.yaml");
        std::fs::write(&config, configuration(&gamma)).unwrap();
        let config = format!("--config={}", config.display());
        let arguments = ["--store-in-memory", "--smsc-arg=--numbers", &config];
        let stack = Stack::start(&programs(), &arguments).unwrap();
        Self { stack, gamma, _config: directory }
    }

    fn providers(&self) -> [&str; 2] {
        [self.stack.fact("/smsc/control"), &self.gamma.control]
    }

    fn tell_both(&self, path: &str, body: &Value) {
        for provider in self.providers() {
            control::post(provider, path, body).unwrap();
        }
    }

    fn accepted(&self) -> u64 {
        let count = |provider: &str| {
            control::get(provider, "/summary").unwrap()["accepted"].as_u64().unwrap()
        };
        self.providers().into_iter().map(count).sum()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.stack.directory().join(name)
    }
}

/// That of the faults, with a second provider and a number of its own for each customer.
fn configuration(gamma: &Smsc) -> String {
    let text = std::fs::read_to_string(root().join("tests/faults.yaml")).unwrap();
    let port = gamma.smpp.rsplit(':').next().unwrap();
    let second = format!(
        "  - id: gamma\n    link:\n      smpp: {{ host: 127.0.0.1, port: {port}, system_id: gateway, \
         password_secret: gamma-password }}\n    slots: [6, 7]\n\nroutes:"
    );
    let numbers: String = CUSTOMERS
        .iter()
        .zip(OWN)
        .map(|((customer, _), number)| {
            let address = format!("{{ short_code: {{ code: \"{number}\" }} }}");
            format!("  - address: {address}\n    customer: {customer}\n")
        })
        .collect();
    let text = text.replace("routes:", &second).replace(
        "to: [{ provider: alpha }]",
        "to: [{ provider: alpha, weight: 1 }, { provider: gamma, weight: 1 }]",
    );
    text + &numbers
}

/// One customer's part of a round.
struct Tenant {
    run: u32,
    load: Child,
    acked: PathBuf,
    came: PathBuf,
    /// Parts of each of its floods, by run.
    floods: BTreeMap<u32, (u64, u8)>,
}

/// What a round of chance is made of.
struct Round {
    messages: u64,
    parts: u8,
    handsets: u64,
    /// Of this round; see [`SAME_REFERENCES`].
    base: u32,
}

impl Round {
    fn of(chance: &mut fastrand::Rng, number: u32) -> Self {
        Self {
            messages: chance.u64(200..400),
            parts: chance.u8(2..4),
            handsets: chance.u64(1..50),
            base: (number + 1) * 100 * SAME_REFERENCES + chance.u32(0..SAME_REFERENCES),
        }
    }

    /// A receipt that outruns its own result, and names an id that the provider gave minutes ago for a
    /// message to the same handset, is taken for that one's: nothing tells them apart. So none outruns.
    fn settings(chance: &mut fastrand::Rng) -> Value {
        json!({"seed": chance.u32(..), "receipts": {
            "delay": {"uniform": {"min_ms": 500, "max_ms": chance.u32(600..3000)}},
            "other_bind": chance.f64() / 2.0, "twice": chance.f64() / 5.0,
            "states": [{"state": "expired", "error": 27, "probability": chance.f64() / 3.0}],
        }})
    }

    /// Floods over both providers: long ones to the customer's own number, short ones to the shared one.
    fn floods(&self, world: &World, which: usize) -> BTreeMap<u32, (u64, u8)> {
        let mut floods = BTreeMap::new();
        let keyword = ["news", "beta"][which];
        let kinds = [(OWN[which], "", self.parts), (SHARED, keyword, 1)];
        for (provider, kind) in (0..2).flat_map(|provider| (0..2).map(move |kind| (provider, kind)))
        {
            let (number, keyword, parts) = kinds[kind];
            let place = 10 + (which * 4 + provider * 2 + kind) as u32;
            let (run, count) = (self.base + place * SAME_REFERENCES, self.messages / 8);
            let flood = json!({
                "count": count, "run": run, "per_s": 40, "keyword": keyword, "parts": parts,
                "destinations": [number], "handsets": self.handsets, "text_octets": 70,
            });
            control::post(world.providers()[provider], "/messages", &flood).unwrap();
            floods.insert(run, (count, parts));
        }
        floods
    }

    fn begin(&self, world: &World, which: usize) -> Tenant {
        let (system_id, password) = CUSTOMERS[which];
        let run = self.base + which as u32 * SAME_REFERENCES;
        let floods = self.floods(world, which);
        let expected: u64 = floods.values().map(|(count, parts)| count * u64::from(*parts)).sum();
        let [acked, came] = ["acked", "came"].map(|what| world.file(&format!("{what}-{run}")));
        let load = world
            .stack
            .customer("load", world.stack.fact("/edge/0/smpp"), system_id)
            .env("SIMULATOR_PASSWORD", password)
            .args(["--connections=2", "--receivers=1", "--window=20", "--rate=120", "--receipts"])
            // The same senders, handsets and references as the other's.
            .args(["--source=Same", "--destinations=447700900", "--parts=2", "--long-share=0.3"])
            .args(["--receipt-patience=8", "--linger=2", "--deadline=120"])
            .arg(format!("--run={run}"))
            .arg(format!("--count={}", self.messages))
            .arg(format!("--expect-messages={expected}"))
            .args(["--acked".as_ref(), acked.as_os_str()])
            .args(["--deliveries-log".as_ref(), came.as_os_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Tenant { run, load, acked, came, floods }
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        // Ended already, or ended now.
        let _gone = self.load.kill();
        let _reaped = self.load.wait();
    }
}

impl Tenant {
    /// The ids that it was given, and what came.
    fn finish(&mut self) -> (Vec<String>, Vec<Came>) {
        assert!(self.load.wait().unwrap().success(), "run {}", self.run);
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
        let sent = Sent::from_lines(&read(&self.acked)).unwrap();
        let ids = sent.into_iter().map(|sent| match sent.outcome {
            Outcome::Acknowledged(id) => id,
            other => panic!("{other:?}"),
        });
        (ids.collect(), Came::from_lines(&read(&self.came)).unwrap())
    }

    /// Whatever is not exactly its own is a failure; missing receipts are counted later.
    fn check(&self, its: &mut Its, came: &[Came]) {
        let mut messages: BTreeMap<(u32, Key), BTreeSet<&str>> = BTreeMap::new();
        for came in came {
            let delivery = came.delivery.as_deref().unwrap();
            match &came.what {
                What::Receipt { id, .. } => {
                    assert!(its.ids.contains(id), "a receipt of another's {id}");
                    its.told.insert(id.clone());
                }
                What::Message { run, parts } => {
                    assert!(self.floods.contains_key(run), "a message of another's, run {run}");
                    for part in parts {
                        messages.entry((*run, *part)).or_default().insert(delivery);
                    }
                }
                What::Other => panic!("what is {came:?}"),
            }
        }
        for (run, (count, parts)) in &self.floods {
            for key in (0..*count).flat_map(|number| (1..=*parts).map(move |part| (number, part))) {
                let deliveries = messages.get(&(*run, key)).map_or(0, BTreeSet::len);
                assert_eq!(deliveries, 1, "part {key:?} of run {run}");
            }
        }
    }
}

/// What a customer was given and told in all rounds.
#[derive(Default)]
struct Its {
    ids: BTreeSet<String>,
    told: BTreeSet<String>,
}

/// Counters start again while messages are under way and receipts are late.
fn restart_counters(world: &World, submits: u64) {
    let before = world.accepted();
    let deadline = Instant::now() + PATIENCE;
    for restart in 1..=RESTARTS {
        while world.accepted() < before + submits * restart / (RESTARTS + 1) {
            assert!(Instant::now() < deadline, "the providers do not get what was sent");
            std::thread::sleep(Duration::from_millis(20));
        }
        world.tell_both("/restart-ids", &json!({}));
    }
}

#[test]
fn each_of_two_customers_gets_exactly_its_own_whatever_is_equal() {
    let seed =
        std::env::var("TENANTS_SEED").map_or_else(|_| fastrand::u64(..), |it| it.parse().unwrap());
    eprintln!("seed {seed} (again with TENANTS_SEED={seed})");
    let mut chance = fastrand::Rng::with_seed(seed);
    let world = World::start();
    let mut both = [Its::default(), Its::default()];
    for number in 0..ROUNDS {
        world.tell_both("/settings", &Round::settings(&mut chance));
        let round = Round::of(&mut chance, number);
        let mut tenants = [0, 1].map(|which| round.begin(&world, which));
        restart_counters(&world, 2 * round.messages);
        for (tenant, its) in tenants.iter_mut().zip(&mut both) {
            let (ids, came) = tenant.finish();
            its.ids.extend(ids);
            tenant.check(its, &came);
        }
    }
    let all: usize = both.iter().map(|its| its.ids.len()).sum();
    let missing = all - both.iter().map(|its| its.told.len()).sum::<usize>();
    let told_apart = dead_receipts(&world);
    eprintln!("{all} submits, {missing} receipts missing, {told_apart} dead letters");
    assert!(missing <= told_apart, "{missing} receipts are missing, {told_apart} fit several");
    assert!(missing * 20 < all, "{missing} of {all} receipts fit several messages: too many");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (which, its) in both.iter().enumerate() {
        let given: Vec<&str> = its.ids.iter().map(String::as_str).collect();
        runtime.block_on(asking_tells_nothing(&world, CUSTOMERS[1 - which], &given));
        runtime.block_on(asking_tells_its_own(&world, CUSTOMERS[which], &given));
    }
    world.stack.stop().unwrap();
}

/// Receipts that fit more than one message: what the gateway does with those is no guess.
fn dead_receipts(world: &World) -> usize {
    let letters = log::read_all(world.stack.fact("/kafka/bootstrap"), DEAD_LETTERS).unwrap();
    letters.iter().for_each(|letter| assert!(!letter.value.is_empty()));
    letters.len()
}

fn same_source() -> Address {
    Address { ton: Ton::Alphanumeric, npi: Npi::Unknown, addr: "Same".into() }
}

async fn asking_tells_nothing(world: &World, other: (&str, &str), given: &[&str]) {
    let target = world.stack.fact("/edge/0/smpp");
    let mut customer = Customer::bind(&account(target, other.0, other.1), None).await.unwrap();
    let step = (given.len() / ASKED).max(1);
    for id in given.iter().step_by(step) {
        let (message_id, source) = (smpp::Octets::from(*id), same_source());
        let query = Query { message_id: message_id.clone(), source: source.clone() };
        let cancel =
            Cancel { message_id: message_id.clone(), source: source.clone(), ..Cancel::default() };
        let replace = Replace { message_id, source, ..Replace::default() };
        for request in [Pdu::QuerySm(query), Pdu::CancelSm(cancel), Pdu::ReplaceSm(replace)] {
            customer.request(&request).unwrap();
            let answers = customer.answers(1, PATIENCE).await.unwrap();
            let status = answers.first().unwrap().status;
            assert!(REFUSALS.contains(&status), "{status:?} to {request:?}");
        }
    }
}

/// What shows that the refusals above mean something.
async fn asking_tells_its_own(world: &World, own: (&str, &str), given: &[&str]) {
    let target = world.stack.fact("/edge/0/smpp");
    let mut customer = Customer::bind(&account(target, own.0, own.1), None).await.unwrap();
    let message_id = (*given.first().unwrap()).into();
    customer.request(&Pdu::QuerySm(Query { message_id, source: same_source() })).unwrap();
    let answers = customer.answers(1, PATIENCE).await.unwrap();
    assert_eq!(answers.first().unwrap().status, CommandStatus::EsmeRok);
}
