//! The services that hold SMPP connections, and the simulated provider.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use domain::config::Document;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::report::{self, Report};
use super::{Ground, await_listener};
use crate::options::PartKind;
use crate::ports::{self, Ports};
use crate::process::{Launch, Part};
use crate::runtime::Function;
use crate::seed;

/// Time for a service to listen.
const START_MAX: Duration = Duration::from_secs(10);
/// Time for the senders to bind, before we are ready without.
const BIND_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Time for an edge to end; it drains for `DRAIN_S` at most.
const EDGE_STOP_MAX: Duration = Duration::from_secs(15);
/// Time for a sender to finish its windows.
const SENDER_STOP_MAX: Duration = Duration::from_secs(25);
/// Time for the simulated provider to end.
const SMSC_STOP_MAX: Duration = Duration::from_secs(5);

/// Services that run.
#[derive(Debug, Default)]
pub(super) struct Services {
    edges: Vec<Part>,
    senders: Vec<Part>,
    smsc: Option<Part>,
    provider: Option<Provider>,
}

/// The simulated provider that runs here.
#[derive(Debug, Clone, Copy)]
struct Provider {
    listen: SocketAddr,
    control: SocketAddr,
    /// Binds that the senders will hold to it.
    binds: u32,
}

impl Services {
    /// Starts the simulated provider.
    ///
    /// # Errors
    /// It is not built, or a port is taken.
    pub(super) fn start_smsc(
        &mut self,
        ground: &Ground,
        ports: &mut Ports,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        if !ground.has(PartKind::Smsc) {
            return Ok(());
        }
        let (listen, control) = (ports.take(ports::SMSC)?, ports.take(ports::SMSC_CONTROL)?);
        let document = first_configuration(ground)?.unwrap_or_default();
        let system_id = seed::smsc_account(&document).unwrap_or("gateway").to_owned();
        let fixed = [
            "smsc",
            "--listen",
            &listen.to_string(),
            "--control",
            &control.to_string(),
            "--system-id",
            &system_id,
            "--password",
            seed::SMSC_PASSWORD,
        ];
        let launch = Launch {
            name: "smsc".to_owned(),
            program: ground.program("simulator")?,
            arguments: fixed
                .iter()
                .map(Into::into)
                .chain(ground.options.smsc_arguments.iter().map(Into::into))
                .collect(),
            environment: Vec::new(),
        };
        let part = launch.name.clone();
        self.smsc = Some(Part::keep(ground.launcher.clone(), launch, SMSC_STOP_MAX)?);
        let facts =
            json!({ "smpp": listen.to_string(), "control": control.to_string(), "part": part });
        report.part("smsc", &format!("{listen}, control http://{control}"), facts);
        self.provider = Some(Provider { listen, control, binds: 0 });
        Ok(())
    }

    /// Applies the first configuration, if there is none yet.
    ///
    /// # Errors
    /// It is wrong, or the store or Kafka does not take it.
    pub(super) async fn seed(
        &mut self,
        ground: &Ground,
        configure: &Function,
    ) -> anyhow::Result<()> {
        let Some(mut document) = first_configuration(ground)? else {
            let path = ground.options.config.display();
            report::say(&format!("config       none ({path} is not there)"));
            return Ok(());
        };
        let here = self.provider.map(|provider| provider.listen);
        if let Some(smsc) = here.or(ground.options.smsc_at) {
            seed::lead_to_smsc(&mut document, smsc);
        }
        seed::write_secrets(&document, &ground.state.join("secrets"))?;
        let applied = seed::apply(configure, document).await;
        let applied = applied.with_context(|| ground.options.config.display().to_string())?;
        report::say(&format!("config       version {}", applied.version.unwrap_or_default()));
        if let Some(provider) = &mut self.provider {
            provider.binds = seed::binds_to(&applied.document, provider.listen);
        }
        Ok(())
    }

    /// Starts edges and senders, and waits until they listen.
    ///
    /// # Errors
    /// One is not built or does not come up.
    pub(super) async fn start(
        &mut self,
        ground: &Ground,
        bootstrap: &str,
        ports: &mut Ports,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut listeners = Vec::new();
        if ground.has(PartKind::Edge) {
            for number in 1..=ground.options.edges {
                let (name, smpp) = (format!("smpp-edge-{number}"), edge_port(ports, number)?);
                let health = health_port(ports, number)?;
                let mut environment = environment(ground, bootstrap, health)?;
                environment.insert("SMPP_LISTEN".to_owned(), smpp.to_string());
                environment.entry("DRAIN_S".to_owned()).or_insert("10".to_owned());
                let part = service(ground, &name, "smpp-edge", environment, EDGE_STOP_MAX)?;
                let (smpp_text, health_text) = (smpp.to_string(), health.to_string());
                let facts = json!([{ "smpp": smpp_text, "health": health_text, "part": name }]);
                report.part("edge", &format!("{smpp} (SMPP), health http://{health}"), facts);
                report.hint(format!("bind an SMPP client to {smpp}"));
                listeners.push((name, smpp));
                self.edges.push(part);
            }
        }
        if ground.has(PartKind::Sender) {
            for number in 1..=ground.options.senders {
                let name = format!("provider-sender-{number}");
                let health = health_port(ports, 10 + number)?;
                let environment = environment(ground, bootstrap, health)?;
                let part = service(ground, &name, "provider-sender", environment, SENDER_STOP_MAX)?;
                let facts = json!([{ "health": health.to_string(), "part": name }]);
                report.part("sender", &format!("{name}, health http://{health}"), facts);
                self.senders.push(part);
            }
        }
        for (name, address) in listeners {
            await_listener(&name, address, START_MAX).await?;
        }
        Ok(())
    }

