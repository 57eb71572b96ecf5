//! A queue's mapping, and the queues' own process.

use std::time::Duration;

use aws_sdk_sqs::Client;
use local::aws::Endpoints;
use local::process::{Launch, Launcher, Part, Status};
use local::runtime::Function;
use local::sources::sqs::Mapping;
use local::template::{Queue, SqsMapping};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::broker::{free_port, launcher, runtime};
use crate::recorder::{self, Ended, Invocation};
use crate::scene::{function, plan_in, until};

/// Queues in a process of their own, a recording function, and a mapping between them.
struct Scene {
    runtime: Runtime,
    launcher: Launcher,
    part: Option<Part>,
    client: Client,
    url: String,
    mapping: Option<Mapping>,
    directory: TempDir,
}

impl Scene {
    fn start(partial: bool) -> Self {
        let directory = TempDir::with_prefix("queues-").unwrap();
        let (runtime, launcher) = (runtime(), launcher(&directory));
        let address = format!("127.0.0.1:{}", free_port());
        let part = keep(&runtime, &launcher, launch(&launcher, &address, &directory));
        let endpoint = format!("http://{address}");
        let client = Endpoints {
            region: "us-east-1".into(),
            store: String::new(),
            queues: endpoint.clone(),
        }
        .sqs();
        let url = format!("{endpoint}/{}/work", local::ACCOUNT);
        let mapping = SqsMapping {
            queue_arn: format!("arn:aws:sqs:us-east-1:{}:work", local::ACCOUNT),
            batch_size: 10,
            window: Duration::ZERO,
            partial,
            concurrency_max: None,
        };
        let function = Function::new(function("work", &directory), launcher.clone());
        let inside = runtime.enter();
        let mapping = Mapping::start(&mapping, &url, 1, &function, &client);
        drop(inside);
        Self { runtime, launcher, part: Some(part), client, url, mapping: Some(mapping), directory }
    }

    fn send(&self, body: &str) {
        until("the queue", || {
            let sent = self.client.send_message().queue_url(&self.url).message_body(body).send();
            self.runtime.block_on(sent).ok()
        });
    }

    fn until(&self, what: &str, reached: impl Fn(&[Invocation]) -> bool) -> Vec<Invocation> {
        until(what, || Some(recorder::read(self.directory.path())).filter(|log| reached(log)))
    }

    fn pid(&self) -> Option<i32> {
        match self.launcher.roster.follow().borrow().get("queues") {
            Some(Status::Running(pid)) => Some(*pid),
            _ => None,
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Its receives end with the queues.
        if let Some(part) = self.part.take() {
            self.runtime.block_on(part.stop());
        }
        if let Some(mapping) = self.mapping.take() {
            self.runtime.block_on(mapping.stop());
        }
    }
}

fn keep(runtime: &Runtime, launcher: &Launcher, launch: Launch) -> Part {
    let launcher = launcher.clone();
    let keeping =
        runtime.spawn(async move { Part::keep(launcher, launch, Duration::from_secs(5)) });
    runtime.block_on(keeping).unwrap().unwrap()
}

fn launch(launcher: &Launcher, address: &str, directory: &TempDir) -> Launch {
    let attributes = [("VisibilityTimeout".to_owned(), "1".to_owned())].into();
    let queue = Queue { name: "work".to_owned(), attributes };
    let declared = directory.path().join("queues.json");
    std::fs::write(&declared, local::serve::declare(&[queue]).to_string()).unwrap();
    let declared = declared.to_str().unwrap();
    let arguments = ["queues", "--listen", address, "--declared", declared];
    Launch {
        name: "queues".to_owned(),
        program: launcher.runner.clone(),
        arguments: arguments.map(Into::into).into(),
        environment: Vec::new(),
    }
}

/// How often a message came.
fn times(log: &[Invocation], body: &str) -> usize {
    log.iter().filter(|it| it.records.iter().any(|record| record.value == body)).count()
}

#[test]
fn only_the_messages_that_a_function_names_come_again() {
    let scene = Scene::start(true);
    plan_in(&scene.directory, &json!({ "partial": ["bad"] }));
    for body in ["good", "bad", "fine"] {
        scene.send(body);
    }
    let log = scene.until("a third try", |log| times(log, "bad") >= 3);
    assert_eq!((times(&log, "good"), times(&log, "fine")), (1, 1), "{log:#?}");
    plan_in(&scene.directory, &json!({}));
}

#[test]
fn all_messages_of_a_batch_that_fails_come_again() {
    let scene = Scene::start(false);
    plan_in(&scene.directory, &json!({ "fail": ["bad"] }));
    scene.send("bad");
    scene.until("a second try", |log| times(log, "bad") >= 2);
    plan_in(&scene.directory, &json!({}));
    scene.until("its end", |log| log.iter().any(|it| it.ended == Ended::Done));
}

#[test]
fn queues_whose_process_is_killed_are_there_again_and_work() {
    let scene = Scene::start(true);
    scene.send("before");
    scene.until("the first message", |log| times(log, "before") == 1);
    let pid = scene.pid().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    until("another process", || scene.pid().filter(|now| *now != pid));
    scene.send("after");
    scene.until("the second message", |log| times(log, "after") == 1);
}
