//! A service does not start on a topic that could lose what was acknowledged: it names the cause and
//! the cure, and ends.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gateway_tests::stack::{Stack, programs};
use platform::kafka::{Context, KafkaSettings, check_topics};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use wire::topics::{CUSTOMER_INCOMING_MESSAGES, SUBMIT_JOURNAL};

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

struct Cluster {
    stack: Stack,
    settings: KafkaSettings,
    admin: AdminClient<Context>,
}

impl Cluster {
    fn start() -> Self {
        let stack = Stack::start(&programs(), &["--only=kafka", "--brokers=3"]).unwrap();
        let mut settings = KafkaSettings::local(stack.fact("/kafka/bootstrap"));
        settings.allow_single_broker = false;
        let admin = settings.client().create_with_context(settings.context()).unwrap();
        Self { stack, settings, admin }
    }

    async fn alter(&self, topic: &str, name: &str, value: &str) {
        let resource = ResourceSpecifier::Topic(topic);
        let mut change = AlterConfig::new(resource).set(name, value);
        if name != "min.insync.replicas" {
            change = change.set("min.insync.replicas", "2");
        }
        let altered = self.admin.alter_configs([&change], &AdminOptions::new()).await.unwrap();
        altered.into_iter().for_each(|one| drop(one.unwrap()));
    }

    async fn refusal(&self, topic: &str) -> Option<String> {
        let checked = check_topics(&self.settings, &[topic.to_owned()]).await;
        checked.err().map(|error| format!("{error:#}"))
    }

    /// Waits until the check says so: a change reaches the brokers one after the other.
    async fn await_refusal(&self, topic: &str, wanted: Option<&str>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let refusal = self.refusal(topic).await;
            let so = match (&refusal, wanted) {
                (Some(refusal), Some(wanted)) => refusal.contains(wanted),
                (refusal, wanted) => refusal.is_none() && wanted.is_none(),
            };
            if so {
                return;
            }
            assert!(Instant::now() < deadline, "{topic}: {refusal:?} instead of {wanted:?}");
        }
    }

    /// What a service says when it ends by itself, which it has to.
    fn said_by(&self, program: &str) -> String {
        let mut child = Command::new(programs().join(program))
            .env_clear()
            .env("KAFKA_BOOTSTRAP", self.stack.fact("/kafka/bootstrap"))
            .env("HEALTH_LISTEN", "127.0.0.1:0")
            .env("SMPP_LISTEN", "127.0.0.1:0")
            .env("TABLE_CONFIG", "none")
            .env("TABLE_CUSTOMER_BINDS", "none")
            .env("TABLE_EDGE_NODES", "none")
            .env("TABLE_MAILBOXES", "none")
            .env("TABLE_SCHEDULED", "none")
            .env("QUEUE_RELEASES", "http://127.0.0.1:1/none")
            .env("TABLE_MESSAGES", "none")
            .env("SECRETS_DIR", self.stack.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{program} started on a weak topic");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success(), "{program}: {}", output.status);
        [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_refuse_topics_that_are_too_weak_and_say_why_and_what_to_do() {
    let cluster = Cluster::start();
    for topic in [CUSTOMER_INCOMING_MESSAGES, SUBMIT_JOURNAL] {
        cluster.await_refusal(topic, None).await;
    }

    let single = NewTopic::new("single", 1, TopicReplication::Fixed(1));
    let made = cluster.admin.create_topics([&single], &AdminOptions::new()).await.unwrap();
    assert!(made[0].is_ok());
    cluster.await_refusal("single", Some("has 1 replicas, 3 are needed")).await;
    assert!(cluster.refusal("missing").await.unwrap().contains("does not exist"));

    cluster.alter(CUSTOMER_INCOMING_MESSAGES, "unclean.leader.election.enable", "true").await;
    let cause = "unclean.leader.election.enable is on";
    cluster.await_refusal(CUSTOMER_INCOMING_MESSAGES, Some(cause)).await;

    let cause = "min.insync.replicas is 1, 2 are needed";
    for (program, topic) in
        [("smpp-edge", CUSTOMER_INCOMING_MESSAGES), ("provider-sender", SUBMIT_JOURNAL)]
    {
        cluster.alter(topic, "min.insync.replicas", "1").await;
        cluster.await_refusal(topic, Some(cause)).await;
        let said = cluster.said_by(program);
        assert!(said.contains(&format!("topic {topic}: {cause}")), "{program}:\n{said}");
        assert!(said.contains("Raise it, or on one machine only"), "{program}:\n{said}");
    }
    cluster.stack.stop().unwrap();
}
