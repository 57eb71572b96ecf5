//! `simulator idle`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::json;
use simulator::idle::{self, Options};
use tokio::sync::watch;

use super::{AccountArgs, print, write_whole};

/// Hold many connections that do nothing, or that dribble.
///
/// Lost ones are made again; at the end it says how many were up.
/// Each needs a file descriptor: `ulimit -n` must allow for them.
#[derive(Args, Clone, Debug)]
pub(super) struct IdleArgs {
    #[command(flatten)]
    account: AccountArgs,
    /// Binds, or sockets that dribble.
    #[arg(long, default_value_t = 100)]
    connections: usize,
    /// They come one after the other, spread over so many seconds; 0: as fast as they can be made.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    over: u64,
    /// How long they are held.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Do not bind: send an octet of the bind each so many seconds (1 if not said), over and over.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1")]
    dribble: Option<u64>,
    /// Come from so many loopback addresses (127.0.0.2 on); one has about 28,000 ports.
    #[arg(long, default_value_t = 0)]
    sources: u8,
    /// Write this file when all are up.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl IdleArgs {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let options = Options {
            account: self.account.account()?,
            connections: self.connections,
            over: Duration::from_secs(self.over),
            duration: Duration::from_secs(self.seconds),
            dribble: self.dribble.map(Duration::from_secs),
            sources: self.sources,
        };
        let (sender, mut up) = watch::channel(0);
        let running = idle::run(options, sender);
        let ready = async {
            if up.wait_for(|up| *up >= self.connections).await.is_ok() {
                eprintln!("{} are up", self.connections);
                if let Some(path) = &self.ready_file {
                    write_whole(path, &json!({"up": self.connections}))?;
                }
            }
            anyhow::Ok(())
        };
        let (report, ready) = tokio::join!(running, ready);
        let report = report?;
        ready?;
        eprintln!(
            "{} of {} up at the end ({} at most), {} failed, {} closed by the other side",
            report.up, report.wanted, report.up_max, report.failed, report.closed
        );
        if let Some(failure) = &report.first_failure {
            eprintln!("  the first failure: {failure}");
        }
        print(&report)
    }
}
