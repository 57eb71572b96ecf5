//! The template's functions and what triggers them.

use std::collections::BTreeMap;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};

use super::report::Report;
use super::{CLUSTER_ARN, Ground, REGION};
use crate::options::PartKind;
use crate::ports::{self, Ports};
use crate::runtime::{Function, Settings};
use crate::sources::http::{Api, routes::Routes};
use crate::sources::kafka::{self, Cluster};
use crate::sources::schedule::{self, Schedule};
use crate::sources::sqs;
use crate::template::{self, Event};

/// Time for sources and sandboxes to be ready, before we are without them.
const READY_MAX: Duration = Duration::from_secs(15);
/// Receivers on one queue.
const QUEUE_POLLERS: u32 = 2;

/// Functions and their sources.
#[derive(Debug, Default)]
pub(super) struct Functions {
    functions: Vec<Arc<Function>>,
    kafka: Vec<kafka::Mapping>,
    queues: Vec<sqs::Mapping>,
    others: Vec<AbortHandle>,
    warming: Vec<JoinHandle<()>>,
}

impl Functions {
    /// Starts all sources; sandboxes start when they are needed, those of Kafka's at once.
    ///
    /// # Errors
    /// A binary is missing, a schedule is not played, a port is taken.
    pub(super) async fn start(
        &mut self,
        ground: &Ground,
        bootstrap: &str,
        ports: &mut Ports,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let cluster = Cluster { arn: CLUSTER_ARN.to_owned(), bootstrap: bootstrap.to_owned() };
        let seed = ground.options.seed.unwrap_or_else(|| fastrand::u64(..));
        let odds = ground.options.odds();
        if odds != kafka::Odds::default() {
            super::report::say(&format!("dice         seed {seed}"));
        }
        let settings = kafka::Settings { cluster, odds, seed };
        let mut routes = Routes::default();
        for declared in &ground.template.functions {
            let function = Function::new(
                function_settings(ground, declared, bootstrap)?,
                ground.launcher.clone(),
            );
            self.functions.push(function.clone());
            for (_, event) in &declared.events {
                self.source(ground, event, &function, &settings, &mut routes)?;
            }
            let events: Vec<_> = declared.events.iter().map(|(_, it)| describe(it)).collect();
            let facts = json!([{ "name": declared.name, "binary": declared.binary }]);
            report.part("functions", &format!("{} <- {}", declared.name, events.join(", ")), facts);
        }
        self.warm(ground);
        if !ground.template.apis.is_empty() {
            self.serve(ground, routes, ports, report).await?;
        }
        Ok(())
    }

    /// Waits until Kafka's sources have their partitions and what they invoke has started; without, a
    /// first message would wait for them.
    pub(super) async fn ready(&mut self) {
        let all = async {
            futures_util::future::join_all(self.kafka.iter().map(kafka::Mapping::ready)).await;
            futures_util::future::join_all(self.warming.drain(..)).await;
        };
        if tokio::time::timeout(READY_MAX, all).await.is_err() {
            super::report::say("functions    are not all ready");
        }
    }

    /// Stops the sources, then what they invoked.
    pub(super) async fn stop(self) {
        for other in self.others {
            other.abort();
        }
        let kafka = futures_util::future::join_all(self.kafka.into_iter().map(|it| it.stop()));
        let queues = futures_util::future::join_all(self.queues.into_iter().map(|it| it.stop()));
        tokio::join!(kafka, queues);
        for function in self.functions {
            function.stop();
        }
    }

    fn source(
        &mut self,
        ground: &Ground,
        event: &Event,
        function: &Arc<Function>,
        settings: &kafka::Settings,
        routes: &mut Routes<Arc<Function>>,
    ) -> anyhow::Result<()> {
        let concurrency = ground.options.concurrency;
        match event {
            Event::Kafka(mapping) => {
                let pollers = mapping.pollers.min(concurrency);
                self.kafka.push(kafka::Mapping::start(mapping, pollers, function, settings)?);
            }
            Event::Sqs(mapping) => {
                let name = mapping.queue_arn.rsplit(':').next().unwrap_or_default();
                let url = format!("{}/{}/{name}", ground.endpoints.queues, crate::ACCOUNT);
                let pollers = mapping.concurrency_max.unwrap_or(QUEUE_POLLERS);
                let pollers = usize::try_from(pollers.min(QUEUE_POLLERS))?;
                let client = ground.endpoints.sqs();
                self.queues.push(sqs::Mapping::start(mapping, &url, pollers, function, &client));
            }
            Event::Http(route) => routes.add(&route.method, &route.path, function.clone()),
            Event::Schedule(expression) => {
                let schedule: Schedule = expression.parse()?;
                let region = REGION.to_owned();
                self.others.push(schedule::start(schedule, function.clone(), region));
            }
        }
        Ok(())
    }

