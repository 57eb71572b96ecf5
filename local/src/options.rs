//! What `local run` can be told.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::sources::kafka::Odds;

/// A part of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum PartKind {
    /// Brokers.
    Kafka,
    /// DynamoDB's tables.
    Store,
    /// SQS's queues.
    Queues,
    /// Functions and their event sources.
    Functions,
    /// smpp-edge.
    Edge,
    /// provider-sender.
    Sender,
    /// A simulated provider.
    Smsc,
}

/// Options of `local run`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where topics, tables and logs are kept between runs.
    #[arg(long, default_value = ".state/local")]
    pub state: PathBuf,
    /// The template to play.
    #[arg(long, default_value = "template.yaml")]
    pub template: PathBuf,
    /// Values of its parameters (`Name=value`), over its defaults.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub parameters: Vec<(String, String)>,
    /// The first configuration, applied when there is none yet.
    #[arg(long, default_value = "local/config.yaml")]
    pub config: PathBuf,
    /// Directory of the built programs; default: where this one is.
    #[arg(long)]
    pub bin: Option<PathBuf>,
    /// Kafka's jars (tools/kafka/install); default: the newest in the cache.
    #[arg(long, env = "KAFKA_HOME")]
    pub kafka_home: Option<PathBuf>,
    /// Only these parts (comma-separated).
    #[arg(long, value_delimiter = ',', value_enum)]
    pub only: Vec<PartKind>,
    /// All parts but these (comma-separated).
    #[arg(long, value_delimiter = ',', value_enum)]
    pub without: Vec<PartKind>,
    /// Ports count up from here, instead of the usual ones.
    #[arg(long, conflicts_with = "free_ports")]
    pub port_base: Option<u16>,
    /// Take whatever ports are free.
    #[arg(long)]
    pub free_ports: bool,
    /// Brokers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3))]
    pub brokers: u32,
    /// Heap of each broker, MB; 512 for loads.
    #[arg(long, default_value_t = 128)]
    pub kafka_heap_mb: u32,
    /// The store keeps nothing on disk.
    #[arg(long)]
    pub store_in_memory: bool,
    /// smpp-edge processes.
    #[arg(long, default_value_t = 1)]
    pub edges: u32,
    /// provider-sender processes.
    #[arg(long, default_value_t = 1)]
    pub senders: u32,
    /// Sandboxes of each function at most.
    #[arg(long, default_value_t = 2)]
    pub concurrency: u32,
    /// More environment for services and functions.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub environment: Vec<(String, String)>,
    /// More arguments for the simulated provider (repeat for each).
    #[arg(long = "smsc-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub smsc_arguments: Vec<String>,
    /// A simulated provider that runs elsewhere: the first configuration leads to it, none is started.
    #[arg(long, value_name = "ADDRESS")]
    pub smsc_at: Option<SocketAddr>,
    /// Write every address and process id to this file (JSON) while all is ready.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Test: probability that a batch is delivered again.
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub redeliver: f64,
    /// Test: probability that a batch is run twice at once.
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub overlap: f64,
    /// Test: probability that a batch is cut up.
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub split: f64,
    /// Test: stop functions by SIGSTOP between invocations, as Lambda freezes them.
    #[arg(long)]
    pub freeze: bool,
    /// Seed of the tests' dice; printed when it is random.
    #[arg(long)]
    pub seed: Option<u64>,
}

impl Options {
    /// The parts to run.
    #[must_use]
    pub fn parts(&self) -> BTreeSet<PartKind> {
        let all = PartKind::value_variants().iter().copied();
        all.filter(|part| self.only.is_empty() || self.only.contains(part))
            .filter(|part| !self.without.contains(part))
            .filter(|part| *part != PartKind::Smsc || self.smsc_at.is_none())
            .collect()
    }

    /// The tests' odds.
    #[must_use]
    pub fn odds(&self) -> Odds {
        Odds { redeliver: self.redeliver, overlap: self.overlap, split: self.split }
    }

    /// Directory of the built programs.
    ///
    /// # Errors
    /// Nobody knows where this program is.
    pub fn programs(&self) -> anyhow::Result<PathBuf> {
        if let Some(bin) = &self.bin {
            return Ok(bin.clone());
        }
        let own = std::env::current_exe()?;
        Ok(own.parent().map(Path::to_owned).unwrap_or_default())
    }

    /// Directory of Kafka's jars.
    ///
    /// # Errors
    /// Kafka was never installed.
    pub fn kafka(&self) -> anyhow::Result<PathBuf> {
        if let Some(home) = &self.kafka_home {
            return Ok(home.clone());
        }
        let cache = std::env::var_os("GATEWAY_CACHE").map(PathBuf::from);
        let cache = cache.or_else(|| {
            Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/message-gateway"))
        });
        let entries = cache.and_then(|cache| std::fs::read_dir(cache).ok());
        let installed = entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let kafka = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("kafka-")) && path.join("lib").is_dir()
        };
        let newest = installed.filter(kafka).max();
        newest.ok_or_else(|| anyhow::anyhow!("Kafka is not installed: run tools/kafka/install"))
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
