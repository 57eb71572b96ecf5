//! The load under which faults happen: the simulator's customers, each submit with its number and
//! its outcome on file.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::bail;
use simulator::check::Sent;
use simulator::load::report::Report;

use crate::stack::Stack;

/// Share of messages that are long, each part over another bind.
const LONG_SHARE: f64 = 0.2;
const LONG_PARTS: f64 = 3.0;
/// Seconds after which a submit counts as unanswered.
const PATIENCE_S: u32 = 20;
/// How much longer than planned a load may last before it is ended.
const EXTRA: Duration = Duration::from_secs(60);
/// The same for what comes back: mailboxes are looked into every 30 s.
const EXTRA_BACK: Duration = Duration::from_secs(120);
/// Seconds without anything coming back after which a load ends, and with all there, to wait for copies.
const SILENCE_S: u32 = 45;
const LINGER_S: u32 = 3;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Submits per second.
    pub rate: f64,
    /// If nothing holds it up.
    pub lasts: Duration,
    /// Tells this run's messages from others.
    pub run: u32,
    /// The way back; none: nothing is asked for.
    pub back: Option<Expected>,
}

/// What a load waits for.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Parts of handsets' messages.
    pub parts: u64,
}

impl Plan {
    /// Submits, each part counted; about so many.
    #[must_use]
    pub fn submits(&self) -> f64 {
        self.rate * self.lasts.as_secs_f64()
    }

    /// A message that was not acknowledged whole gets its receipts after five minutes: too long to wait for.
    fn long_share(&self) -> f64 {
        if self.back.is_some() { 0.0 } else { LONG_SHARE }
    }

    fn deadline(&self) -> Duration {
        self.lasts + EXTRA + if self.back.is_some() { EXTRA_BACK } else { Duration::ZERO }
    }

    /// Messages of that many submits.
    #[must_use]
    pub fn messages(&self) -> f64 {
        let long = self.long_share();
        (self.submits() / (1.0 - long + long * LONG_PARTS)).round()
    }
}

/// A load that runs; dropping it ends it.
#[derive(Debug)]
pub struct Load {
    child: Child,
    plan: Plan,
    acked: PathBuf,
    report: PathBuf,
    said: PathBuf,
    came: PathBuf,
}

impl Load {
    /// Binds to the edges and begins.
    ///
    /// # Errors
    /// The simulator is not built.
    pub fn start(stack: &Stack, plan: Plan) -> anyhow::Result<Self> {
        let file = |name: &str| stack.directory().join(name);
        let (acked, report, said) = (file("acked.jsonl"), file("load.json"), file("load.log"));
        let came = file("came.jsonl");
        let mut command = stack.customer("load", stack.fact("/edge/0/smpp"), "acme");
        command
            .args(["--connections=4", "--window=50", "--reconnect", "--retry-throttled=100"])
            // Two providers, so that whichever sender is struck has something under way.
            .args(["--destinations=447700,491701", "--parts=3", "--spread"])
            .arg(format!("--long-share={}", plan.long_share()))
            .arg(format!("--patience={PATIENCE_S}"))
            .arg(format!("--rate={}", plan.rate))
            .arg(format!("--count={}", plan.messages()))
            .arg(format!("--run={}", plan.run))
            .arg(format!("--deadline={}", plan.deadline().as_secs_f64()))
            .args(["--acked".as_ref(), acked.as_os_str()])
            .args(["--json".as_ref(), report.as_os_str()]);
        if let Some(back) = plan.back {
            command
                .args(["--receivers=2", "--receipts"])
                .arg(format!("--expect-messages={}", back.parts))
                .arg(format!("--receipt-patience={SILENCE_S}"))
                .arg(format!("--linger={LINGER_S}"))
                .args(["--deliveries-log".as_ref(), came.as_os_str()]);
            let edges = stack.facts()["edge"].as_array().into_iter().flatten().skip(1);
            for edge in edges.filter_map(|edge| edge["smpp"].as_str()) {
                command.args(["--also", edge]);
            }
        }
        let said_to = std::fs::File::create(&said)?;
        let child = command.stdout(Stdio::null()).stderr(said_to).spawn()?;
        Ok(Self { child, plan, acked, report, said, came })
    }

    /// Whether it still sends or waits for answers.
    ///
    /// # Errors
    /// The system does not say.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Its file of what came back, written while it runs.
    #[must_use]
    pub fn came(&self) -> PathBuf {
        self.came.clone()
    }

    /// Waits for its end: what became of each submit, and its summary.
    ///
    /// # Errors
    /// It failed, or did not end in time.
    pub fn finish(mut self) -> anyhow::Result<(Vec<Sent>, Report)> {
        let patience = self.plan.deadline() + Duration::from_secs(u64::from(PATIENCE_S));
        let deadline = Instant::now() + patience;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                bail!("the load did not end within {patience:?}");
            }
            std::thread::sleep(LOOK_EVERY);
        };
        let said = std::fs::read_to_string(&self.said).unwrap_or_default();
        anyhow::ensure!(status.success(), "the load ended with {status}: {said}");
        let sent = Sent::from_lines(&std::fs::read_to_string(&self.acked)?)?;
        let report = serde_json::from_slice(&std::fs::read(&self.report)?)?;
        Ok((sent, report))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
