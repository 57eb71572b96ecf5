//! `simulator load`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail, ensure};
use clap::Args;
use simulator::load::{
    self, Options,
    back::Answers,
    flow::Manner,
    ledger::Expected,
    plan::{Mix, Plan},
    template::Content,
};
use simulator::smsc::settings::ErrorRate;

use super::{AccountArgs, error_rate, print, write_whole};

/// Play customers: bind, submit numbered messages, measure the answers, unbind.
///
/// A submit that gets no answer is reported as unanswered and never sent again. One that is refused
/// as too fast is sent again only with --retry-throttled.
#[derive(Args, Clone, Debug)]
pub(super) struct LoadArgs {
    #[command(flatten)]
    account: AccountArgs,
    /// Binds.
    #[arg(long, default_value_t = 1)]
    connections: u16,
    /// Unanswered submits per connection.
    #[arg(long, default_value_t = 10)]
    window: usize,
    /// Messages to send.
    #[arg(long, required_unless_present = "seconds")]
    count: Option<u64>,
    /// Begin nothing new after so many seconds.
    #[arg(long)]
    seconds: Option<f64>,
    /// Submits per second over all connections, each part counted; as fast as it goes otherwise.
    #[arg(long, value_name = "PER_S")]
    rate: Option<f64>,
    /// Parts of a long message, joined by a user data header.
    #[arg(long, default_value_t = 1)]
    parts: u8,
    /// The share of messages that are long; all if --parts is given alone.
    #[arg(long, default_value_t = 1.0)]
    long_share: f64,
    /// Each part of a message goes over another connection.
    #[arg(long)]
    spread: bool,
    /// Shares of priorities, as in high=1,normal=8,bulk=1 (`priority_flag` 2, 1, 0).
    #[arg(long, default_value = "normal=1", value_parser = mix)]
    priority: Mix,
    /// `registered_delivery`.
    #[arg(long, default_value_t = 0)]
    receipt: u8,
    /// Ask for receipts (`registered_delivery` 1, unless --receipt says how), and wait for them.
    #[arg(long)]
    receipts: bool,
    /// Wait for so many messages from handsets, each part counted.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    expect_messages: u64,
    /// Seconds without anything coming back after which what is missing counts as missing.
    #[arg(long, default_value_t = 30.0)]
    receipt_patience: f64,
    /// Seconds to wait for copies when all is there.
    #[arg(long, default_value_t = 0.0)]
    linger: f64,
    /// Further binds, as receivers.
    #[arg(long, default_value_t = 0)]
    receivers: u16,
    /// Refuse this share of deliveries with this status, as in 0x14:0.1; may be repeated.
    #[arg(long = "answer", value_name = "STATUS:SHARE", value_parser = error_rate)]
    answers: Vec<ErrorRate>,
    /// The share of deliveries that is never answered.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    answer_never: f64,
    /// Milliseconds before each answer to a delivery.
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    answer_after: f64,
    /// Write a line of JSON per submit that had a final receipt to this file.
    #[arg(long, value_name = "FILE")]
    receipts_log: Option<PathBuf>,
    /// Write a line of JSON per delivery to this file, as it came.
    #[arg(long, value_name = "FILE")]
    deliveries_log: Option<PathBuf>,
    /// Connect there too: connections go to --connect and to these in turn; may be repeated.
    #[arg(long, value_name = "HOST:PORT")]
    also: Vec<String>,
    /// The sender; letters make it alphanumeric.
    #[arg(long, default_value = "Load")]
    source: String,
    /// Digits that destinations begin with.
    #[arg(long, value_delimiter = ',', default_value = "447700,491701,336390")]
    destinations: Vec<String>,
    /// Octets of each text.
    #[arg(long, default_value_t = 100)]
    text_octets: usize,
    /// Identifies this run in the texts; random otherwise.
    #[arg(long)]
    run: Option<u32>,
    /// Send a submit that was refused as too fast again, so often at most.
    #[arg(long, value_name = "TIMES", default_value_t = 0)]
    retry_throttled: u8,
    /// Seconds after which a submit counts as unanswered.
    #[arg(long, default_value_t = 30.0)]
    patience: f64,
    /// Connect again when a connection is lost.
    #[arg(long)]
    reconnect: bool,
    /// Seconds after which it ends in any case; 60 more than --seconds, or 600, by default.
    #[arg(long)]
    deadline: Option<f64>,
    /// Write the summary to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a line of JSON per submit to this file: acknowledged with its id, refused, unanswered.
    #[arg(long, value_name = "FILE")]
    acked: Option<PathBuf>,
    /// One is the lightest.
    #[arg(long, default_value_t = 1)]
    pub(super) threads: usize,
}

