//! Thousands at the edge's door: sockets that dribble, and binds all at once with a wrong password.
//! Neither may cost it much, and a good customer is served meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use gateway_tests::customer::{Customer, account, raise_open_files, text};
use gateway_tests::faults::processes;
use gateway_tests::stack::{Stack, programs};
use simulator::idle;
use simulator::socket::{IDLE, Step};
use smpp::CommandStatus;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Sockets that dribble, of which this process and the edge have an end each.
const CROWD: usize = 10_000;
/// Where fewer files may be open; with less it is no crowd.
const CROWD_MIN: usize = 2_000;
/// That a process has open beside its connections, at most.
const OTHER_FILES: usize = 500;
/// Loopback addresses of the crowd. Each may have 64 connections that have not bound.
const SOURCES: u8 = 200;
/// Evenly, so that the edge does not close all of them at one moment; in less than it gives them to
/// bind (5 s), so that there is a moment when all are there.
const ARRIVE_OVER: Duration = Duration::from_secs(4);
const CROWD_LASTS: Duration = Duration::from_secs(15);
const OCTET_EVERY: Duration = Duration::from_secs(2);
/// Binds with a wrong password, and the addresses that they come from.
const GUESSERS: usize = CROWD_MIN;
const GUESSER_SOURCES: u8 = 40;
/// Of the edge's memory, per connection (a development build; the kernel's buffers are not in it).
const KIB_PER_SOCKET: usize = 16;
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway takes the machine for itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Stage {
    stack: Stack,
    edge: u32,
    /// That this process and the edge may have each.
    open_files: usize,
}

impl Stage {
    fn start() -> Self {
        let open_files = raise_open_files().unwrap();
        assert!(open_files >= CROWD_MIN + OTHER_FILES, "too few open files: {open_files}");
        let arguments = ["--store-in-memory", "--without=functions,sender,smsc"];
        let stack = Stack::start(&programs(), &arguments).unwrap();
        let local = u32::try_from(stack.facts()["pid"].as_u64().unwrap()).unwrap();
        let children = processes::children(local).unwrap();
        let edge = children.iter().find(|process| process.name == "smpp-edge").unwrap().pid;
        Self { stack, edge, open_files }
    }

    fn target(&self) -> String {
        self.stack.fact("/edge/0/smpp").to_owned()
    }

    /// `VmRSS` now, or `VmHWM`, the most there was (proc(5)).
    fn edge_kib(&self, which: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.edge)).unwrap();
        let line = status.lines().find(|line| line.starts_with(which)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// The slowest answer of a hundred, one after the other.
async fn slowest_answer(customer: &mut Customer) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..100 {
        let began = Instant::now();
        customer.submit(&text("Crowd", &format!("4915170{number:06}"), b"hello")).unwrap();
        let answers = customer.answers(1, PATIENCE).await.unwrap();
        assert!(answers.len() == 1 && answers[0].status == CommandStatus::EsmeRok, "{answers:?}");
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests take turns; nobody else waits for it")]
async fn ten_thousand_dribbling_sockets_cost_little_and_a_good_customer_is_served() {
    let _alone = alone();
    let stage = Stage::start();
    let sockets = CROWD.min(stage.open_files - OTHER_FILES);
    eprintln!("{sockets} sockets dribble ({} open files are allowed)", stage.open_files);
    let mut customer =
        Customer::bind(&account(&stage.target(), "acme", "secret"), None).await.unwrap();
    slowest_answer(&mut customer).await;
    let before = stage.edge_kib("VmRSS");
    let (up, mut ups) = watch::channel(0);
    let crowd = tokio::spawn(idle::run(
        idle::Options {
            account: account(&stage.target(), "acme", "wrong"),
            connections: sockets,
            over: ARRIVE_OVER,
            duration: CROWD_LASTS,
            dribble: Some(OCTET_EVERY),
            sources: SOURCES,
        },
        up,
    ));
    // Who has not bound after 5 s is closed, and comes again at once: how many are there at a time
    // depends on how fast the machine takes connections.
    let Ok(up) = ups.wait_for(|up| *up >= sockets * 6 / 10).await.map(|up| *up) else {
        panic!("never more than half of the crowd was there: {:?}", crowd.await);
    };
    let each = stage.edge_kib("VmRSS").saturating_sub(before) / up;
    let slowest = slowest_answer(&mut customer).await;
    let still = *ups.borrow();
    let report = crowd.await.unwrap().unwrap();
    assert!(still >= sockets * 4 / 10, "the crowd was there: {still}, {report:?}");
    assert!(report.closed > 0, "the edge closes whoever does not bind: {report:?}");
    assert!(each <= KIB_PER_SOCKET, "{each} KiB a socket");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    stage.stack.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests take turns; nobody else waits for it")]
async fn two_thousand_wrong_binds_at_once_do_not_keep_the_right_customer_out() {
    let _alone = alone();
    let stage = Stage::start();
    let before = stage.edge_kib("VmRSS");
    let mut crowd = JoinSet::new();
    for number in 0..GUESSERS {
        let guesser = account(&stage.target(), "acme", &format!("no{number}"));
        let from =
            Ipv4Addr::new(127, 0, 1, u8::try_from(number % usize::from(GUESSER_SOURCES)).unwrap());
        crowd.spawn(async move {
            let mut link = guesser.connect(Some(IpAddr::V4(from)), IDLE).await?;
            let mut output: BytesMut = guesser.bind_request()?;
            let wrote = link.step(&mut output, false, None).await;
            anyhow::ensure!(wrote == Step::Wrote, "{wrote:?}");
            // Held until the test ends it.
            Ok(link)
        });
    }
    let mut links = Vec::new();
    while let Some(link) = crowd.join_next().await {
        links.push(link.unwrap().unwrap());
    }
    // Never seen by this node, so its password has to be hashed.
    let began = Instant::now();
    let beta = account(&stage.target(), "beta", "beta-pw");
    let customer = Customer::bind(&beta, None).await;
    let waited = began.elapsed();
    let grown = stage.edge_kib("VmHWM").saturating_sub(before);
    customer.unwrap();
    assert_eq!(links.len(), GUESSERS);
    // One check of each address may be before it, at less than 100 ms each.
    assert!(waited < Duration::from_secs(8), "{waited:?}");
    // One check's memory, whoever waits.
    assert!(grown < GUESSERS * KIB_PER_SOCKET + 40 * 1024, "{grown} KiB");
    stage.stack.stop().unwrap();
}
