//! Does to a running gateway what a scenario says, while its load runs.

use std::collections::BTreeSet;
use std::iter::once;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use simulator::esme::Account;
use smpp::pdu::BindMode;

use super::back::guests;
use super::cluster;
use super::load::Load;
use super::processes::{self, Process};
use super::scenario::{Fault, Whom};
use crate::stack::{Stack, signal};
use crate::{control, customer};

/// For anything that has to come about under load.
const WAIT_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A submit_sm_resp with an id of five digits (SMPP 3.4, section 4.4.2).
const RESPONSE_OCTETS: usize = 22;
/// Arrivals between two cuts, so that the bind is back and busy.
const BETWEEN_CUTS: u64 = 60;
/// Arrivals between two restarts.
const BETWEEN_RESTARTS: u64 = 200;
/// Children of a runner at least: a broker, store, queues, two functions, an edge, two senders.
const EVERYTHING: usize = 8;
/// For the kernel to end what a killed runner leaves behind.
const ORPHANS_MAX: Duration = Duration::from_secs(5);
/// A customer that dies lives so long.
const LIVES: Duration = Duration::from_millis(250);
/// What brokers' names begin with.
const KAFKA: &str = "kafka-";
/// Functions in the order of a rolling restart: they are started again only when there is something to do.
const FUNCTIONS: [&str; 6] = ["assemble", "route", "correlate", "route-mo", "dispatch", "record"];
/// Services, restarted after them.
const SERVICES: [&str; 2] = ["smpp-edge", "provider-sender"];

/// Where a fault happens.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The gateway.
    pub stack: &'a mut Stack,
    /// Its load.
    pub load: &'a mut Load,
    /// Brokers.
    pub brokers: usize,
    /// Arrivals between two blows.
    pub between: u64,
}

