//! Real clients, unmodified: `smpplib` (Python) and `smpp` (Node) against the whole gateway. Their
//! traffic is captured where the machine allows it, and dissected by tshark.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

use gateway_tests::clients::installed;
use gateway_tests::stack::{Stack, programs, root};

/// What the scripts are told.
struct Stage {
    stack: Stack,
    tls_port: u16,
    authority: PathBuf,
    record: PathBuf,
    directory: tempfile::TempDir,
}

impl Stage {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let record = directory.path().join("smsc.jsonl");
        let (authority, key) = certificate(directory.path());
        let tls_port = free_port();
        let arguments = [
            "--store-in-memory".to_owned(),
            "--config=tests/clients/config.yaml".to_owned(),
            "--smsc-arg=--record".to_owned(),
            format!("--smsc-arg={}", record.display()),
            "--env=ENQUIRE_LINK_S=3".to_owned(),
            format!("--env=SMPP_TLS_LISTEN=127.0.0.1:{tls_port}"),
            format!("--env=SMPP_TLS_CERTIFICATE={}", authority.display()),
            format!("--env=SMPP_TLS_KEY={}", key.display()),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let stack = Stack::start(&programs(), &arguments).unwrap();
        Self { stack, tls_port, authority, record, directory }
    }

    fn ports(&self) -> [String; 2] {
        [self.stack.fact("/edge/0/smpp"), self.stack.fact("/smsc/smpp")]
            .map(|address| address.rsplit(':').next().unwrap().to_owned())
    }

    fn client(&self, clients: &str, mut command: Command) -> Output {
        let [port, _] = self.ports();
        command
            .env("CLIENTS_DIR", clients)
            .env("SMPP_HOST", "127.0.0.1")
            .env("SMPP_PORT", port)
            .env("SMPP_TLS_PORT", self.tls_port.to_string())
            .env("SMPP_CA", &self.authority)
            .env("SMPP_SYSTEM_ID", "acme")
            .env("SMPP_PASSWORD", "secret")
            .env("SMPP_ENQUIRE_LINK_SECONDS", "3")
            .env("SMSC_RECORD", &self.record)
            .current_dir(root())
            .output()
            .unwrap()
    }
}

/// A certificate for the loopback address that is its own authority, and its key.
fn certificate(directory: &std::path::Path) -> (PathBuf, PathBuf) {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (directory.join("edge.pem"), directory.join("edge.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn expect_ok(name: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}:\n{said}\n{errors}");
    assert!(said.lines().filter(|line| line.starts_with("ok ")).count() >= 30, "{name}:\n{said}");
}

#[test]
fn python_and_node_clients_get_everything_through_and_every_pdu_is_well_formed() {
    let clients = installed().unwrap();
    let stage = Stage::start();
    let capture = root().join("tests/clients/capture");
    let pcap = stage.directory.path().join("run.pcap");
    let started = Command::new(capture.join("capture.sh"))
        .arg("start")
        .arg(&pcap)
        .args(stage.ports())
        .output();
    // 77: this machine allows no capture.
    let captured = started.unwrap().status.success();

    let mut python = Command::new(format!("{clients}/venv/bin/python"));
    python.arg("tests/clients/python/smpplib_client.py");
    let python = stage.client(&clients, python);
    let mut node = Command::new("node");
    node.arg("tests/clients/node/smpp_client.mjs");
    let node = stage.client(&clients, node);

    if captured {
        let stopped = Command::new(capture.join("capture.sh")).arg("stop").arg(&pcap).output();
        assert!(stopped.unwrap().status.success());
    }
    expect_ok("smpplib", &python);
    expect_ok("npm smpp", &node);
    if captured {
        let dissected = Command::new(capture.join("dissect.sh"))
            .args(["--allow", "0x0000000a"])
            .arg(&pcap)
            .args(stage.ports())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&dissected.stdout);
        let errors = String::from_utf8_lossy(&dissected.stderr);
        assert!(dissected.status.success(), "malformed PDUs:\n{said}\n{errors}");
    }
    stage.stack.stop().unwrap();
}
