//! The whole gateway, started by the program that a person starts (`local run`), on free ports and
//! in a directory of its own. Dropping it stops everything.

mod traffic;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ports;
use crate::smsc::Smsc;

/// For everything to be up; a fresh state directory takes a few seconds.
const START_MAX: Duration = Duration::from_secs(90);
/// For everything to be down again.
const STOP_MAX: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const READY_FILE: &str = "ready.json";
/// Neighbouring ports that a gateway with its provider beside it needs, and a few to spare.
const PORTS: u16 = 40;

/// A running gateway.
#[derive(Debug)]
pub struct Stack {
    child: Child,
    ready: Value,
    directory: TempDir,
    programs: PathBuf,
    arguments: Vec<String>,
    /// A provider that does not end with the gateway.
    smsc: Option<Smsc>,
}

impl Stack {
    /// Starts it with more arguments of `local run`; the built programs are taken from `programs`.
    ///
    /// # Errors
    /// It does not come up; what it said is in the error.
    pub fn start(programs: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let ports = ["--free-ports".to_owned()];
        Self::launch(
            programs,
            ports.into_iter().chain(arguments.iter().map(|it| (*it).to_owned())),
            None,
        )
    }

    /// The same with the simulated provider beside it, started with arguments of `simulator smsc`: it
    /// lives on when the gateway is killed, and [`Stack::restart`] leads to it again, on the same ports.
    ///
    /// # Errors
    /// One of them does not come up.
    pub fn start_apart(
        programs: &Path,
        arguments: &[&str],
        provider: &[&str],
    ) -> anyhow::Result<Self> {
        let base = ports::neighbours(PORTS)?;
        let smsc = Smsc::start(programs, base, provider)?;
        let own = [format!("--port-base={}", base + 2), format!("--smsc-at={}", smsc.smpp)];
        let arguments = own.into_iter().chain(arguments.iter().map(|it| (*it).to_owned()));
        Self::launch(programs, arguments, Some(smsc))
    }

    fn launch(
        programs: &Path,
        arguments: impl Iterator<Item = String>,
        smsc: Option<Smsc>,
    ) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("gateway-")?;
        let arguments: Vec<String> = arguments.collect();
        let child = spawn(programs, directory.path(), &arguments)?;
        let programs = programs.to_owned();
        let mut stack = Self { child, ready: Value::Null, directory, programs, arguments, smsc };
        stack.await_ready()?;
        Ok(stack)
    }

    /// Kills it as kill -9 does.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again after [`Stack::kill`], on what it left.
    ///
    /// # Errors
    /// It does not come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        std::fs::remove_file(self.ready_file())?;
        self.child = spawn(&self.programs, self.directory.path(), &self.arguments)?;
        self.await_ready()
    }

    fn ready_file(&self) -> PathBuf {
        self.directory.path().join(READY_FILE)
    }

    /// What the ready file says now: parts that died have other processes by then.
    ///
    /// # Errors
    /// It is not there.
    pub fn ready_now(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&std::fs::read(self.ready_file())?)?)
    }

    fn await_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_MAX;
        loop {
            if let Ok(ready) = self.ready_now() {
                self.ready = ready;
                if let Some(smsc) = &self.smsc {
                    self.ready["smsc"] = json!({ "smpp": smsc.smpp, "control": smsc.control });
                }
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

fn spawn(programs: &Path, directory: &Path, arguments: &[String]) -> anyhow::Result<Child> {
    let path = directory.join("local.log");
    let output = std::fs::File::options().create(true).append(true).open(path)?;
    Command::new(programs.join("local"))
        .arg("run")
        .args(["--state".as_ref(), directory.join("state").as_os_str()])
        .args(["--ready-file".as_ref(), directory.join(READY_FILE).as_os_str()])
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("local is not built: cargo build --workspace --bins")
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
