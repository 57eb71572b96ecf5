//! Starts the parts in order, says what runs where, and stops them in the order that loses nothing:
//! edge, functions, senders, queues and store, Kafka.

mod foundation;
mod functions;
mod report;
mod services;

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::aws::Endpoints;
use crate::options::{Options, PartKind};
use crate::ports::{self, Ports};
use crate::process::{Launcher, Roster};
use crate::template::{Account, Template};
use foundation::Foundation;
use functions::Functions;
use report::Report;
use services::Services;

/// Region that is played.
pub const REGION: &str = "us-east-1";
/// Directory of what is `/tmp` to functions, in the state directory.
const SCRATCH: &str = "tmp";
/// ARN in place of the MSK cluster's.
const CLUSTER_ARN: &str =
    "arn:aws:kafka:us-east-1:000000000000:cluster/local/00000000-0000-0000-0000-000000000000-1";

/// What all parts share.
#[derive(Debug)]
pub struct Ground {
    /// Options of the command line.
    pub options: Options,
    /// Starts children.
    pub launcher: Launcher,
    /// State directory, absolute.
    pub state: PathBuf,
    /// Directory of the built programs.
    pub programs: PathBuf,
    /// The template.
    pub template: Template,
    /// Where the account's services are.
    pub endpoints: Endpoints,
    /// Where they listen.
    pub store: SocketAddr,
    /// Where the queues listen.
    pub queues: SocketAddr,
}

impl Ground {
    /// Whether a part is to run.
    #[must_use]
    pub fn has(&self, part: PartKind) -> bool {
        self.options.parts().contains(&part)
    }

    /// A built program.
    ///
    /// # Errors
    /// It is not there.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.programs.join(name);
        anyhow::ensure!(path.is_file(), "{} is not built: cargo build --bins", path.display());
        Ok(path)
    }

    /// An output of the template.
    ///
    /// # Errors
    /// It has none of that name.
    pub fn output(&self, name: &str) -> anyhow::Result<String> {
        let output = self.template.outputs.get(name).cloned();
        output.with_context(|| format!("the template has no output {name}"))
    }
}

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// A part cannot be started; everything is stopped again then.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let since = Instant::now();
    let mut signals = Signals::new()?;
    let mut ports = match options.port_base {
        Some(base) => Ports::From(base),
        None if options.free_ports => Ports::Free(BTreeSet::new()),
        None => Ports::Usual,
    };
    let ground = prepare(options, &mut ports)?;
    let _lock = lock(&ground.state)?;
    clear_scratch(&ground.state)?;
    let ready_file = ground.options.ready_file.as_deref();
    report::unready(ready_file)?;
    let mut stack = Stack::default();
    let started = tokio::select! {
        started = stack.start(&ground, &mut ports) => started.map(Some),
        () = signals.stop() => Ok(None),
    };
    let ready =
        |report: Report| report.ready(&ground.options, since.elapsed(), &ground.launcher.roster);
    let mut started = started.and_then(|report| report.map(ready).transpose());
    if let Ok(Some(board)) = &mut started {
        tokio::select! {
            () = signals.stop() => {}
            () = board.follow() => {}
        }
    }
    report::say("stopping (Ctrl-C again: at once)");
    if let Err(error) = report::unready(ready_file) {
        tracing::warn!(event = "ready_file_not_removed", %error);
    }
    tokio::spawn(signals.second_kills());
    stack.stop().await;
    report::say("stopped");
    started.map(|_| ())
}

fn prepare(options: Options, ports: &mut Ports) -> anyhow::Result<Ground> {
    std::fs::create_dir_all(&options.state).with_context(|| options.state.display().to_string())?;
    let state = options.state.canonicalize()?;
    let (store, queues) = (ports.take(ports::STORE)?, ports.take(ports::QUEUES)?);
    let endpoints = Endpoints {
        region: REGION.to_owned(),
        store: format!("http://{store}"),
        queues: format!("http://{queues}"),
    };
    let mut parameters: std::collections::BTreeMap<_, _> = [
        ("Stage", "local"),
        ("KafkaClusterArn", CLUSTER_ARN),
        ("SubnetIds", "none"),
        ("SecurityGroupIds", "none"),
        ("NumberPepper", "the pepper of one machine"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let text = std::fs::read_to_string(&options.template)
        .with_context(|| options.template.display().to_string())?;
    // A template of a test need not declare what the deployed one does.
    parameters.retain(|name, _| text.contains(&format!("  {name}:")));
    parameters.extend(options.parameters.iter().cloned());
    let account = Account {
        region: REGION.to_owned(),
        id: crate::ACCOUNT.to_owned(),
        queues_endpoint: endpoints.queues.clone(),
        parameters,
    };
    let template = Template::read(&text, &account)?;
    let programs = options.programs()?;
    let launcher = Launcher {
        runner: std::env::current_exe()?,
        logs: state.join("logs"),
        roster: Roster::default(),
    };
    Ok(Ground { options, launcher, state, programs, template, endpoints, store, queues })
}

/// Two of us on one state directory would be two brokers on one log.
fn lock(state: &Path) -> anyhow::Result<File> {
    let path = state.join("lock");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    file.try_lock().map_err(|_| anyhow::anyhow!("another `local` runs on {}", state.display()))?;
    Ok(file)
}

/// Sandboxes are new: nothing of those of an earlier run is in their `/tmp`.
fn clear_scratch(state: &Path) -> anyhow::Result<()> {
    let path = state.join(SCRATCH);
    match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| path.display().to_string())
        }
        _ => Ok(()),
    }
}

/// What runs.
#[derive(Debug, Default)]
struct Stack {
    foundation: Option<Foundation>,
    functions: Option<Functions>,
    services: Option<Services>,
}

impl Stack {
    async fn start(&mut self, ground: &Ground, ports: &mut Ports) -> anyhow::Result<Report> {
        let mut report = Report::default();
        let foundation = self.foundation.insert(Foundation::default());
        foundation.start(ground, ports, &mut report).await?;
        let bootstrap = foundation.bootstrap().to_owned();
        let services = self.services.insert(Services::default());
        services.start_smsc(ground, ports, &mut report)?;
        if ground.has(PartKind::Functions) {
            let functions = self.functions.insert(Functions::default());
            functions.start(ground, &bootstrap, ports, &mut report).await?;
        }
        if let Some(configure) = functions::configure(ground, &bootstrap)? {
            services.seed(ground, &configure).await?;
            configure.stop();
        }
        services.start(ground, &bootstrap, ports, &mut report).await?;
        if let Some(functions) = &mut self.functions {
            functions.ready().await;
        }
        services.bound().await;
        Ok(report)
    }

    async fn stop(mut self) {
        if let Some(services) = &mut self.services {
            services.stop_edges().await;
        }
        if let Some(functions) = self.functions.take() {
            functions.stop().await;
        }
        if let Some(services) = self.services.take() {
            services.stop().await;
        }
        if let Some(foundation) = self.foundation.take() {
            foundation.stop().await;
        }
    }
}

/// The first SIGINT or SIGTERM stops, the second ends at once.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: signal(interrupt)?, terminate: signal(terminate)? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// The kernel ends our children with us.
    async fn second_kills(mut self) {
        self.stop().await;
        std::process::exit(130);
    }
}

/// Waits until somebody listens on `address`.
async fn await_listener(what: &str, address: SocketAddr, limit: Duration) -> anyhow::Result<()> {
    let listening = async {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(limit, listening).await;
    waited.with_context(|| format!("{what} does not listen on {address} after {limit:?}"))
}
