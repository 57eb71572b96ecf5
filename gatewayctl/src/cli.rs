//! The arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::message::Priority;

/// Tells the message gateway what to do, and shows what it does.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Cli {
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Where the gateway is.
    #[command(flatten)]
    pub gateway: Gateway,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the gateway is, and who we are there.
#[derive(Debug, Args)]
pub struct Gateway {
    /// Address of the admin API.
    #[arg(long, global = true, env = "GATEWAY_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// File with the token of a gateway on one machine; without it requests are signed with the
    /// AWS identity of the environment (SigV4).
    #[arg(long, global = true, env = "GATEWAY_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check configuration files without a gateway.
    Validate(Files),
    /// Show what the files would change, and what that touches. Changes nothing.
    Plan(Files),
    /// Put the files into force as a new version.
    Apply(Apply),
    /// Show the configuration in force, or an earlier version.
    Show {
        /// The version.
        version: Option<u64>,
    },
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
    /// Read a password (8 characters at most) from standard input and print its hash.
    HashPassword,
    /// Ask the routing table.
    #[command(subcommand)]
    Route(RouteCommand),
}

/// Configuration files; several count as one document.
#[derive(Debug, Args)]
pub struct Files {
    /// YAML files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The files.
    #[command(flatten)]
    pub files: Files,
    /// The version that `plan` was made against (0: none yet). Refused if another one came into
    /// force since. Without it, the version that is in force now.
    #[arg(long, value_name = "VERSION")]
    pub planned_against: Option<u64>,
}

/// Questions to the routing table.
#[derive(Debug, Subcommand)]
pub enum RouteCommand {
    /// Where a message would go, and why no other route was chosen.
    Explain(Explain),
}

/// Arguments of `route explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Customer.
    #[arg(long)]
    pub customer: String,
    /// Sender id.
    #[arg(long)]
    pub sender: String,
    /// Destination, international.
    #[arg(long)]
    pub destination: String,
    /// Queue that the message asks for.
    #[arg(long, default_value = "normal")]
    pub priority: Queue,
    /// Time of acceptance, Unix milliseconds; now by default.
    #[arg(long)]
    pub at_ms: Option<u64>,
    /// Id of a message: its choice by weight is shown.
    #[arg(long)]
    pub message: Option<String>,
    /// Provider that was tried before; may be repeated.
    #[arg(long)]
    pub tried: Vec<String>,
    /// Configuration version; the one in force by default.
    #[arg(long)]
    pub version: Option<u64>,
}

/// A queue.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Queue {
    High,
    Normal,
    Bulk,
}

impl From<Queue> for Priority {
    fn from(queue: Queue) -> Self {
        match queue {
            Queue::High => Self::High,
            Queue::Normal => Self::Normal,
            Queue::Bulk => Self::Bulk,
        }
    }
}
