//! The whole gateway, started by the program that a person starts (`local run`), on free ports and
//! in a directory of its own. Dropping it stops everything.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tempfile::TempDir;

/// For everything to be up; a fresh state directory takes a few seconds.
const START_MAX: Duration = Duration::from_secs(90);
/// For everything to be down again.
const STOP_MAX: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running gateway.
#[derive(Debug)]
pub struct Stack {
    child: Child,
    ready: Value,
    directory: TempDir,
}

impl Stack {
    /// Starts it with more arguments of `local run`; the built programs are taken from `programs`.
    ///
    /// # Errors
    /// It does not come up; what it said is in the error.
    pub fn start(programs: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("gateway-")?;
        let ready_file = directory.path().join("ready.json");
        let output = std::fs::File::create(directory.path().join("local.log"))?;
        let child = Command::new(programs.join("local"))
            .arg("run")
            .arg("--free-ports")
            .args(["--state".as_ref(), directory.path().join("state").as_os_str()])
            .args(["--ready-file".as_ref(), ready_file.as_os_str()])
            .args(arguments)
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("local is not built: cargo build --workspace --bins")?;
        let mut stack = Self { child, ready: Value::Null, directory };
        stack.await_ready(&ready_file)?;
        Ok(stack)
    }

    fn await_ready(&mut self, ready_file: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_MAX;
        loop {
            if let Ok(text) = std::fs::read(ready_file) {
                self.ready = serde_json::from_slice(&text)?;
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the gateway ended while starting ({status}):\n{}", self.said());
            }
            if Instant::now() > deadline {
                bail!("the gateway is not up after {START_MAX:?}:\n{}", self.said());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// What `local` printed.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("local.log")).unwrap_or_default()
    }

    /// Directory of this run; everything in it goes with the stack.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What a part wrote: its log file.
    #[must_use]
    pub fn log_of(&self, part: &str) -> String {
        let path = self.directory.path().join("state/logs").join(format!("{part}.log"));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// A fact of the ready file, by JSON pointer (`/edge/0/smpp`).
    ///
    /// # Panics
    /// There is none: the ready file and this test have parted.
    #[must_use]
    pub fn fact(&self, pointer: &str) -> &str {
        let found = self.ready.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| no_fact(pointer, &self.ready))
    }

    /// Everything in the ready file.
    #[must_use]
    pub fn facts(&self) -> &Value {
        &self.ready
    }

    /// Stops it as Ctrl-C does, and waits.
    ///
    /// # Errors
    /// It did not end in time or not well.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    /// Stops it as [`Stack::stop`] does; its directory stays as long as this.
    ///
    /// # Errors
    /// It did not end in time or not well.
    pub fn end(&mut self) -> anyhow::Result<()> {
        signal(self.child.id(), "INT")?;
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success(), "it ended with {status}:\n{}", self.said());
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("it did not stop within {STOP_MAX:?}:\n{}", self.said())
    }
}

#[allow(clippy::panic, reason = "a test whose harness does not fit must fail loudly")]
fn no_fact(pointer: &str, ready: &Value) -> ! {
    panic!("the ready file has no {pointer}: {ready}")
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        // Its children end with it (the kernel sees to that).
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Sends a signal to a process that this test started.
///
/// # Errors
/// There is no such process.
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status()?;
    anyhow::ensure!(status.success(), "kill -{name} {pid}");
    Ok(())
}

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where cargo put the programs of the profile that this test was built in.
#[must_use]
pub fn programs() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let directory = own.parent().unwrap_or(&own);
    match directory.file_name().is_some_and(|name| name == "deps") {
        true => directory.parent().unwrap_or(directory).to_owned(),
        false => directory.to_owned(),
    }
}
