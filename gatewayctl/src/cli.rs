//! The arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::message::Priority;
use wire::submit_journal::Word;

use crate::times::{Day, Since};

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
    /// Messages from handsets.
    #[command(subcommand)]
    Mo(MoCommand),
    /// Providers.
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Submits whose fate is unknown: the provider may have taken them, or not.
    #[command(subcommand)]
    Doubts(DoubtsCommand),
    /// Records that a program could not process.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Show what happened to a message: when, where, at which provider, under which ids, and why.
    Message(Message),
    /// List the messages of a customer or of a handset on one day, the earliest first.
    Messages(Messages),
}

/// Arguments of `message`.
#[derive(Debug, Args)]
pub struct Message {
    /// The id that the customer was given, of the message or of one of its parts.
    pub id: String,
    /// How it is shown.
    #[command(flatten)]
    pub form: Form,
}

/// Arguments of `messages`.
#[derive(Debug, Args)]
pub struct Messages {
    /// Of this customer.
    #[arg(long, required_unless_present = "destination", conflicts_with = "destination")]
    pub customer: Option<String>,
    /// To (or from) the handset with this number, international.
    #[arg(long, value_name = "NUMBER")]
    pub destination: Option<String>,
    /// Accepted on this day (UTC), as 2026-11-21; today by default.
    #[arg(long)]
    pub day: Option<Day>,
    /// So many at most.
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
    /// How they are shown.
    #[command(flatten)]
    pub form: Form,
}

/// How messages are shown: as text for people, as JSON, or as a stream of events with the columns
/// time,event,message,customer,provider,source,destination,provider id,detail.
#[derive(Debug, Clone, Copy, Args)]
pub struct Form {
    /// One line of CSV for each event.
    #[arg(long, conflicts_with = "lines")]
    pub csv: bool,
    /// One line of JSON for each event.
    #[arg(long)]
    pub lines: bool,
    /// Numbers in full, for who may see them.
    #[arg(long)]
    pub numbers: bool,
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

/// Questions about messages from handsets.
#[derive(Debug, Subcommand)]
pub enum MoCommand {
    /// Whose a handset's message would be, and why nobody else's.
    Explain(ExplainMo),
}

/// Arguments of `mo explain`.
#[derive(Debug, Args)]
pub struct ExplainMo {
    /// The number that the handset writes to.
    #[arg(long)]
    pub number: String,
    /// The provider that brings the message.
    #[arg(long)]
    pub provider: String,
    /// Its text.
    #[arg(long, default_value = "")]
    pub text: String,
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

/// Providers.
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Send nothing more of what waits for a provider now: it ends as drained, and goes to the next
    /// provider of its route. What is routed there later is sent: to stop that too, take the
    /// provider out of the routes first (`apply`).
    Drain {
        /// The provider's id.
        provider: String,
    },
}

/// Doubts.
#[derive(Debug, Subcommand)]
pub enum DoubtsCommand {
    /// List the doubts of all slots. Those in state `held` wait for `doubts resolve`; the others
    /// need nothing and leave the list when the slot's journal is summed up.
    List(ListDoubts),
    /// Say what is to become of a held doubt. Said again, it changes nothing.
    Resolve(Resolve),
}

/// Arguments of `doubts list`.
#[derive(Debug, Args)]
pub struct ListDoubts {
    /// Only of this provider.
    #[arg(long)]
    pub provider: Option<String>,
    /// Only of this slot.
    #[arg(long)]
    pub slot: Option<u32>,
    /// Only what waits for `doubts resolve`.
    #[arg(long)]
    pub held: bool,
}

/// Arguments of `doubts resolve`.
#[derive(Debug, Args)]
pub struct Resolve {
    /// What is to be done.
    pub word: WordArgument,
    /// The slot, as `doubts list` tells it.
    #[arg(long)]
    pub slot: u32,
    /// The intent, as `doubts list` tells it.
    #[arg(long)]
    pub intent: u64,
    /// Only this message's parts.
    #[arg(long, value_name = "ID")]
    pub message: Option<String>,
    /// Only this part of the message, from 0.
    #[arg(long, requires = "message")]
    pub part: Option<u16>,
    /// Every part that the intent covers, if it is more than one.
    #[arg(long, conflicts_with = "message")]
    pub all: bool,
}

/// An operator's word.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum WordArgument {
    /// Send it again: the handset gets it twice if the provider took the first one.
    Resend,
    /// Do not send it again: the handset never gets it if the provider did not take the first one.
    Drop,
}

impl From<WordArgument> for Word {
    fn from(word: WordArgument) -> Self {
        match word {
            WordArgument::Resend => Self::Resend,
            WordArgument::Drop => Self::Drop,
        }
    }
}

/// Dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List dead letters, the oldest first. Shows where each was read and why it was given up,
    /// never its content.
    List(ListLetters),
    /// Put records back on the topics where they were read, once the cause is mended. A record
    /// is delivered at least once: redriven again, it is delivered again.
    Redrive(Redrive),
}

/// Arguments of `dead-letters list`.
#[derive(Debug, Args)]
pub struct ListLetters {
    /// Only of records that were read from this topic.
    #[arg(long)]
    pub topic: Option<String>,
    /// Given up since then: so long ago (90s, 30m, 2h, 7d) or a time (2026-11-21T08:00:00Z).
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub since: Since,
    /// So many at most (1 to 1000).
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

/// Arguments of `dead-letters redrive`.
#[derive(Debug, Args)]
pub struct Redrive {
    /// Ids, as `dead-letters list` tells them: 0/17.
    #[arg(required_unless_present = "topic", conflicts_with_all = ["topic", "since", "limit"])]
    pub ids: Vec<String>,
    /// All of this topic since --since, up to --limit, the oldest first.
    #[arg(long, requires = "since")]
    pub topic: Option<String>,
    /// Given up since then: so long ago (90s, 30m, 2h, 7d) or a time (2026-11-21T08:00:00Z).
    #[arg(long, value_name = "TIME", requires = "topic")]
    pub since: Option<Since>,
    /// So many at most (1 to 1000).
    #[arg(long, default_value_t = 100, requires = "topic")]
    pub limit: usize,
    /// Do not ask whether to redrive what --topic and --since choose.
    #[arg(long)]
    pub yes: bool,
}
