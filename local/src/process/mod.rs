//! Child processes that cannot outlive us: each in its own group, killed by the kernel when we die,
//! its output in a file.

mod backoff;
mod part;
mod roster;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

pub use backoff::Backoff;
pub use part::Part;
pub use roster::{Parts, Roster, Status};

/// A log that has grown beyond this is begun anew at the next start.
const LOG_MAX: u64 = 32 * 1024 * 1024;

/// Starts children.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The program `local` itself, which becomes the child (see [`become_child`]).
    pub runner: PathBuf,
    /// Directory of the log files.
    pub logs: PathBuf,
    /// Told what becomes of parts.
    pub roster: Roster,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Name of the log file.
    pub name: String,
    /// Program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment, on top of `PATH` and `HOME`; nothing else is inherited.
    pub environment: Vec<(String, String)>,
}

impl Launcher {
    /// Starts a child. Must be called on a thread that lives as long as this program (a worker of the
    /// runtime, not its blocking pool): the kernel kills the child when the thread that started it ends.
    ///
    /// # Errors
    /// The log cannot be written or the runner not be started.
    pub fn start(&self, launch: &Launch) -> io::Result<Running> {
        let log = self.log(&launch.name)?;
        let mut command = self.command(&launch.program, &launch.arguments);
        command
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command.spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.ok_or_else(|| io::Error::other("it ended at once"))?;
        Ok(Running { child, group: Group(Pid::from_raw(group)) })
    }

    /// A child that ends with this program (see [`Launcher::start`] for the thread), with `PATH` and
    /// `HOME` as its environment and nothing to read.
    #[must_use]
    pub fn command(&self, program: &Path, arguments: &[OsString]) -> Command {
        let inherited = ["PATH", "HOME", "JAVA_HOME"].into_iter();
        let mut command = Command::new(&self.runner);
        command
            .arg("child")
            .arg(std::process::id().to_string())
            .arg(program)
            .args(arguments)
            .env_clear()
            .envs(inherited.filter_map(|name| std::env::var_os(name).map(|value| (name, value))))
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Path of a log file.
    #[must_use]
    pub fn log_path(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    fn log(&self, name: &str) -> io::Result<File> {
        std::fs::create_dir_all(&self.logs)?;
        let path = self.log_path(name);
        if path.metadata().is_ok_and(|data| data.len() > LOG_MAX) {
            std::fs::remove_file(&path)?;
        }
        OpenOptions::new().create(true).append(true).open(path)
    }
}

/// A child that runs. Dropping it kills its group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Group,
}

impl Running {
    /// Process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.group.0.as_raw()
    }

    /// Its group, to send signals to.
    #[must_use]
    pub fn group(&self) -> Group {
        self.group
    }

    /// Waits for its end and says how it ended.
    pub async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Whether it has ended already.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it and waits for its end: from then on it does nothing any more.
    pub async fn kill(&mut self) {
        if !self.has_ended() {
            self.group.signal(Signal::SIGKILL);
            let _how = self.ended().await;
        }
    }

    /// Asks it to end (SIGTERM) and kills it when it has not within `patience`.
    pub async fn stop(mut self, patience: Duration) -> String {
        self.group.signal(Signal::SIGTERM);
        self.group.signal(Signal::SIGCONT);
        match tokio::time::timeout(patience, self.ended()).await {
            Ok(how) => how,
            Err(_) => {
                self.group.signal(Signal::SIGKILL);
                format!("killed after {} s: {}", patience.as_secs(), self.ended().await)
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Reaped children have no id any more: their number may be somebody else's by now.
        if self.child.id().is_some() {
            self.group.signal(Signal::SIGKILL);
        }
    }
}

/// A process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group(Pid);

impl Group {
    /// Sends a signal to all of it; it may have ended.
    pub fn signal(self, signal: Signal) {
        if let Err(error) = killpg(self.0, signal) {
            tracing::debug!(event = "signal_lost", group = self.0.as_raw(), %signal, %error);
        }
    }
}

/// Becomes `program`, bound to the life of its parent: the kernel kills it when the parent ends,
/// however that ends (`PR_SET_PDEATHSIG`, prctl(2); it survives exec).
///
/// # Errors
/// The program cannot be started, or the parent has ended already.
pub fn become_child(parent: i32, program: &Path, arguments: &[OsString]) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if nix::unistd::getppid().as_raw() != parent {
        return Err(io::Error::other("the parent has ended"));
    }
    Err(std::process::Command::new(program).args(arguments).exec())
}
