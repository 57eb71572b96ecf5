//! Thousands of connections that hardly do anything: bound and silent, or never whole with their
//! bind. For memory per bind, and to see that slow sockets slow nobody else down.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use smpp::{Cutter, frame::Cut};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    esme::{self, Account, Link},
    socket::{IDLE, Step},
};

#[derive(Clone, Debug)]
pub struct Options {
    pub account: Account,
    pub connections: usize,
    pub duration: Duration,
    /// Send the bind at an octet per second, over and over.
    pub dribble: bool,
    /// Loopback addresses to come from, 127.0.0.2 on; 0: as the system chooses.
    pub sources: u8,
}

/// How many connections there were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub wanted: usize,
    /// The most that were up at one time: bound, or connected if they dribble.
    pub up_max: usize,
    /// At the end.
    pub up: usize,
    /// Connections or binds that failed.
    pub failed: u64,
    /// Why the first one failed.
    pub first_failure: Option<String>,
    /// Closed by the other side after they were up.
    pub closed: u64,
}

#[derive(Debug, Default)]
struct Counts {
    up: AtomicUsize,
    up_max: AtomicUsize,
    failed: AtomicU64,
    first_failure: OnceLock<String>,
    closed: AtomicU64,
}

/// Connections that are being made at one time: a TLS handshake costs both sides.
const CONNECTING_MAX: usize = 64;
const OCTET_EVERY: Duration = Duration::from_secs(1);
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Holds the connections for the duration; `up` is told how many there are, as they come.
/// Errors: a bind that does not fit into its PDU.
pub async fn run(options: Options, up: watch::Sender<usize>) -> anyhow::Result<Report> {
    ensure!(!options.dribble || options.account.tls.is_none(), "dribbling is done without TLS");
    options.account.bind_request()?;
    let end = Instant::now() + options.duration;
    let counts = Arc::new(Counts::default());
    let connecting = Arc::new(Semaphore::new(CONNECTING_MAX));
    let up = Arc::new(up);
    let mut tasks = JoinSet::new();
    for index in 0..options.connections {
        let one = One {
            account: options.account.clone(),
            from: source(options.sources, index),
            dribble: options.dribble,
            counts: Arc::clone(&counts),
            connecting: Arc::clone(&connecting),
            up: Arc::clone(&up),
        };
        // At the end the sockets are closed without a word, as customers do that go away.
        tasks.spawn(timeout_at(end, one.hold()));
    }
    tokio::time::sleep_until(end).await;
    let report = counts.report(options.connections);
    tasks.shutdown().await;
    Ok(report)
}

struct One {
    account: Account,
    from: Option<IpAddr>,
    dribble: bool,
    counts: Arc<Counts>,
    connecting: Arc<Semaphore>,
    up: Arc<watch::Sender<usize>>,
}

impl One {
    async fn hold(self) {
        loop {
            match self.connect().await {
                Err(error) => self.counts.failed(&error),
                Ok(mut link) => {
                    self.up.send_replace(self.counts.came());
                    if self.dribble {
                        self.dribble(&mut link).await
                    } else {
                        stay(&mut link).await
                    }
                    self.up.send_replace(self.counts.went());
                }
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    async fn connect(&self) -> anyhow::Result<Link> {
        let _permit = self.connecting.acquire().await?;
        let mut link = self.account.connect(self.from, IDLE).await?;
        if !self.dribble {
            self.account.bind(&mut link).await?;
        }
        Ok(link)
    }

    /// An octet of the bind every second, until the other side closes.
    async fn dribble(&self, link: &mut Link) {
        let Ok(request) = self.account.bind_request() else { return };
        let mut octets = request.iter().cycle();
        let mut output = BytesMut::new();
        let mut next = std::time::Instant::now();
        loop {
            match link.step(&mut output, true, Some(next)).await {
                Step::Closed => return,
                Step::Read => link.input().clear(),
                Step::Wrote => {}
                Step::Deadline => {
                    output.extend(octets.next());
                    next += OCTET_EVERY;
                }
            }
        }
    }
}

/// Answers what is asked, until the other side goes.
async fn stay(link: &mut Link) {
    let mut output = BytesMut::new();
    loop {
        match link.step(&mut output, true, None).await {
            Step::Closed | Step::Deadline => return,
            Step::Wrote => continue,
            Step::Read => {}
        }
        loop {
            match Cutter::new(Cutter::BOUND).cut(link.input()) {
                Cut::NeedMore => break,
                Cut::BadLength(_) => return,
                Cut::Frame(frame) if frame.header.id.is_response() => {}
                // Whoever says unbind closes, too.
                Cut::Frame(frame) => drop(esme::answer_request(&frame, &mut output)),
            }
        }
    }
}

impl Counts {
    fn failed(&self, error: &anyhow::Error) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.first_failure.get_or_init(|| format!("{error:#}"));
    }

    fn came(&self) -> usize {
        let up = self.up.fetch_add(1, Ordering::Relaxed) + 1;
        self.up_max.fetch_max(up, Ordering::Relaxed);
        up
    }

    fn went(&self) -> usize {
        self.closed.fetch_add(1, Ordering::Relaxed);
        self.up.fetch_sub(1, Ordering::Relaxed) - 1
    }

    fn report(&self, wanted: usize) -> Report {
        Report {
            wanted,
            up_max: self.up_max.load(Ordering::Relaxed),
            up: self.up.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            first_failure: self.first_failure.get().cloned(),
            closed: self.closed.load(Ordering::Relaxed),
        }
    }
}

/// The address that this connection comes from.
fn source(sources: u8, index: usize) -> Option<IpAddr> {
    let place = (index % usize::from(sources.max(1))) as u8;
    (sources > 0).then(|| Ipv4Addr::new(127, 0, 0, place.saturating_add(2)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_come_from_as_many_addresses_as_asked() {
        assert_eq!(source(0, 7), None);
        let addresses: Vec<String> =
            (0..4).map(|index| source(3, index).unwrap().to_string()).collect();
        assert_eq!(addresses, ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.2"]);
    }
}
