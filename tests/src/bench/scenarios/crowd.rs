//! Thousands of customers at the edge's door that never get on with their bind.

use std::time::{Duration, Instant};

use simulator::idle;
use smpp::session::server;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::bench::processes;
use crate::bench::running::pid_at;
use crate::customer::account;
use crate::stack::Stack;

/// Longer than any load among them: nobody holds them for ever.
const STAY_MAX: Duration = Duration::from_secs(600);
/// Until all are there, or gone.
const MOVE_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Two of them come before the edge closes the connection.
const OCTET_EVERY: Duration = Duration::from_secs(3);
/// Loopback addresses that they come from: each may have 64 connections that have not bound.
const SOURCES: u8 = 200;
/// Percent that must be there; the others were closed for their silence and are about to come again.
const THERE_PCT: usize = 95;
/// Percent that may still be there for the crowd to be gone.
const LEFT_PCT: usize = 1;

/// Sockets that this process holds at the edge; they go when it is dropped.
pub(super) struct Crowd {
    /// What holds them: one thread of this process.
    runtime: Runtime,
    sockets: usize,
    edge: u32,
    /// That the edge had open before they came.
    other_files: usize,
}

impl Crowd {
    /// Waits until they are there.
    pub(super) fn gather(stack: &Stack, sockets: usize) -> anyhow::Result<Self> {
        let edge = pid_at(stack, "/edge/0/pid")?;
        let other_files = processes::open_files(edge)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let options = idle::Options {
            account: account(stack.fact("/edge/0/smpp"), "acme", "wrong"),
            connections: sockets,
            // For as long as the edge lets them: so they come and go evenly, never all at once.
            over: server::Settings::default().bind_deadline,
            duration: STAY_MAX,
            dribble: Some(OCTET_EVERY),
            sources: SOURCES,
        };
        // They are counted at the edge.
        drop(runtime.spawn(idle::run(options, watch::Sender::new(0))));
        let crowd = Self { runtime, sockets, edge, other_files };
        let least = crowd.pct(THERE_PCT);
        await_count("at least", least, || crowd.held(), |held| held >= least)?;
        Ok(crowd)
    }

    /// Lets them go, and waits until the edge has closed them.
    ///
    /// Errors: they were not there any more.
    pub(super) fn disperse(self) -> anyhow::Result<()> {
        let (held, least, most) = (self.held()?, self.pct(THERE_PCT), self.pct(LEFT_PCT));
        anyhow::ensure!(held >= least, "{held} of {} sockets were there at the end", self.sockets);
        let Self { runtime, edge, other_files, .. } = self;
        drop(runtime);
        await_count("at most", most, || held_by(edge, other_files), |held| held <= most)
    }

    fn held(&self) -> anyhow::Result<usize> {
        held_by(self.edge, self.other_files)
    }

    fn pct(&self, percent: usize) -> usize {
        self.sockets * percent / 100
    }
}

fn held_by(edge: u32, other_files: usize) -> anyhow::Result<usize> {
    Ok(processes::open_files(edge)?.saturating_sub(other_files))
}

fn await_count(
    bound: &str,
    wanted: usize,
    count: impl Fn() -> anyhow::Result<usize>,
    is_reached: impl Fn(usize) -> bool,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + MOVE_MAX;
    loop {
        let held = count()?;
        if is_reached(held) {
            return Ok(());
        }
        let late = Instant::now() > deadline;
        anyhow::ensure!(!late, "{held} sockets, not {bound} {wanted}, after {MOVE_MAX:?}");
        std::thread::sleep(LOOK_EVERY);
    }
}
