//! A load of customers: binds connections, submits numbered messages, measures the answers.

pub mod back;
pub mod came;
pub mod flow;
pub mod inflight;
pub mod ledger;
pub mod plan;
pub mod report;
pub mod stats;
pub mod template;

use std::{
    fs::File,
    io::Write,
    iter::once,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use smpp::pdu::BindMode;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use self::{
    flow::{Flow, Manner},
    ledger::{Expected, Ledger},
    plan::Plan,
    report::Report,
    stats::Stats,
    template::{Content, Templates},
};
use crate::{
    clock::Now,
    esme::{self, Account, Link},
    socket::{BUSY, Step},
};

#[derive(Clone, Debug)]
pub struct Options {
    pub account: Account,
    pub plan: Plan,
    pub content: Content,
    pub manner: Manner,
    /// Nothing new is begun after this time; `None`: until the plan ends.
    pub duration: Option<Duration>,
    /// It ends then at the latest, counted from its beginning.
    pub deadline: Duration,
    /// A connection that was lost, or cannot be made, is made again.
    pub reconnect: bool,
    /// A line of JSON per submit: what became of it.
    pub outcomes: Option<PathBuf>,
    /// A line of JSON per delivery, as it came.
    pub deliveries: Option<PathBuf>,
    /// Further targets (`host:port`): connections go to the account's and to these in turn.
    pub also: Vec<String>,
    /// Further binds, as receivers.
    pub receivers: u32,
    /// What comes back.
    pub expected: Expected,
    /// A line of JSON per submit that had a final receipt, written at the end.
    pub receipts: Option<PathBuf>,
}

/// What the connections are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Go,
    /// Begin nothing new.
    Stop,
    /// End at once.
    GiveUp,
}

/// Receipts may come to any connection: each looks so often whether all have come.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const BACK_OFF_FIRST: Duration = Duration::from_millis(50);
const BACK_OFF_LONGEST: Duration = Duration::from_secs(1);
/// Octets of outcomes in memory, per connection.
const OUTCOMES_MAX: usize = 64 << 10;

/// Runs the whole load. Errors: without `reconnect` a bind that failed; a file that cannot be
/// written; a plan whose messages cannot be written.
pub async fn run(options: Options) -> anyhow::Result<Report> {
    let deadline = Instant::now() + options.deadline;
    let outcomes = shared(options.outcomes.as_deref()).context("the file of outcomes")?;
    let deliveries = shared(options.deliveries.as_deref()).context("the file of deliveries")?;
    let links =
        timeout_at(deadline, bind_all(&options)).await.context("binding took too long")??;
    let (orders, _) = watch::channel(Order::Go);
    let start = Now::read();
    let plan = Arc::new(options.plan.clone());
    let sending = options.plan.connections as usize;
    let ledger = Arc::new(Ledger::new(options.expected, sending, start.instant));
    let mut tasks = JoinSet::new();
    for (number, (account, link)) in (0..).zip(links) {
        let templates = Templates::new(&options.content, number as u16)?;
        let (plan, manner, ledger) = (plan.clone(), options.manner.clone(), ledger.clone());
        let flow = Flow::new(plan, number, templates, manner, ledger, start.instant);
        let is_receiver = number >= options.plan.connections;
        let flow = if is_receiver { flow.receiving() } else { flow };
        let (reconnect, outcomes) = (options.reconnect, outcomes.clone());
        let connection =
            Connection { account, reconnect, flow, outcomes, deliveries: deliveries.clone() };
        tasks.spawn(connection.run(link, orders.subscribe()));
    }
    let (stats, deadline_reached) = collect(tasks, &orders, options.duration, deadline).await;
    let (run, window) = (options.content.run, options.manner.window);
    let report = Report::of(run, options.plan.connections, window, &stats?, &ledger);
    if let Some(path) = &options.receipts {
        write_receipts(path, &ledger).context("cannot write the file of receipts")?;
    }
    Ok(Report { deadline_reached, ..report })
}

/// Binds every connection before any submits, so that the first is not measured alone.
async fn bind_all(options: &Options) -> anyhow::Result<Vec<(Account, Option<Link>)>> {
    let mut links = Vec::new();
    let targets: Vec<&String> = once(&options.account.target).chain(&options.also).collect();
    let numbers = 0..options.plan.connections + options.receivers;
    for (number, target) in numbers.zip(targets.iter().cycle()) {
        let is_receiver = number >= options.plan.connections;
        let mode = if is_receiver { BindMode::Receiver } else { options.account.mode };
        let account = Account { mode, target: (*target).clone(), ..options.account.clone() };
        match connect(&account).await {
            Ok(link) => links.push((account, Some(link))),
            Err(_) if options.reconnect => links.push((account, None)),
            Err(error) => return Err(error),
        }
    }
    Ok(links)
}

/// A file that all connections write to.
fn shared(path: Option<&Path>) -> std::io::Result<Option<Arc<Mutex<File>>>> {
    Ok(path.map(File::create).transpose()?.map(|file| Arc::new(Mutex::new(file))))
}

fn write_receipts(path: &Path, ledger: &Ledger) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for got in ledger.got() {
        serde_json::to_writer(&mut lines, &got)?;
        lines.push(b'\n');
    }
    Ok(std::fs::write(path, lines)?)
}

