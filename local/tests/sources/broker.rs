//! One broker for all tests that run at the time; the last one takes it down.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use clap::Parser as _;
use local::kafka::properties::Node;
use local::kafka::topics::{self, Topic};
use local::kafka::{Kafka, Setup};
use local::options::Options;
use local::process::{Launcher, Roster};
use platform::kafka::{KafkaSettings, Outcome, Publisher, Record, Sink};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(30);

static SHARED: Mutex<Weak<Broker>> = Mutex::new(Weak::new());

pub(crate) struct Broker {
    pub(crate) runtime: Runtime,
    pub(crate) launcher: Launcher,
    kafka: Option<Kafka>,
    _directory: TempDir,
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

impl Broker {
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let broker = Arc::new(Self::start());
            *shared = Arc::downgrade(&broker);
            broker
        })
    }

    fn start() -> Self {
        let directory = TempDir::with_prefix("local-sources-").unwrap();
        let launcher = launcher(&directory);
        let setup = Setup {
            home: Cli::parse_from(["test"]).options.kafka().unwrap(),
            state: directory.path().join("kafka"),
            nodes: vec![Node { id: 1, port: free_port(), controller_port: free_port() }],
            heap_mb: 128,
        };
        let runtime = runtime();
        // On a worker: children end with the thread that started them.
        let starter = launcher.clone();
        let starting = runtime.spawn(async move { setup.start(&starter).await });
        let kafka = runtime.block_on(starting).unwrap().unwrap();
        Self { runtime, launcher, kafka: Some(kafka), _directory: directory }
    }

    pub(crate) fn bootstrap(&self) -> &str {
        self.kafka.as_ref().map(|kafka| kafka.bootstrap.as_str()).unwrap()
    }

    pub(crate) fn make_topic(&self, name: &'static str, partitions: i32) {
        let topic = Topic { name, partitions, append_time: false };
        self.runtime.block_on(topics::create(self.bootstrap(), 1, &[topic])).unwrap();
    }

    /// Each value to its partition, in order, all stored.
    pub(crate) fn produce(&self, topic: &str, values: impl IntoIterator<Item = (i32, String)>) {
        struct Stored;
        impl Sink for Stored {
            fn ended(&self, _: u64, outcome: Outcome) {
                assert!(matches!(outcome, Outcome::Stored { .. }), "{outcome:?}");
            }
        }
        let settings = KafkaSettings::local(self.bootstrap());
        let config = settings.producer(0, 30_000);
        let publisher = Publisher::new(&settings, &config, Arc::new(Stored)).unwrap();
        for (partition, value) in values {
            let (partition, value) = (Some(partition), value.as_bytes());
            publisher.send(Record { topic, partition, key: b"", value, token: 0 }).unwrap();
        }
        publisher.flush(PATIENCE).unwrap();
        assert_eq!(publisher.in_flight(), 0);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let parts = self.kafka.take().map(|kafka| kafka.parts).unwrap_or_default();
        for part in parts {
            self.runtime.block_on(part.stop());
        }
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) fn launcher(directory: &TempDir) -> Launcher {
    Launcher {
        runner: PathBuf::from(env!("CARGO_BIN_EXE_local")),
        logs: directory.path().join("logs"),
        roster: Roster::default(),
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
