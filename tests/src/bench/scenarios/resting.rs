//! What it costs to be there: starting, idling, holding binds, and the one pure figure.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Reading;
use crate::bench::processes::{self, Snapshot};
use crate::bench::running::{NUMBERS, Setting, end, now_us, pid, pid_at};
use crate::stack::Stack;

/// Until all binds are up: a handshake takes both sides about a millisecond.
const BINDS_MAX: Duration = Duration::from_secs(180);
/// Customers `holder-0` … of `bench/binds.yaml`; one may have 1,000 binds.
const HOLDERS: u64 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A routing decision over 100,000 prefixes and 1,000 customers (example `route_lookup`).
pub(super) fn route_lookup(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let program = setting.programs.join("examples/route_lookup");
    setting.each_run(|_| {
        let output = Command::new(&program).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("{} is not built", program.display()))?;
        anyhow::ensure!(output.status.success(), "route_lookup ended with {}", output.status);
        let said = String::from_utf8_lossy(&output.stdout);
        let ns = decided_ns(&said).with_context(|| format!("no time in: {said}"))?;
        Ok(vec![("route_lookup_ns_100k", ns)])
    })
}

/// `decide: 321 ns, 99 % routed`
fn decided_ns(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("decide: "))?;
    line.split_once(" ns")?.0.parse().ok()
}

/// From the start of `local run` on an empty directory to the first message at the provider.
pub(super) fn start(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    setting.each_run(|_| {
        let started_us = now_us();
        let (stack, arrived_us) = first_message(setting)?;
        end(stack);
        let seconds = arrived_us.saturating_sub(started_us) as f64 / 1e6;
        Ok(vec![("start_to_first_arrival_s", seconds)])
    })
}

/// Everything as `make run` starts it, with nothing to do.
pub(super) fn idle(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    setting.each_run(|_| {
        let (stack, _) = first_message(setting)?;
        std::thread::sleep(Duration::from_secs(setting.seconds(30)));
        let root = pid(&stack)?;
        let (before, since) = (Snapshot::of_tree(root)?, Instant::now());
        std::thread::sleep(Duration::from_secs(setting.seconds(60)));
        let used = Snapshot::of_tree(root)?.since(&before)?;
        let took = since.elapsed();
        let memory_kib = processes::tree_pss_kib(root)?;
        end(stack);
        let busy: Duration = used.values().sum();
        Ok(vec![
            ("idle_rss_mb", memory_kib as f64 * 1024.0 / 1e6),
            ("idle_cpu_pct", busy.as_secs_f64() / took.as_secs_f64() * 100.0),
        ])
    })
}

/// A gateway as `make run` starts it, and when its first message arrived.
fn first_message(setting: &Setting) -> anyhow::Result<(Stack, u64)> {
    let stack = setting.start(&[NUMBERS])?;
    stack.load(["--count=1", "--run=1", "--destinations=4930", "--deadline=30"])?;
    let arrived = stack.await_run(1, 1)?;
    Ok((stack, arrived.first_us))
}

/// Memory of the edge for each bind over TLS that does nothing.
pub(super) fn tls_bind(setting: &Setting) -> anyhow::Result<Vec<Reading>> {
    let each = setting.count(10_000) / HOLDERS;
    processes::ensure_descriptors(each * HOLDERS)?;
    setting.each_run(|_| Ok(vec![("tls_bind_kib", tls_bind_once(setting, each)?)]))
}

fn tls_bind_once(setting: &Setting, each: u64) -> anyhow::Result<f64> {
    let files = tempfile::TempDir::with_prefix("gateway-bench-")?;
    let (certificate, key) = certificate(files.path())?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let environment = [
        format!("--env=SMPP_TLS_LISTEN={address}"),
        format!("--env=SMPP_TLS_CERTIFICATE={}", certificate.display()),
        format!("--env=SMPP_TLS_KEY={}", key.display()),
        // All come from one address.
        "--env=UNBOUND_PER_ADDRESS_MAX=1000".to_owned(),
    ];
    let environment = environment.each_ref().map(String::as_str);
    let stack = setting.edge_only("bench/binds.yaml", &environment)?;
    let edge = pid_at(&stack, "/edge/0/pid")?;
    let directory = files.path();
    let binds = Binds { stack: &stack, address: &address, authority: &certificate, directory };
    // What is taken once (the producer, the check of each password) is not a bind's.
    stack.load(["--count=1000"])?;
    drop(binds.hold(1)?);
    let before_kib = processes::pss_kib(edge)?;
    let held = binds.hold(each)?;
    let after_kib = processes::pss_kib(edge)?;
    drop(held);
    end(stack);
    Ok(after_kib.saturating_sub(before_kib) as f64 / (each * HOLDERS) as f64)
}

/// A certificate for 127.0.0.1 that signed itself, and its key: two files.
fn certificate(directory: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    Ok((certificate, key))
}

/// Where binds are held, and with which files.
struct Binds<'a> {
    stack: &'a Stack,
    address: &'a str,
    /// Whom to trust.
    authority: &'a Path,
    /// For the files that say that all are up.
    directory: &'a Path,
}

impl Binds<'_> {
    /// Holds so many binds of each customer.
    fn hold(&self, each: u64) -> anyhow::Result<Held> {
        let ready = |customer: u64| self.directory.join(format!("up-{each}-{customer}"));
        let mut held = Held(Vec::new());
        for customer in 0..HOLDERS {
            let mut command =
                self.stack.customer("idle", self.address, &format!("holder-{customer}"));
            command.arg(format!("--connections={each}"));
            command.arg(format!("--seconds={}", 2 * BINDS_MAX.as_secs()));
            command.arg("--tls").arg(self.authority);
            command.arg("--ready-file").arg(ready(customer));
            held.0.push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        }
        let deadline = Instant::now() + BINDS_MAX;
        while !(0..HOLDERS).all(|customer| ready(customer).exists()) {
            held.are_running()?;
            let late = Instant::now() > deadline;
            anyhow::ensure!(!late, "not all binds were up after {BINDS_MAX:?}");
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(held)
    }
}

/// Processes that hold binds; they go when this is dropped.
struct Held(Vec<Child>);

impl Held {
    fn are_running(&mut self) -> anyhow::Result<()> {
        for child in &mut self.0 {
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("simulator idle ended with {status}");
            }
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Ended already, or ended now.
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_decision_is_read_from_what_the_example_prints() {
        assert_eq!(decided_ns("compile: 1.2s\ndecide: 321 ns, 99 % routed\n"), Some(321.0));
        assert_eq!(decided_ns("compile: 1.2s\n"), None);
    }
}
