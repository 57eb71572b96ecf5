//! A topic, a recording function, and mappings between them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use local::runtime::{Function, Settings as FunctionSettings};
use local::sources::kafka::{Cluster, Mapping, Odds, Settings};
use local::template::KafkaMapping;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use tempfile::TempDir;

use crate::broker::Broker;
use crate::recorder::{self, Invocation};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) struct Scene {
    pub(crate) broker: Arc<Broker>,
    pub(crate) function: Arc<Function>,
    pub(crate) topic: &'static str,
    directory: TempDir,
}

impl Scene {
    pub(crate) fn new(topic: &'static str, partitions: i32) -> Self {
        Self::with(topic, partitions, |_| {})
    }

    /// With another function than the usual.
    pub(crate) fn with(
        topic: &'static str,
        partitions: i32,
        change: impl FnOnce(&mut FunctionSettings),
    ) -> Self {
        let broker = Broker::shared();
        broker.make_topic(topic, partitions);
        let directory = TempDir::with_prefix("recorder-").unwrap();
        let mut settings = function(topic, &directory);
        change(&mut settings);
        let function = Function::new(settings, broker.launcher.clone());
        Self { broker, function, topic, directory }
    }

    pub(crate) fn mapping(&self, batch_size: u32) -> KafkaMapping {
        KafkaMapping {
            topics: vec![self.topic.to_owned()],
            group: self.topic.to_owned(),
            from_start: true,
            batch_size,
            window: Duration::ZERO,
            pollers: 1,
            retries_max: None,
            age_max: None,
            bisect: false,
            partial: false,
        }
    }

    pub(crate) fn start(&self, mapping: &KafkaMapping, pollers: u32) -> Mapping {
        self.start_with(mapping, pollers, Odds::default())
    }

    pub(crate) fn start_with(&self, mapping: &KafkaMapping, pollers: u32, odds: Odds) -> Mapping {
        let bootstrap = self.broker.bootstrap().to_owned();
        let cluster = Cluster { arn: "arn:aws:kafka:test".to_owned(), bootstrap };
        let settings = Settings { cluster, odds, seed: 4 };
        let _inside = self.broker.runtime.enter();
        Mapping::start(mapping, pollers, &self.function, &settings).unwrap()
    }

    pub(crate) fn stop(&self, mapping: Mapping) {
        self.broker.runtime.block_on(mapping.stop());
    }

    /// Values `0`, `1`, … of each partition in turn.
    pub(crate) fn produce(&self, partitions: i32, numbers: std::ops::Range<usize>) {
        let values = numbers.flat_map(|number| {
            (0..partitions).map(move |partition| (partition, number.to_string()))
        });
        self.broker.produce(self.topic, values);
    }

    /// What the function does from the next invocation on.
    pub(crate) fn plan(&self, plan: &Value) {
        plan_in(&self.directory, plan);
    }

    pub(crate) fn log(&self) -> Vec<Invocation> {
        recorder::read(self.directory.path())
    }

    pub(crate) fn until(
        &self,
        what: &str,
        reached: impl Fn(&[Invocation]) -> bool,
    ) -> Vec<Invocation> {
        until(what, || Some(self.log()).filter(|log| reached(log)))
    }

    /// The offset that the group has committed for a partition.
    pub(crate) fn committed(&self, partition: i32) -> Option<i64> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.broker.bootstrap())
            .set("group.id", self.topic)
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(self.topic, partition);
        let committed = consumer.committed_offsets(list, PATIENCE).unwrap();
        match committed.elements()[0].offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.function.stop();
    }
}

pub(crate) fn function(name: &str, directory: &TempDir) -> FunctionSettings {
    let own = std::env::current_exe().unwrap();
    let programs = own.parent().and_then(std::path::Path::parent).unwrap();
    let program: PathBuf = programs.join("examples/recorder");
    assert!(program.is_file(), "build it first: cargo build --workspace --all-targets");
    let recorder_dir = directory.path().to_str().unwrap().to_owned();
    let environment = [
        ("RECORDER_DIR", recorder_dir),
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
    ];
    FunctionSettings {
        name: name.to_owned(),
        program,
        environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
        timeout: Duration::from_secs(30),
        concurrency: 2,
        arn: format!("arn:aws:lambda:test:{name}"),
        freeze: false,
        scratch: directory.path().join("tmp"),
    }
}

pub(crate) fn plan_in(directory: &TempDir, plan: &Value) {
    // Whole or not at all: the function reads it at any moment.
    let partial = directory.path().join("plan.partial");
    std::fs::write(&partial, plan.to_string()).unwrap();
    std::fs::rename(partial, directory.path().join("plan.json")).unwrap();
}

pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