impl LoadArgs {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let json = self.json.clone();
        let report = load::run(self.options()?).await?;
        eprintln!("{report}");
        if let Some(path) = &json {
            write_whole(path, &report)?;
        }
        print(&report)
    }

    fn options(self) -> anyhow::Result<Options> {
        ensure!(self.connections > 0, "--connections: at least 1");
        ensure!((1..=100_000).contains(&self.window), "--window: 1 to 100000");
        ensure!(self.parts > 0, "--parts: at least 1");
        ensure!((0.0..=1.0).contains(&self.long_share), "--long-share: 0 to 1");
        ensure!(self.rate.is_none_or(|rate| rate > 0.0 && rate.is_finite()), "--rate: above 0");
        let duration = self.seconds.map(|seconds| seconds_of("--seconds", seconds)).transpose()?;
        let deadline = match (self.deadline, self.seconds) {
            (Some(deadline), _) => deadline,
            (None, Some(seconds)) => seconds + 60.0,
            (None, None) => 600.0,
        };
        let plan = Plan {
            connections: self.connections.into(),
            messages: self.count,
            parts: self.parts,
            long_ppm: (self.long_share * 1e6).round() as u32,
            spread: self.spread,
            mix: self.priority,
            rate_per_s: self.rate,
        };
        let content = Content {
            run: self.run.unwrap_or_else(|| fastrand::u32(..)),
            source: self.source,
            destinations: self.destinations,
            text_octets: self.text_octets,
            registered_delivery: if self.receipts { self.receipt.max(1) } else { self.receipt },
            parts: self.parts,
        };
        let manner = Manner {
            window: self.window,
            patience: seconds_of("--patience", self.patience)?,
            retries_max: self.retry_throttled,
            outcomes: self.acked.is_some(),
            deliveries: self.deliveries_log.is_some(),
            answers: Answers {
                refuse: self.answers,
                ignore: self.answer_never,
                after: seconds_of("--answer-after", self.answer_after / 1e3)?,
            },
        };
        let expected = Expected {
            receipts: self.receipts,
            messages: self.expect_messages,
            patience: seconds_of("--receipt-patience", self.receipt_patience)?,
            linger: seconds_of("--linger", self.linger)?,
        };
        Ok(Options {
            account: self.account.account()?,
            plan,
            content,
            manner,
            duration,
            deadline: seconds_of("--deadline", deadline)?,
            reconnect: self.reconnect,
            outcomes: self.acked,
            deliveries: self.deliveries_log,
            also: self.also,
            receivers: self.receivers.into(),
            expected,
            receipts: self.receipts_log,
        })
    }
}

fn seconds_of(name: &str, seconds: f64) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration < Duration::from_secs(1 << 20))
        .with_context(|| format!("{name}: seconds from 0 to twelve days"))
}

/// `high=1,normal=8,bulk=1`; what is not named has no share.
fn mix(text: &str) -> anyhow::Result<Mix> {
    let mut mix = Mix { high: 0, normal: 0, bulk: 0 };
    for share in text.split(',') {
        let (name, share) = share.split_once('=').context("expected NAME=SHARE")?;
        let place = match name {
            "high" => &mut mix.high,
            "normal" => &mut mix.normal,
            "bulk" => &mut mix.bulk,
            _ => bail!("a priority is high, normal or bulk"),
        };
        *place = share.parse::<u16>().context("a share is a whole number")?.into();
    }
    ensure!(mix.high + mix.normal + mix.bulk > 0, "all shares are 0");
    Ok(mix)
}
