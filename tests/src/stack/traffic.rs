//! What goes through a running gateway: the simulator's customers, and what its provider counted.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use simulator::arrivals::RunSummary;
use simulator::load::report::Report;
use simulator::smsc::tally::Summary;

use super::Stack;
use crate::control;

/// From the end of a load to its last arrival.
const ARRIVE_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Stack {
    /// A customer of the simulator, not started yet.
    #[must_use]
    pub fn customer(&self, subcommand: &str, connect: &str, system_id: &str) -> Command {
        let mut command = Command::new(self.programs.join("simulator"));
        command
            .args([subcommand, "--connect", connect, "--system-id", system_id])
            .env("SIMULATOR_PASSWORD", "secret")
            .stdin(Stdio::null());
        command
    }

    /// Puts a load of customer acme on the first edge, with more arguments of `simulator load`, and
    /// waits for its end.
    ///
    /// # Errors
    /// It cannot be started, or not everything was acknowledged.
    pub fn load<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> anyhow::Result<Report> {
        let mut command = self.customer("load", self.fact("/edge/0/smpp"), "acme");
        let output = command.args(arguments).output().context("the simulator is not built")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the load failed: {said}");
        let report: Report = serde_json::from_slice(&output.stdout).context("the load's report")?;
        let all = report.acknowledged > 0 && report.acknowledged == report.submitted;
        ensure!(all && !report.deadline_reached, "not everything was acknowledged: {report}");
        Ok(report)
    }

    /// What the simulated provider counted.
    ///
    /// # Errors
    /// It does not answer.
    pub fn summary(&self) -> anyhow::Result<Summary> {
        let answer = control::get(self.fact("/smsc/control"), "/summary")?;
        serde_json::from_value(answer).context("the provider's summary")
    }

    /// Waits until the simulated provider has so many parts, all told.
    ///
    /// # Errors
    /// They do not come in time, or more come.
    pub fn await_arrivals(&self, parts: u64) -> anyhow::Result<Summary> {
        let summary = self.await_count(parts, |summary| summary.accepted)?;
        ensure!(summary.accepted == parts, "{} parts came, not {parts}", summary.accepted);
        Ok(summary)
    }

    /// Waits until so many parts of this run of a load have arrived; the provider has to count each
    /// message by its number.
    ///
    /// # Errors
    /// They do not come in time, or one came twice.
    pub fn await_run(&self, run: u32, parts: u64) -> anyhow::Result<RunSummary> {
        let of_run = |summary: &Summary| {
            summary.runs.iter().find(|found| found.run == run).cloned().unwrap_or_default()
        };
        let found = of_run(&self.await_count(parts, |summary| of_run(summary).distinct)?);
        ensure!(found.doubled == 0, "{} parts came more than once", found.doubled);
        Ok(found)
    }

    fn await_count(&self, parts: u64, count: impl Fn(&Summary) -> u64) -> anyhow::Result<Summary> {
        let deadline = Instant::now() + ARRIVE_MAX;
        loop {
            let summary = self.summary()?;
            let arrived = count(&summary);
            if arrived >= parts {
                return Ok(summary);
            }
            let late = Instant::now() > deadline;
            ensure!(!late, "{arrived} of {parts} parts arrived within {ARRIVE_MAX:?}");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
