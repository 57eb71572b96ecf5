//! A simulated provider beside a gateway: it lives on when the gateway is killed.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

const START_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A provider that runs; dropping it ends it.
#[derive(Debug)]
pub struct Smsc {
    child: Child,
    /// Where senders bind.
    pub smpp: String,
    /// Its control port.
    pub control: String,
}

impl Smsc {
    /// Starts it on port `base` and the next, with more arguments of `simulator smsc`. It takes the
    /// account of the sample configuration.
    ///
    /// # Errors
    /// It does not listen.
    pub fn start(programs: &Path, base: u16, arguments: &[&str]) -> anyhow::Result<Self> {
        let [smpp, control] = [base, base + 1].map(|port| format!("127.0.0.1:{port}"));
        let child = Command::new(programs.join("simulator"))
            .args(["smsc", "--listen", &smpp, "--control", &control])
            .args(["--system-id=gateway", "--password=secret"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("the simulator is not built")?;
        let smsc = Self { child, smpp, control };
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect(&smsc.control).is_err() {
            ensure!(Instant::now() < deadline, "the provider does not listen");
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(smsc)
    }
}

impl Drop for Smsc {
    fn drop(&mut self) {
        // Ended already, or ended now.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
