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
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    esme::{self, Account, Link},
    socket::{IDLE, Step},
};

#[derive(Clone, Debug)]
pub struct Options {
    pub account: Account,
    pub connections: usize,
    /// They come one after the other, spread over this time; zero: as fast as they can be made.
    pub over: Duration,
    pub duration: Duration,
    /// In place of binding: send the bind with so much time from octet to octet, over and over.
    pub dribble: Option<Duration>,
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
/// From one attempt of a connection to its next, at least.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Holds the connections for the duration; `up` is told how many there are, as they come.
/// Errors: a bind that does not fit into its PDU.
pub async fn run(options: Options, up: watch::Sender<usize>) -> anyhow::Result<Report> {
    let plain = options.account.tls.is_none();
    ensure!(options.dribble.is_none() || plain, "dribbling is done without TLS");
    ensure!(options.dribble != Some(Duration::ZERO), "there must be time between two octets");
    options.account.bind_request()?;
    let begin = Instant::now();
    let end = begin + options.duration;
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
        let first = begin + wait_of(index, options.connections, options.over);
        // At the end the sockets are closed without a word, as customers do that go away.
        tasks.spawn(timeout_at(end, one.hold(first)));
    }
    sleep_until(end).await;
    let report = counts.report(options.connections);
    tasks.shutdown().await;
    Ok(report)
}

struct One {
    account: Account,
    from: Option<IpAddr>,
    dribble: Option<Duration>,
    counts: Arc<Counts>,
    connecting: Arc<Semaphore>,
    up: Arc<watch::Sender<usize>>,
}

impl One {
    /// Whoever was closed after a while comes again at once, so that their number stays; whoever is
    /// not let in does not knock without end.
    async fn hold(self, first: Instant) {
        let mut next = first;
        loop {
            sleep_until(next).await;
            next = Instant::now() + AGAIN_AFTER;
            match self.connect().await {
                Err(error) => self.counts.failed(&error),
                Ok(mut link) => {
                    self.up.send_replace(self.counts.came());
                    match self.dribble {
                        Some(every) => self.dribble(&mut link, every).await,
                        None => stay(&mut link).await,
                    }
                    self.up.send_replace(self.counts.went());
                }
            }
        }
    }

    async fn connect(&self) -> anyhow::Result<Link> {
        let _permit = self.connecting.acquire().await?;
        let mut link = self.account.connect(self.from, IDLE).await?;
        if self.dribble.is_none() {
            self.account.bind(&mut link).await?;
        }
        Ok(link)
    }

    /// An octet of the bind now and then, until the other side closes.
    async fn dribble(&self, link: &mut Link, every: Duration) {
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
                    next += every;
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

/// How long this one of so many waits before it connects for the first time.
fn wait_of(index: usize, connections: usize, over: Duration) -> Duration {
    over.mul_f64(index as f64 / connections.max(1) as f64)
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
    fn connections_come_evenly_over_the_time_they_have() {
        let over = |over| [0, 1, 3].map(|index| wait_of(index, 4, over).as_secs());
        assert_eq!(over(Duration::from_secs(8)), [0, 2, 6]);
        assert_eq!(over(Duration::ZERO), [0, 0, 0]);
    }

    #[test]
    fn connections_come_from_as_many_addresses_as_asked() {
        assert_eq!(source(0, 7), None);
        let addresses: Vec<String> =
            (0..4).map(|index| source(3, index).unwrap().to_string()).collect();
        assert_eq!(addresses, ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.2"]);
    }
}