    /// The first sandbox of each function that Kafka triggers starts now: messages do not wait for it.
    fn warm(&mut self, ground: &Ground) {
        for (function, declared) in self.functions.iter().zip(&ground.template.functions) {
            if declared.events.iter().any(|(_, event)| matches!(event, Event::Kafka(_))) {
                let function = function.clone();
                self.warming.push(tokio::spawn(async move {
                    // It was logged, and the first invocation tries again.
                    let _failed = function.warm().await;
                }));
            }
        }
    }

    async fn serve(
        &mut self,
        ground: &Ground,
        routes: Routes<Arc<Function>>,
        ports: &mut Ports,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let address = ports.take(ports::ADMIN)?;
        let listener = TcpListener::bind(address).await?;
        let path = ground.state.join("admin-token");
        let api = Api::new(routes, token(&path)?);
        self.others.push(api.serve(listener));
        let url = format!("http://{address}");
        let facts = json!({ "url": url, "token_file": path });
        report.part("admin", &format!("{url} (token in {})", path.display()), facts);
        Ok(())
    }
}

/// Function `configure` for the first configuration, beside the functions that run for others; none: no
/// Kafka or no store, or the template does not have it.
///
/// # Errors
/// Its binary is missing.
pub(super) fn configure(ground: &Ground, bootstrap: &str) -> anyhow::Result<Option<Arc<Function>>> {
    let declared = ground.template.functions.iter().find(|it| it.binary == "configure");
    let (Some(declared), true) =
        (declared, ground.has(PartKind::Kafka) && ground.has(PartKind::Store))
    else {
        return Ok(None);
    };
    let settings = function_settings(ground, declared, bootstrap)?;
    Ok(Some(Function::new(settings, ground.launcher.clone())))
}

fn describe(event: &Event) -> String {
    match event {
        Event::Kafka(mapping) => mapping.topics.join(" "),
        Event::Sqs(mapping) => {
            format!("queue {}", mapping.queue_arn.rsplit(':').next().unwrap_or_default())
        }
        Event::Http(route) => format!("{} {}", route.method, route.path),
        Event::Schedule(expression) => expression.clone(),
    }
}

fn function_settings(
    ground: &Ground,
    declared: &template::Function,
    bootstrap: &str,
) -> anyhow::Result<Settings> {
    let concurrency = declared.concurrency.unwrap_or(u32::MAX).min(ground.options.concurrency);
    Ok(Settings {
        name: declared.name.clone(),
        program: ground.program(&declared.binary)?,
        environment: environment(ground, declared, bootstrap),
        timeout: declared.timeout,
        concurrency: usize::try_from(concurrency)?,
        arn: format!("arn:aws:lambda:{REGION}:{}:function:{}", crate::ACCOUNT, declared.name),
        freeze: ground.options.freeze,
        scratch: ground.state.join(super::SCRATCH).join(&declared.name),
    })
}

/// The template's environment, with what stands in for MSK and for Lambda's own variables.
fn environment(
    ground: &Ground,
    declared: &template::Function,
    bootstrap: &str,
) -> BTreeMap<String, String> {
    let mut all = declared.environment.clone();
    if all.remove("KAFKA_CLUSTER_ARN").is_some() {
        all.insert("KAFKA_BOOTSTRAP".to_owned(), bootstrap.to_owned());
        let single = ground.options.brokers < 3;
        all.insert("KAFKA_ALLOW_SINGLE_BROKER".to_owned(), single.to_string());
    }
    all.extend(ground.endpoints.environment());
    let lambda = [
        ("AWS_LAMBDA_FUNCTION_NAME", declared.name.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", declared.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", declared.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
    ];
    all.extend(lambda.map(|(name, value)| (name.to_owned(), value)));
    all.extend(ground.options.environment.iter().cloned());
    all
}

/// The admin API's token, made at the first start; only its owner may read it.
fn token(path: &Path) -> anyhow::Result<String> {
    if let Ok(token) = std::fs::read_to_string(path) {
        return Ok(token.trim().to_owned());
    }
    let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).with_context(|| path.display().to_string())?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    std::io::Write::write_all(&mut file, token.as_bytes())?;
    Ok(token)
}
