//! What every measurement does: start a gateway set up for loads, and end it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use super::scenarios::Reading;
use crate::stack::Stack;

/// With `--quick`, counts and times are so much smaller.
const QUICK_COUNT: u64 = 25;
const QUICK_SECONDS: u64 = 10;

/// How a broker is set up for loads; little is to be on disk but Kafka's log.
const FOR_LOADS: [&str; 2] = ["--kafka-heap-mb=512", "--store-in-memory"];
/// The simulated provider counts each message by its number.
pub const NUMBERS: &str = "--smsc-arg=--numbers";

/// How measurements are made.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Directory of the built programs.
    pub programs: PathBuf,
    /// How often each is made.
    pub runs: u32,
    /// To try the tool: far smaller loads and shorter times.
    pub quick: bool,
}

impl Setting {
    /// So many, fewer when it is quick.
    #[must_use]
    pub fn count(&self, full: u64) -> u64 {
        if self.quick { full / QUICK_COUNT } else { full }
    }

    /// So many seconds, fewer when it is quick.
    #[must_use]
    pub fn seconds(&self, full: u64) -> u64 {
        if self.quick { (full / QUICK_SECONDS).max(1) } else { full }
    }

    /// A reading for each run; runs have numbers from 1.
    ///
    /// # Errors
    /// The first one's that fails.
    pub fn each_run(
        &self,
        measure: impl FnMut(u32) -> anyhow::Result<Reading>,
    ) -> anyhow::Result<Vec<Reading>> {
        (1..=self.runs).map(measure).collect()
    }

    /// Edge, Kafka and the store with this configuration, set up for loads.
    ///
    /// # Errors
    /// It does not come up.
    pub fn edge_only(&self, config: &str, more: &[&str]) -> anyhow::Result<Stack> {
        let config = format!("--config={config}");
        let parts = ["--only=kafka,store,edge", config.as_str()];
        self.start(&[parts.as_slice(), FOR_LOADS.as_slice(), more].concat())
    }

    /// The whole gateway with this configuration, set up for loads.
    ///
    /// # Errors
    /// It does not come up.
    pub fn whole(&self, config: &str) -> anyhow::Result<Stack> {
        let config = format!("--config={config}");
        self.start(&[[config.as_str(), NUMBERS], FOR_LOADS].concat())
    }

    /// The same for loads that end before the broker's better compiler has done its work, which takes
    /// more of two cores until then than it saves (with less heap `local` has it stop at its first tier).
    ///
    /// # Errors
    /// It does not come up.
    pub fn whole_for_minutes(&self, config: &str) -> anyhow::Result<Stack> {
        let config = format!("--config={config}");
        self.start(&[config.as_str(), NUMBERS, "--kafka-heap-mb=255", "--store-in-memory"])
    }

    /// A gateway with these arguments of `local run`.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Stack> {
        Stack::start(&self.programs, arguments)
    }
}

/// Stops it. What was measured stands even if that goes wrong.
#[allow(clippy::print_stderr, reason = "a command line speaks to its user")]
pub fn end(stack: Stack) {
    if let Err(error) = stack.stop() {
        eprintln!("bench: the gateway did not stop well: {error:#}");
    }
}

/// Process id of `local`.
///
/// # Errors
/// The ready file does not tell.
pub fn pid(stack: &Stack) -> anyhow::Result<u32> {
    pid_at(stack, "/pid")
}

/// A process id of the ready file, by JSON pointer.
///
/// # Errors
/// It is not there.
pub fn pid_at(stack: &Stack, pointer: &str) -> anyhow::Result<u32> {
    let found = stack.facts().pointer(pointer).and_then(serde_json::Value::as_u64);
    Ok(u32::try_from(found.with_context(|| format!("no {pointer} in the ready file"))?)?)
}

/// Microseconds since 1970, as the simulator counts.
#[must_use]
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
