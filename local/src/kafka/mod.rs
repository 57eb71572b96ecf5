//! A real Kafka: one broker, or three that replicate, with their data under the state directory.

pub mod properties;
pub mod topics;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use properties::Node;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::process::{Launch, Launcher, Part};

/// Time for a broker to end by itself; then it is killed (and recovers its log at the next start).
const PATIENCE: Duration = Duration::from_secs(10);
/// Time for all brokers to be there.
const START_MAX: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Directory with `lib` and the class-data archive (tools/kafka/install).
    pub home: PathBuf,
    /// Where the data are.
    pub state: PathBuf,
    /// One node or three.
    pub nodes: Vec<Node>,
    /// Heap of each broker, MB.
    pub heap_mb: u32,
}

/// Brokers that run.
#[derive(Debug)]
pub struct Kafka {
    /// Brokers, `host:port`, comma-separated.
    pub bootstrap: String,
    /// One child per broker.
    pub parts: Vec<Part>,
}

/// Name of a broker's part. Ids count from 1.
#[must_use]
pub fn part(id: impl std::fmt::Display) -> String {
    format!("kafka-{id}")
}

impl Setup {
    /// Starts the brokers, formatting their directories the first time, and waits until all answer.
    ///
    /// # Errors
    /// Kafka is not installed, a directory cannot be written, a broker does not come up.
    pub async fn start(&self, launcher: &Launcher) -> anyhow::Result<Kafka> {
        let lib = self.home.join("lib");
        anyhow::ensure!(lib.is_dir(), "Kafka is not in {}: run tools/kafka/install", lib.display());
        let mut parts = Vec::new();
        let cluster = self.cluster_id()?;
        let formats = self.nodes.iter().map(|node| self.format(*node, &cluster, launcher));
        futures_util::future::try_join_all(formats).await?;
        for node in &self.nodes {
            let launch = self.broker(*node);
            parts.push(Part::keep(launcher.clone(), launch, PATIENCE).context("java")?);
        }
        let addresses: Vec<_> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        let kafka = Kafka { bootstrap: addresses.join(","), parts };
        if let Err(error) = await_brokers(&kafka.bootstrap, self.nodes.len()).await {
            let log = launcher.log_path(&part(1));
            return Err(error.context(format!("see {}", log.display())));
        }
        Ok(kafka)
    }

    fn directory(&self, node: Node) -> PathBuf {
        self.state.join(format!("kafka-{}", node.id))
    }

    fn properties(&self, node: Node) -> PathBuf {
        self.directory(node).join("server.properties")
    }

    /// The cluster's id, made at the first start.
    fn cluster_id(&self) -> anyhow::Result<String> {
        let path = self.state.join("cluster-id");
        if let Ok(id) = std::fs::read_to_string(&path) {
            return Ok(id.trim().to_owned());
        }
        std::fs::create_dir_all(&self.state)?;
        let id = kafka_uuid(fastrand::u128(..));
        std::fs::write(&path, &id).with_context(|| path.display().to_string())?;
        Ok(id)
    }

    /// Writes the properties; formats the data directory unless it is.
    async fn format(&self, node: Node, cluster: &str, launcher: &Launcher) -> anyhow::Result<()> {
        let data = self.directory(node).join("data");
        std::fs::create_dir_all(&data)?;
        let properties = self.properties(node);
        let data_path = std::path::absolute(&data)?;
        std::fs::write(&properties, properties::server_properties(node, &self.nodes, &data_path))?;
        if data.join("meta.properties").exists() {
            return Ok(());
        }
        let mut arguments = self.java(64);
        arguments
            .extend(["kafka.tools.StorageTool", "format", "-t", cluster, "-c"].map(Into::into));
        arguments.push(properties.into());
        let output = launcher
            .command("java".as_ref(), &arguments)
            .output()
            .await
            .context("java cannot be started; a Java 17 runtime is needed")?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "Kafka's directory cannot be formatted: {said}");
        Ok(())
    }

    fn broker(&self, node: Node) -> Launch {
        let mut arguments = self.java(self.heap_mb);
        arguments.push("kafka.Kafka".into());
        arguments.push(self.properties(node).into());
        Launch { name: part(node.id), program: "java".into(), arguments, environment: Vec::new() }
    }

    fn java(&self, heap_mb: u32) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            vec![format!("-Xmx{heap_mb}m").into(), "-XX:+UseSerialGC".into()];
        if heap_mb < 256 {
            // Less memory and a quicker start; a long load wants the better code.
            arguments.push("-XX:TieredStopAtLevel=1".into());
        }
        let archive = self.home.join("k.jsa");
        if archive.exists() {
            arguments.push(prefixed("-XX:SharedArchiveFile=", &archive));
        }
        arguments.push("-cp".into());
        arguments.push(self.home.join("lib").join("*").into());
        arguments
    }
}

fn prefixed(prefix: &str, path: &Path) -> OsString {
    let mut text = OsString::from(prefix);
    text.push(path);
    text
}

/// Kafka's form of an id: 16 octets in URL-safe base64, without padding and leading dash.
fn kafka_uuid(random: u128) -> String {
    use base64::Engine as _;
    let mut octets = random.to_be_bytes();
    octets[0] = 1;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets)
}

async fn await_brokers(bootstrap: &str, count: usize) -> anyhow::Result<()> {
    let bootstrap = bootstrap.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &bootstrap)
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "100")
            .set("log_level", "0")
            .create()?;
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            let answer = consumer.fetch_metadata(None, Duration::from_millis(500));
            if answer.is_ok_and(|metadata| metadata.brokers().len() >= count) {
                return Ok(());
            }
        }
        anyhow::bail!("Kafka did not come up within {} s", START_MAX.as_secs())
    });
    asked.await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_is_22_characters_and_begins_with_no_dash() {
        for random in [0, 1, u128::MAX] {
            let id = kafka_uuid(random);
            assert_eq!(id.len(), 22);
            assert!(!id.starts_with('-'), "{id}");
        }
    }
}
