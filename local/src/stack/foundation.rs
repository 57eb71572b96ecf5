//! What everything stands on: Kafka with its topics, the store with its tables, the queues.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::report::Report;
use super::{Ground, await_listener};
use crate::kafka::properties::Node;
use crate::kafka::{self, Kafka, Setup, topics};
use crate::options::PartKind;
use crate::ports::{self, Ports};
use crate::process::{Launch, Part};
use crate::{aws, serve};

/// Time for the store and the queues to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// The foundation.
#[derive(Debug, Default)]
pub(super) struct Foundation {
    kafka: Option<Kafka>,
    store: Option<Part>,
    queues: Option<Part>,
}

impl Foundation {
    /// Starts Kafka, store and queues side by side.
    ///
    /// # Errors
    /// One of them does not come up.
    pub(super) async fn start(
        &mut self,
        ground: &Ground,
        ports: &mut Ports,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let setup = ground.has(PartKind::Kafka).then(|| kafka_setup(ground, ports)).transpose()?;
        let kafka = async {
            let Some(setup) = &setup else { return Ok(None) };
            let kafka = setup.start(&ground.launcher).await?;
            let topics = topics::fixed(ground.options.brokers, ground.options.edges);
            topics::create(&kafka.bootstrap, setup.nodes.len(), &topics).await?;
            anyhow::Ok(Some(kafka))
        };
        let (kafka, store, queues) = tokio::join!(kafka, start_store(ground), start_queues(ground));
        (self.kafka, self.store, self.queues) = (kafka?, store?, queues?);
        self.tell(ground, report);
        Ok(())
    }

    /// Kafka's brokers; empty without Kafka.
    #[must_use]
    pub(super) fn bootstrap(&self) -> &str {
        self.kafka.as_ref().map_or("", |kafka| &kafka.bootstrap)
    }

    /// Stops the queues, the store and then Kafka.
    pub(super) async fn stop(self) {
        for part in [self.queues, self.store].into_iter().flatten() {
            part.stop().await;
        }
        if let Some(kafka) = self.kafka {
            futures_util::future::join_all(kafka.parts.into_iter().map(Part::stop)).await;
        }
    }

    fn tell(&self, ground: &Ground, report: &mut Report) {
        if let Some(kafka) = &self.kafka {
            let brokers = (1..=kafka.parts.len()).map(|id| json!({ "part": kafka::part(id) }));
            let brokers: Vec<_> = brokers.collect();
            let facts = json!({ "bootstrap": kafka.bootstrap, "brokers": brokers });
            let words = format!("{} (log {})", kafka.bootstrap, log(ground, &kafka::part(1)));
            report.part("kafka", &words, facts);
        }
        let Ground { endpoints, template, .. } = ground;
        if self.store.is_some() {
            let words = format!("{} ({} tables)", endpoints.store, template.tables.len());
            let facts = json!({ "url": endpoints.store, "part": "store" });
            report.part("store", &words, facts);
        }
        if self.queues.is_some() {
            let words = format!("{} ({} queues)", endpoints.queues, template.queues.len());
            let facts = json!({ "url": endpoints.queues, "part": "queues" });
            report.part("queues", &words, facts);
        }
    }
}

fn log(ground: &Ground, name: &str) -> String {
    ground.launcher.log_path(name).display().to_string()
}

fn kafka_setup(ground: &Ground, ports: &mut Ports) -> anyhow::Result<Setup> {
    let mut nodes = Vec::new();
    for id in 1..=ground.options.brokers {
        // Each broker's two ports are neighbours: 9092, 9093; 9094, 9095; …
        let usual = ports::KAFKA + u16::try_from(2 * (id - 1))?;
        let port = ports.take(usual)?.port();
        nodes.push(Node { id, port, controller_port: ports.take(usual + 1)?.port() });
    }
    Ok(Setup {
        home: ground.options.kafka()?,
        state: ground.state.join("kafka"),
        nodes,
        heap_mb: ground.options.kafka_heap_mb,
    })
}

async fn start_store(ground: &Ground) -> anyhow::Result<Option<Part>> {
    if !ground.has(PartKind::Store) {
        return Ok(None);
    }
    let mut arguments = vec!["store".into(), "--listen".into(), ground.store.to_string().into()];
    if !ground.options.store_in_memory {
        arguments.extend(["--path".into(), ground.state.join("store/tables.db").into()]);
    }
    let part = own_part(ground, "store", arguments, ground.store).await?;
    aws::create_tables(&ground.endpoints.dynamodb(), &ground.template.tables).await?;
    Ok(Some(part))
}

async fn start_queues(ground: &Ground) -> anyhow::Result<Option<Part>> {
    if !ground.has(PartKind::Queues) {
        return Ok(None);
    }
    // It makes them itself: started again, it has forgotten them.
    let declared = ground.state.join("queues.json");
    std::fs::write(&declared, serve::declare(&ground.template.queues).to_string())?;
    let mut arguments = vec!["queues".into(), "--listen".into(), ground.queues.to_string().into()];
    arguments.extend(["--declared".into(), declared.into()]);
    own_part(ground, "queues", arguments, ground.queues).await.map(Some)
}

/// A subcommand of this program as a part.
async fn own_part(
    ground: &Ground,
    name: &str,
    arguments: Vec<OsString>,
    address: SocketAddr,
) -> anyhow::Result<Part> {
    let launch = Launch {
        name: name.to_owned(),
        program: ground.launcher.runner.clone(),
        arguments,
        environment: Vec::new(),
    };
    let part = Part::keep(ground.launcher.clone(), launch, PATIENCE)?;
    await_listener(name, address, PATIENCE).await?;
    Ok(part)
}
