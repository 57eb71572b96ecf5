//! Which ports of loopback the parts listen on.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Where customers bind.
pub const SMPP: u16 = 2775;
/// Where the simulated provider listens.
pub const SMSC: u16 = 2776;
/// Control port of the simulated provider.
pub const SMSC_CONTROL: u16 = 2777;
/// First broker; each has two.
pub const KAFKA: u16 = 9092;
/// Tables.
pub const STORE: u16 = 8000;
/// Queues.
pub const QUEUES: u16 = 9324;
/// The admin API.
pub const ADMIN: u16 = 8080;
/// First health check of services.
pub const HEALTH: u16 = 8090;

/// How ports are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// The usual ones, which people know.
    Usual,
    /// Counting up.
    From(u16),
    /// Whatever is free, none of these.
    Free(BTreeSet<u16>),
}

/// Below what the system gives to outgoing connections: nobody takes a port between our look and the
/// part's start (ip(7), `ip_local_port_range`).
const FREE: std::ops::Range<u16> = 10_000..32_000;
const TRIES: usize = 1_000;
/// How long a port may be held by what is ending.
const ENDING: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Ports {
    /// An address for what usually listens on `usual`.
    ///
    /// # Errors
    /// The port is taken.
    pub fn take(&mut self, usual: u16) -> anyhow::Result<SocketAddr> {
        let port = match self {
            Self::Usual => usual,
            Self::From(next) => {
                let port = *next;
                *next = next.checked_add(1).context("no ports are left above --port-base")?;
                port
            }
            Self::Free(given) => return free(given),
        };
        listen_soon(port)
            .with_context(|| format!("port {port} is taken; see --free-ports and --port-base"))
    }
}

/// A run that was killed leaves parts behind that need a moment to end. Blocks the thread meanwhile:
/// nothing runs yet.
fn listen_soon(port: u16) -> std::io::Result<SocketAddr> {
    let deadline = Instant::now() + ENDING;
    loop {
        match listen(port) {
            Err(_) if Instant::now() < deadline => std::thread::sleep(LOOK_EVERY),
            listening => return listening,
        }
    }
}

fn listen(port: u16) -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()
}

fn free(given: &mut BTreeSet<u16>) -> anyhow::Result<SocketAddr> {
    let mut ports = (0..TRIES).map(|_| fastrand::u16(FREE));
    let found = ports.find_map(|port| listen(port).ok().filter(|_| given.insert(port)));
    found.with_context(|| format!("no port of {FREE:?} is free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Ports::Usual.take(port).unwrap_err().to_string();
        assert!(error.contains(&port.to_string()), "{error}");
        assert!(Ports::Free(BTreeSet::new()).take(port).is_ok());
    }

    #[test]
    fn a_port_that_is_free_in_a_moment_is_waited_for() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let (told, tell) = std::sync::mpsc::sync_channel(0);
        let ending = std::thread::spawn(move || {
            told.send(()).unwrap();
            drop(taken);
        });
        tell.recv().unwrap();
        assert!(Ports::Usual.take(port).is_ok());
        ending.join().unwrap();
    }

    #[test]
    fn a_free_port_is_given_once() {
        let mut ports = Ports::Free(BTreeSet::new());
        let given: BTreeSet<_> = (0..500).map(|_| ports.take(0).unwrap().port()).collect();
        assert_eq!(given.len(), 500);
    }
}