async fn connect(account: &Account) -> anyhow::Result<Link> {
    let mut link = account.connect(None, BUSY).await?;
    account.bind(&mut link).await?;
    Ok(link)
}

async fn collect(
    mut tasks: JoinSet<anyhow::Result<Stats>>,
    orders: &watch::Sender<Order>,
    duration: Option<Duration>,
    deadline: Instant,
) -> (anyhow::Result<Stats>, bool) {
    let stop = duration.map_or(deadline, |duration| deadline.min(Instant::now() + duration));
    let mut stats = Stats::default();
    let mut next = stop;
    let mut reached = false;
    loop {
        match timeout_at(next, tasks.join_next()).await {
            Ok(None) => return (Ok(stats), reached),
            Ok(Some(Ok(Ok(one)))) => stats.add(&one),
            Ok(Some(Ok(Err(error)))) => return (Err(error), reached),
            Ok(Some(Err(error))) => return (Err(error.into()), reached),
            Err(_) if next < deadline => {
                orders.send_replace(Order::Stop);
                next = deadline;
            }
            Err(_) => {
                orders.send_replace(Order::GiveUp);
                reached = true;
                // The tasks end at once; each still has to unbind.
                next = Instant::now() + Duration::from_secs(3600);
            }
        }
    }
}

struct Connection {
    account: Account,
    reconnect: bool,
    flow: Flow,
    outcomes: Option<Arc<Mutex<File>>>,
    deliveries: Option<Arc<Mutex<File>>>,
}

impl Connection {
    async fn run(
        mut self,
        mut link: Option<Link>,
        mut orders: watch::Receiver<Order>,
    ) -> anyhow::Result<Stats> {
        loop {
            tokio::select! {
                biased;
                _ = orders.changed() => {
                    let order = *orders.borrow_and_update();
                    self.flow.stop();
                    if order == Order::GiveUp {
                        self.flow.give_up();
                    }
                }
                result = self.drive(&mut link) => {
                    result?;
                    if let Some(link) = link.take() {
                        esme::unbind(link, self.flow.sequence()).await;
                    }
                    self.write_outcomes(0)?;
                    return Ok(self.flow.stats().clone());
                }
            }
        }
    }

    /// Submits and reads until nothing is left to do. Can be cancelled at any await.
    async fn drive(&mut self, link: &mut Option<Link>) -> anyhow::Result<()> {
        let (mut back_off, mut is_fresh) = (BACK_OFF_FIRST, true);
        while !self.flow.is_done() || self.flow.waits(Now::read().instant) || self.flow.owes() {
            let Some(open) = link else {
                match connect(&self.account).await {
                    Ok(bound) => (*link, is_fresh) = (Some(bound), true),
                    Err(_) => {
                        self.flow.stats().connects_failed += 1;
                        sleep(back_off.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                        back_off = (back_off * 2).min(BACK_OFF_LONGEST);
                    }
                }
                continue;
            };
            back_off = BACK_OFF_FIRST;
            // What came right behind the answer to the bind is in the input already.
            let goes_on = !std::mem::take(&mut is_fresh) || self.read(open);
            if !goes_on || !self.step(open).await? {
                *link = None;
                self.flow.lost();
                if !self.reconnect {
                    self.flow.stop();
                    self.flow.give_up();
                }
            }
        }
        Ok(())
    }

    /// `false`: the connection is gone.
    async fn step(&mut self, link: &mut Link) -> anyhow::Result<bool> {
        self.flow.fill(Now::read());
        let look = self.flow.is_done().then(|| Now::read().instant + LOOK_EVERY);
        let deadline = [self.flow.deadline(), look].into_iter().flatten().min();
        match link.step(self.flow.output(), true, deadline).await {
            Step::Wrote => {}
            Step::Closed => return Ok(false),
            Step::Deadline => self.flow.tick(Now::read()),
            Step::Read if !self.read(link) => return Ok(false),
            Step::Read => {}
        }
        self.write_outcomes(OUTCOMES_MAX)?;
        Ok(true)
    }

    /// `false`: the stream is of no more use.
    fn read(&mut self, link: &mut Link) -> bool {
        let now = Now::read();
        let is_useful = self.flow.read(link.input(), now);
        self.flow.tick(now);
        is_useful
    }

    fn write_outcomes(&mut self, more_than: usize) -> anyhow::Result<()> {
        write_lines(self.outcomes.as_ref(), self.flow.outcomes(), more_than)
            .context("cannot write the file of outcomes")?;
        match self.flow.deliveries() {
            Some(lines) => write_lines(self.deliveries.as_ref(), lines, more_than)
                .context("cannot write the file of deliveries"),
            None => Ok(()),
        }
    }
}

fn write_lines(
    file: Option<&Arc<Mutex<File>>>,
    lines: &mut Vec<u8>,
    more_than: usize,
) -> std::io::Result<()> {
    if lines.len() > more_than
        && let Some(file) = file
    {
        file.lock().unwrap_or_else(PoisonError::into_inner).write_all(lines)?;
        lines.clear();
    }
    Ok(())
}
