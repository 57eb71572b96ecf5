//! `simulator smsc`.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use simulator::smsc::{
    self, Options,
    hub::Credentials,
    settings::{ErrorRate, Settings},
    tally::Summary,
};
use tokio::signal::unix::{SignalKind, signal};

use super::{error_rate, print, write_whole};

const LONG_ABOUT: &str = r#"Play a provider's SMSC: accept binds and submits, count what arrives.
Runs until it is interrupted (or terminated), and prints a summary then.

Settings come from a file of JSON, then from the flags, then over the control port while it runs:
  GET  /summary                       counts, rates, latencies, per bind and per run of a load
  GET  /arrivals[?run=R][&expected=N] how often each part of each message arrived, as ranges
  GET  /settings
  POST /settings                      what changes, as JSON; null takes a setting back
  POST /reset                         forget the counts
  POST /drop-connections              close every connection at once
  POST /restart-ids                   give the first message ids again
  GET  /receipts[?run=R]              of a load's messages: when each receipt was sent, which were taken
  GET  /messages[?run=R]              the same of messages from handsets
  POST /messages                      send messages from handsets, to whoever receives:
       {"count": 1000, "per_s": 100, "run": 7, "keyword": "NEWS", "destinations": ["12345"],
        "handset_prefix": "491700", "handsets": 100000, "parts": 1, "text_octets": 80}

All settings, the default of each being none:
  {"rate_limit": {"per_s": 100, "burst": 10, "status": "throttled"},    or "queue_full"
   "latency": {"exponential": {"mean_ms": 5, "max_ms": 100}},
              or {"fixed": {"ms": 5}} or {"uniform": {"min_ms": 1, "max_ms": 9}} or "none"
   "drop": {"when": {"every": 1000}, "how": {"after_octets": 7}},       how: or "before" or "after"
              when: or {"probability": 0.01} or {"at": 500}, the 500th accepted submit
   "lose_responses": {"probability": 0.01},                             when as above
   "errors": [{"status": 69, "probability": 0.01}],
   "refuse_binds": 13,                                                  a status
   "binds_max": 2,                                                      of one system_id
   "window": 10,                                                        of one bind
   "ids": {"form": "decimal", "prefix": "", "start": 1,                 or "hex" or "hex_upper"
           "restart_every": null},
   "receipts": {"share": 1, "delay": "none",                            for submits that ask for one
                "late": {"probability": 0.01, "delay": {"fixed": {"ms": 60000}}},
                "before_response": 0, "twice": 0, "other_bind": 0, "wrong_id": 0, "intermediate": 0,
                "states": [{"state": "undeliverable", "error": 1, "probability": 0.1}],
                "id_form": null, "form": "both",                        or "text" or "tlvs"
                "esm_class": null, "as_submitted": false, "clock_shift_s": 0, "done_shift_s": 0},
   "deliveries": {"window": 100, "again_after_ms": 1000, "unanswered_after_ms": 60000},
   "seed": 1}"#;

/// Play a provider's SMSC: accept binds and submits, count what arrives.
#[derive(Args, Clone)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct SmscArgs {
    /// Where to accept binds; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Serve the control port here.
    #[arg(long)]
    control: Option<SocketAddr>,
    /// Write {"listen": "...", "control": "..."} to this file when both ports are open.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Whom to let in.
    #[arg(long)]
    system_id: String,
    /// At most 8 octets.
    #[arg(long, env = "SIMULATOR_PASSWORD", hide_env_values = true)]
    password: String,
    /// Write a line of JSON for every submit.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Count load messages by the numbers in their texts (arrivals, order, latency).
    #[arg(long)]
    numbers: bool,
    /// Settings as JSON, see --help.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Submits per second and bind; more is throttled.
    #[arg(long, value_name = "PER_S")]
    rate_limit: Option<f64>,
    /// Milliseconds before each response.
    #[arg(long, value_name = "MS")]
    latency: Option<f64>,
    /// Refuse this share of submits with this status, as in 0x45:0.01; may be repeated.
    #[arg(long = "error", value_name = "STATUS:SHARE", value_parser = error_rate)]
    errors: Vec<ErrorRate>,
    /// Binds at one time.
    #[arg(long)]
    binds_max: Option<usize>,
    /// Responses that may be outstanding on a bind.
    #[arg(long)]
    window: Option<usize>,
    /// How message ids are written: decimal, hex, hex_upper.
    #[arg(long)]
    id_form: Option<String>,
    /// Stands before each message id.
    #[arg(long)]
    id_prefix: Option<String>,
    /// The first message id.
    #[arg(long)]
    id_start: Option<u64>,
    /// Milliseconds from the response to the receipt.
    #[arg(long, value_name = "MS")]
    receipt_delay: Option<f64>,
    /// The share of submits that get a receipt, of those that ask for one.
    #[arg(long, value_name = "SHARE")]
    receipt_share: Option<f64>,
    /// Unanswered deliveries per bind.
    #[arg(long, value_name = "COUNT")]
    delivery_window: Option<usize>,
    /// Certificate chain, for TLS instead of plain TCP.
    #[arg(long, value_name = "CHAIN.pem", requires = "tls_key")]
    tls_chain: Option<PathBuf>,
    /// The certificate's key.
    #[arg(long, value_name = "KEY.pem", requires = "tls_chain")]
    tls_key: Option<PathBuf>,
    /// One is the lightest.
    #[arg(long, default_value_t = 1)]
    pub(super) threads: usize,
}