impl Stage<'_> {
    /// Does it; how long it took from the first blow to the end of the last (of a rolling restart: the
    /// longest of its restarts).
    ///
    /// # Errors
    /// Whom it strikes is not there, nothing flows any more, or the load ended before.
    pub fn inject(&mut self, fault: Fault) -> anyhow::Result<Duration> {
        let began = Instant::now();
        match fault {
            Fault::Strike { whom, signal, times } => self.strike(whom, signal, times)?,
            Fault::Pause { whom, lasts } => self.pause(whom, lasts)?,
            Fault::CutEachOctet => self.cut_each_octet()?,
            Fault::RestartAll => return self.restart_all(),
            Fault::KillRunner => self.kill_runner()?,
            Fault::DieInALoop { times } => self.die_in_a_loop(times)?,
            Fault::NeverAnswer { lasts } => self.never_answer(lasts)?,
            Fault::Park { .. } => bail!("nothing is parked under a load"),
        }
        let lasted = began.elapsed();
        ensure!(self.load.is_running()?, "the load ended before the fault was over");
        Ok(lasted)
    }

    /// Waits until so many more parts have come to the provider.
    ///
    /// # Errors
    /// They do not come in time, or the load ends before.
    pub fn await_arrivals(&mut self, more: u64) -> anyhow::Result<()> {
        let wanted = self.stack.summary()?.accepted + more;
        self.until("arrivals", |stage| Ok(stage.stack.summary()?.accepted >= wanted))
    }

    fn strike(&mut self, whom: Whom, name: &str, times: u32) -> anyhow::Result<()> {
        for blow in 0..times {
            if blow > 0 {
                self.await_arrivals(self.between)?;
            }
            // What died of the blow before may still wait for its restart.
            self.until("somebody to strike", |stage| Ok(stage.find(whom).is_ok()))?;
            for pid in self.find(whom)? {
                signal(pid, name)?;
            }
        }
        Ok(())
    }

    fn pause(&mut self, whom: Whom, lasts: Duration) -> anyhow::Result<()> {
        let pids = self.find(whom)?;
        for pid in &pids {
            signal(*pid, "STOP")?;
        }
        // The fault is that time passes without them.
        std::thread::sleep(lasts);
        for pid in &pids {
            signal(*pid, "CONT")?;
        }
        Ok(())
    }

    fn die_in_a_loop(&mut self, times: u32) -> anyhow::Result<()> {
        let one = [self.account("acme", "secret")];
        let mut taken = 0;
        for _ in 0..times {
            taken += guests::hold(&one, LIVES)?;
        }
        ensure!(taken > 0, "no delivery came to who died");
        Ok(())
    }

    fn never_answer(&mut self, lasts: Duration) -> anyhow::Result<()> {
        let both = [self.account("acme", "secret"), self.account("beta", "beta-pw")];
        let taken = guests::hold(&both, lasts)?;
        ensure!(taken > 1, "no delivery came to who is silent");
        Ok(())
    }

    fn account(&self, system_id: &str, password: &str) -> Account {
        let account = customer::account(self.stack.fact("/edge/0/smpp"), system_id, password);
        Account { mode: BindMode::Receiver, ..account }
    }

    fn kill_runner(&mut self) -> anyhow::Result<()> {
        let children = self.processes()?;
        ensure!(children.len() >= EVERYTHING, "these are not all: {children:?}");
        self.stack.kill()?;
        let deadline = Instant::now() + ORPHANS_MAX;
        while let Some(orphan) = children.iter().find(|child| processes::runs(child)) {
            ensure!(Instant::now() < deadline, "left running: {orphan:?}");
            std::thread::sleep(LOOK_EVERY);
        }
        self.stack.restart()
    }

    fn cut_each_octet(&mut self) -> anyhow::Result<()> {
        let within = (1..RESPONSE_OCTETS).map(|octets| json!({ "after_octets": octets }));
        for how in once(json!("before")).chain(within).chain(once(json!("after"))) {
            let so_far = self.stack.summary()?.drops;
            self.settings(&json!({ "drop": { "when": { "at": 1 }, "how": how } }))?;
            self.until("a cut", |stage| Ok(stage.stack.summary()?.drops > so_far))?;
            self.await_arrivals(BETWEEN_CUTS)?;
        }
        self.settings(&json!({ "drop": null }))
    }

    fn restart_all(&mut self) -> anyhow::Result<Duration> {
        let before = self.processes()?;
        let mut longest = Duration::ZERO;
        let brokers = before.iter().map(|it| &*it.name).filter(|name| name.starts_with(KAFKA));
        let brokers: BTreeSet<_> = brokers.collect();
        for name in brokers.into_iter().chain(FUNCTIONS).chain(SERVICES) {
            for process in before.iter().filter(|process| process.name == name) {
                let began = Instant::now();
                signal(process.pid, "TERM")?;
                let as_many = before.iter().filter(|it| it.name == process.name).count();
                self.await_replacement(process, as_many)?;
                longest = longest.max(began.elapsed());
                self.await_arrivals(BETWEEN_RESTARTS)?;
            }
        }
        Ok(longest)
    }

    /// Waits until the process is gone, as many of its name run again, and Kafka is whole.
    fn await_replacement(&mut self, gone: &Process, as_many: usize) -> anyhow::Result<()> {
        let on_demand = FUNCTIONS.contains(&gone.name.as_str());
        self.until(&format!("the restart of {}", gone.name), |stage| {
            let now = stage.processes()?;
            let back = now.iter().filter(|it| it.name == gone.name && it.pid != gone.pid).count();
            let has_ended = now.iter().all(|process| process.pid != gone.pid);
            Ok(has_ended && (on_demand || back >= as_many))
        })?;
        if gone.name.starts_with(KAFKA) {
            self.until("replicas in sync", |stage| {
                cluster::is_whole(stage.stack.fact("/kafka/bootstrap"), stage.brokers)
            })?;
        }
        Ok(())
    }

    fn find(&self, whom: Whom) -> anyhow::Result<Vec<u32>> {
        let wanted: Vec<String> = match whom {
            Whom::Oldest(name) => vec![name.to_owned()],
            Whom::All(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            Whom::Runner => return Ok(vec![self.runner()?]),
            Whom::Leader(topic) => {
                let leader = cluster::leader(self.stack.fact("/kafka/bootstrap"), topic)?;
                vec![format!("kafka-{leader}")]
            }
        };
        let running = self.processes()?;
        let found = running.iter().filter(|process| wanted.contains(&process.name));
        let mut pids: Vec<u32> = found.map(|process| process.pid).collect();
        if let Whom::Oldest(_) = whom {
            pids.truncate(1);
        }
        ensure!(!pids.is_empty(), "{wanted:?} are not running");
        Ok(pids)
    }

    fn processes(&self) -> anyhow::Result<Vec<Process>> {
        processes::children(self.runner()?)
    }

    /// The process id of `local`.
    fn runner(&self) -> anyhow::Result<u32> {
        let pid = self.stack.facts()["pid"].as_u64().context("no pid in the ready file")?;
        Ok(u32::try_from(pid)?)
    }

    fn settings(&self, change: &Value) -> anyhow::Result<()> {
        control::post(self.stack.fact("/smsc/control"), "/settings", change).map(|_now| ())
    }

    fn until(
        &mut self,
        what: &str,
        mut reached: impl FnMut(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + WAIT_MAX;
        while !reached(&*self)? {
            ensure!(self.load.is_running()?, "the load ended while waiting for {what}");
            ensure!(Instant::now() < deadline, "waited {WAIT_MAX:?} for {what}");
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}
