//! The command line: what each subcommand takes, and how its result is shown. A person reads
//! standard error; standard output is one line of JSON.

mod idle;
mod load;
mod smsc;

use std::{future::Future, io::Write, path::Path};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use simulator::{esme::Account, smsc::settings::ErrorRate, tls};
use smpp::pdu::BindMode;

/// A provider (SMSC) and a load of customers, to run, test and measure an SMS gateway.
///
/// Each subcommand tells a person on standard error what it did, and prints one line of JSON on
/// standard output at its end.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Smsc(smsc::SmscArgs),
    Load(load::LoadArgs),
    Idle(idle::IdleArgs),
}

/// Whom to bind to, and as whom.
#[derive(Args, Clone)]
pub(crate) struct AccountArgs {
    /// Where to connect.
    #[arg(long, value_name = "HOST:PORT")]
    connect: String,
    /// At most 15 octets.
    #[arg(long)]
    system_id: String,
    /// At most 8 octets.
    #[arg(long, env = "SIMULATOR_PASSWORD", hide_env_values = true)]
    password: String,
    /// Use TLS, and trust the certificates in this PEM file.
    #[arg(long, value_name = "CA.pem")]
    tls: Option<std::path::PathBuf>,
    /// What to bind as.
    #[arg(long, value_enum, default_value_t = Mode::Transceiver)]
    bind_mode: Mode,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Transmitter,
    Receiver,
    Transceiver,
}

impl AccountArgs {
    fn account(self) -> anyhow::Result<Account> {
        Ok(Account {
            target: self.connect,
            tls: self.tls.as_deref().map(tls::connector).transpose()?,
            system_id: self.system_id,
            password: self.password,
            mode: match self.bind_mode {
                Mode::Transmitter => BindMode::Transmitter,
                Mode::Receiver => BindMode::Receiver,
                Mode::Transceiver => BindMode::Transceiver,
            },
        })
    }
}

impl std::fmt::Debug for AccountArgs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AccountArgs")
            .field("connect", &self.connect)
            .finish_non_exhaustive()
    }
}

pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Smsc(args) => block_on(args.threads, args.run()),
        Command::Load(args) => block_on(args.threads, args.run()),
        Command::Idle(args) => block_on(1, args.run()),
    }
}

/// With one thread nothing moves between cores, which is the lightest for a machine that is shared
/// with what is measured.
fn block_on(
    threads: usize,
    program: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut builder = match threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.worker_threads(threads.max(1)).enable_all().build()?.block_on(program)
}

/// `0x45:0.01` or `69:0.01`.
fn error_rate(text: &str) -> Result<ErrorRate, String> {
    let (status, share) = text.split_once(':').ok_or("expected STATUS:SHARE")?;
    let status = smpp::status::from_name(status).ok_or("no such status")?;
    let probability = share.parse().map_err(|_| "the share is a number from 0 to 1")?;
    Ok(ErrorRate { status: status.into(), probability })
}

/// Prints one line of JSON.
fn print(report: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    std::io::stdout().write_all(&line).context("cannot write to standard output")
}

/// Writes a file that is seen whole or not at all: others wait for it.
fn write_whole(path: &Path, content: &impl Serialize) -> anyhow::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let written = std::fs::write(&part, serde_json::to_vec(content)?)
        .and_then(|()| std::fs::rename(&part, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}
