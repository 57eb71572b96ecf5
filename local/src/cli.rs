//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::options::Options;
use crate::{process, serve, stack};

/// The whole message gateway on one machine, from template.yaml.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts everything, says how to use it, and stays until Ctrl-C.
    Run(Box<Options>),
    /// Serves DynamoDB's API (a part of `run`).
    Store {
        /// Where.
        #[arg(long)]
        listen: SocketAddr,
        /// File that keeps the tables; none: they are in memory.
        #[arg(long)]
        path: Option<PathBuf>,
    },
    /// Serves SQS's API from memory (a part of `run`).
    Queues {
        /// Where.
        #[arg(long)]
        listen: SocketAddr,
        /// Region in ARNs.
        #[arg(long, default_value = stack::REGION)]
        region: String,
        /// File with the queues to make: `[{"QueueName": …, "Attributes": {…}}]`.
        #[arg(long)]
        declared: Option<PathBuf>,
    },
    /// Becomes another program that ends with its parent (how `run` starts its parts).
    #[command(hide = true)]
    Child {
        /// Process id of the parent.
        parent: i32,
        /// What to become, and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Child { parent, command } => become_child(parent, &command),
        command => serve_command(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn become_child(parent: i32, command: &[OsString]) -> anyhow::Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        anyhow::bail!("child of what?");
    };
    let became = process::become_child(parent, program.as_ref(), arguments);
    became.map_err(|error| anyhow::anyhow!("{}: {error}", program.display()))
}

fn serve_command(command: Command) -> anyhow::Result<()> {
    log();
    // The workers live as long as the program: they are the parents of our children.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // The main thread starts no children: it only waits for the task on a worker.
    runtime.block_on(async {
        let served = match command {
            Command::Run(options) => tokio::spawn(stack::run(*options)),
            Command::Store { listen, path } => {
                tokio::spawn(async move { serve::store(listen, path.as_deref()).await })
            }
            Command::Queues { listen, region, declared } => tokio::spawn(async move {
                serve::queues(listen, &region, crate::ACCOUNT, declared.as_deref()).await
            }),
            Command::Child { .. } => return Ok(()),
        };
        served.await?
    })
}

fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start keeps the first one's settings.
    let _already_started = logs.compact().try_init();
}

#[allow(clippy::print_stderr, reason = "a command line speaks to its user")]
fn say_error(error: &anyhow::Error) {
    eprintln!("local: {error:#}");
}
