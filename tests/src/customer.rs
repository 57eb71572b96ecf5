//! A customer that a test leads by the hand: what it submits, and what it is answered when.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::BytesMut;
use simulator::esme::{Account, Link, answer_request};
use simulator::socket::{IDLE, Step};
use smpp::frame::Cut;
use smpp::pdu::{self, BindMode, Npi, Ton};
use smpp::{Address, CommandStatus, Cutter, Octets, Pdu, Submit};

/// The account of a customer of `local/config.yaml`, for the edge at `target`.
#[must_use]
pub fn account(target: &str, system_id: &str, password: &str) -> Account {
    Account {
        target: target.to_owned(),
        tls: None,
        system_id: system_id.to_owned(),
        password: password.to_owned(),
        mode: BindMode::Transceiver,
    }
}

/// An answer to a submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// To which.
    pub sequence: u32,
    /// What it says.
    pub status: CommandStatus,
    /// When it came.
    pub at: Instant,
}

/// A bound customer.
pub struct Customer {
    link: Link,
    output: BytesMut,
    sequence: u32,
}

impl std::fmt::Debug for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Customer({} submits)", self.sequence)
    }
}

impl Customer {
    /// Connects, from an address if one is given, and binds.
    ///
    /// # Errors
    /// Refused, or no answer in ten seconds.
    pub async fn bind(account: &Account, from: Option<IpAddr>) -> anyhow::Result<Self> {
        let mut link = account.connect(from, IDLE).await?;
        account.bind(&mut link).await?;
        Ok(Self { link, output: BytesMut::new(), sequence: 1 })
    }

    /// A submit to write: returns its sequence number. [`Customer::answers`] writes it.
    ///
    /// # Errors
    /// A field does not fit.
    pub fn submit(&mut self, submit: &Submit) -> anyhow::Result<u32> {
        self.sequence += 1;
        pdu::submit_sm(&mut self.output, self.sequence, submit).context("a submit that fits")?;
        Ok(self.sequence)
    }

    /// Any request to write, as [`Customer::submit`].
    ///
    /// # Errors
    /// A field does not fit.
    pub fn request(&mut self, request: &Pdu) -> anyhow::Result<u32> {
        self.sequence += 1;
        pdu::encode(&mut self.output, CommandStatus::EsmeRok, self.sequence, request)
            .context("a request that fits")?;
        Ok(self.sequence)
    }

    /// Writes what is to be written and reads answers until there are `count`, or `within` is over.
    ///
    /// # Errors
    /// The edge closed the connection.
    pub async fn answers(&mut self, count: usize, within: Duration) -> anyhow::Result<Vec<Answer>> {
        let deadline = Instant::now() + within;
        let mut answers = Vec::new();
        while answers.len() < count {
            match self.link.step(&mut self.output, true, Some(deadline)).await {
                Step::Wrote => {}
                Step::Deadline => break,
                Step::Closed => anyhow::bail!("the edge closed the connection"),
                Step::Read => {
                    while let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(self.link.input())
                    {
                        let header = &frame.header;
                        if !header.id.is_response() {
                            answer_request(&frame, &mut self.output);
                            continue;
                        }
                        let (sequence, status) = (header.sequence, header.status.into());
                        answers.push(Answer { sequence, status, at: Instant::now() });
                    }
                }
            }
        }
        Ok(answers)
    }
}

/// A text from an alphanumeric sender to a number.
#[must_use]
pub fn text(source: &str, destination: &str, text: &[u8]) -> Submit {
    let address = |ton, npi, addr: &str| Address { ton, npi, addr: addr.into() };
    Submit {
        source: address(Ton::Alphanumeric, Npi::Unknown, source),
        destination: address(Ton::International, Npi::Isdn, destination),
        message: Octets::from(text.to_vec()),
        ..Submit::default()
    }
}

/// Raises this process's limit of open files as far as it may, and that of what it starts from now
/// on; what it is then.
///
/// # Errors
/// There is no `prlimit` (util-linux), or no /proc.
pub fn raise_open_files() -> anyhow::Result<usize> {
    let own = std::process::id().to_string();
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let hard = limits.lines().find(|line| line.starts_with("Max open files"));
    let hard = hard.and_then(|line| line.split_whitespace().nth(4)).context("no limit")?;
    let status = std::process::Command::new("prlimit")
        .args(["--pid", &own, &format!("--nofile={hard}:{hard}")])
        .status()?;
    anyhow::ensure!(status.success(), "prlimit: {status}");
    Ok(hard.parse().unwrap_or(usize::MAX))
}