    /// Waits until the senders hold their binds to the simulated provider. A provider that is away is no
    /// reason not to start: then it is said, and that is all.
    pub(super) async fn bound(&self) {
        let Some(provider) = self.provider.filter(|_| !self.senders.is_empty()) else { return };
        if tokio::time::timeout(BIND_MAX, provider.bound()).await.is_err() {
            report::say(&format!("smsc         has fewer than {} binds", provider.binds));
        }
    }

    /// Stops taking messages.
    pub(super) async fn stop_edges(&mut self) {
        stop_all(std::mem::take(&mut self.edges)).await;
    }

    /// Stops the rest: what was taken is sent, or stays in Kafka.
    pub(super) async fn stop(self) {
        stop_all(self.senders).await;
        stop_all(self.smsc).await;
    }
}

impl Provider {
    async fn bound(self) {
        while self.binds_up().await.unwrap_or_default() < self.binds {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Binds that are up, as it says itself.
    async fn binds_up(self) -> anyhow::Result<u32> {
        #[derive(serde::Deserialize)]
        struct Summary {
            binds_up: u32,
        }
        let stream = TokioIo::new(TcpStream::connect(self.control).await?);
        let (mut sender, connection) = http1::handshake(stream).await?;
        let request = Request::get("/summary").header(HOST, "local").body(Empty::<Bytes>::new())?;
        let answer = async {
            let body = sender.send_request(request).await?.into_body().collect().await?;
            anyhow::Ok(serde_json::from_slice::<Summary>(&body.to_bytes())?.binds_up)
        };
        tokio::select! {
            answer = answer => answer,
            ended = connection => Err(ended.err().context("it said nothing")?.into()),
        }
    }
}

async fn stop_all(parts: impl IntoIterator<Item = Part>) {
    futures_util::future::join_all(parts.into_iter().map(Part::stop)).await;
}

fn first_configuration(ground: &Ground) -> anyhow::Result<Option<Document>> {
    let path = &ground.options.config;
    path.exists().then(|| seed::read(path)).transpose()
}

fn edge_port(ports: &mut Ports, number: u32) -> anyhow::Result<SocketAddr> {
    // 2775, 2785, …
    ports.take(ports::SMPP + u16::try_from(10 * (number - 1))?)
}

fn health_port(ports: &mut Ports, number: u32) -> anyhow::Result<SocketAddr> {
    ports.take(ports::HEALTH + u16::try_from(number)?)
}

fn environment(
    ground: &Ground,
    bootstrap: &str,
    health: SocketAddr,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut all = ground.endpoints.environment();
    let secrets = ground.state.join("secrets");
    let own = [
        ("KAFKA_BOOTSTRAP", bootstrap.to_owned()),
        ("KAFKA_ALLOW_SINGLE_BROKER", (ground.options.brokers < 3).to_string()),
        ("TABLE_CONFIG", ground.output("ConfigTableName")?),
        ("TABLE_MESSAGES", ground.output("MessagesTableName")?),
        ("TABLE_CUSTOMER_BINDS", ground.output("CustomerBindsTableName")?),
        ("TABLE_EDGE_NODES", ground.output("EdgeNodesTableName")?),
        ("TABLE_MAILBOXES", ground.output("MailboxesTableName")?),
        ("TABLE_SCHEDULED", ground.output("ScheduledTableName")?),
        ("QUEUE_RELEASES", ground.output("ReleasesQueueUrl")?),
        ("HEALTH_LISTEN", health.to_string()),
        ("SECRETS_DIR", secrets.to_str().context("the state's path is not UTF-8")?.to_owned()),
        ("STAGE", "local".to_owned()),
        ("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned())),
    ];
    all.extend(own.map(|(name, value)| (name.to_owned(), value)));
    all.extend(ground.options.environment.iter().cloned());
    Ok(all)
}

fn service(
    ground: &Ground,
    name: &str,
    program: &str,
    environment: BTreeMap<String, String>,
    stop_max: Duration,
) -> anyhow::Result<Part> {
    let launch = Launch {
        name: name.to_owned(),
        program: ground.program(program)?,
        arguments: Vec::new(),
        environment: environment.into_iter().collect(),
    };
    Ok(Part::keep(ground.launcher.clone(), launch, stop_max)?)
}