impl SmscArgs {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let port_file = self.port_file.clone();
        let smsc = smsc::start(self.options()?).await?;
        let control = smsc.control.map(|control| control.to_string());
        let ports = json!({"listen": smsc.address.to_string(), "control": control});
        eprintln!("SMSC on {}, control on {}", smsc.address, control.as_deref().unwrap_or("-"));
        if let Some(path) = &port_file {
            write_whole(path, &ports)?;
        }
        interrupted().await?;
        let summary = smsc.hub.tally().summary();
        drop(smsc);
        show(&summary);
        print(&summary)
    }

    fn options(self) -> anyhow::Result<Options> {
        let settings = self.settings()?;
        Ok(Options {
            listen: self.listen,
            control: self.control,
            credentials: Credentials { system_id: self.system_id, password: self.password },
            settings,
            numbers: self.numbers,
            record: self.record,
            tls: self.tls_chain.zip(self.tls_key),
        })
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings::default();
        if let Some(path) = &self.settings {
            let read = std::fs::read(path).map_err(anyhow::Error::from);
            let change = read.and_then(|text| Ok(serde_json::from_slice::<Value>(&text)?));
            settings = change
                .and_then(|change| settings.changed(&change))
                .with_context(|| format!("settings in {}", path.display()))?;
        }
        settings.changed(&self.flags(&settings)).context("settings by flags")
    }

    /// What the flags change.
    fn flags(&self, settings: &Settings) -> Value {
        let mut change = serde_json::Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                change.insert(name.to_owned(), value);
            }
        };
        set("rate_limit", self.rate_limit.map(|per_s| json!({"per_s": per_s})));
        set("latency", self.latency.map(|ms| json!({"fixed": {"ms": ms}})));
        set("errors", (!self.errors.is_empty()).then(|| json!(self.errors)));
        set("binds_max", self.binds_max.map(Value::from));
        set("window", self.window.map(Value::from));
        let mut ids = json!(settings.ids);
        let given = [
            ("form", self.id_form.clone().map(Value::from)),
            ("prefix", self.id_prefix.clone().map(Value::from)),
            ("start", self.id_start.map(Value::from)),
        ];
        for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            ids[name] = value;
        }
        set("ids", Some(ids));
        let (mut receipts, mut deliveries) = (json!(settings.receipts), json!(settings.deliveries));
        if let Some(ms) = self.receipt_delay {
            receipts["delay"] = json!({"fixed": {"ms": ms}});
        }
        if let Some(share) = self.receipt_share {
            receipts["share"] = share.into();
        }
        if let Some(window) = self.delivery_window {
            deliveries["window"] = window.into();
        }
        set("receipts", Some(receipts));
        set("deliveries", Some(deliveries));
        Value::Object(change)
    }
}

impl std::fmt::Debug for SmscArgs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SmscArgs").field("listen", &self.listen).finish_non_exhaustive()
    }
}

async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn show(summary: &Summary) {
    eprintln!(
        "{} accepted ({:.0} per s, {} in the worst second), {} refused, {} responses lost, {} drops",
        summary.accepted,
        summary.mean_per_s,
        summary.worst_second,
        summary.refused.values().sum::<u64>(),
        summary.lost_responses,
        summary.drops
    );
    for (what, counts) in [("receipts", &summary.receipts), ("messages", &summary.messages)] {
        if counts.sent > 0 {
            eprintln!(
                "  {} {what} sent: {} taken, {} refused, {} to come again, {} unanswered, {} sent again",
                counts.sent,
                counts.ok,
                counts.refused.values().sum::<u64>(),
                counts.later.values().sum::<u64>(),
                counts.unanswered,
                counts.repeated
            );
        }
    }
    for run in &summary.runs {
        eprintln!(
            "  run {}: {} parts, {} more than once, {:.0} per s, p50 {:.3} ms, p99 {:.3} ms, {} out of order",
            run.run,
            run.distinct,
            run.doubled,
            run.mean_per_s,
            run.latency.p50_ms,
            run.latency.p99_ms,
            summary.order_violations
        );
    }
}
