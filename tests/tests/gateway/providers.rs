//! Real providers: npm `smpp` and PyPI `smppy`, unmodified, as SMSCs. A message goes out, its receipt and
//! a handset's message come back.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gateway_tests::clients::installed;
use gateway_tests::stack::{Stack, programs, root};
use gateway_tests::{journeys, ports};
use wire::message_events::Happened;

/// What handsets write to.
const NUMBER: &str = "72000";
/// Where what goes to each of them begins.
const NODE: &str = "--destinations=4477";
const PYTHON: &str = "--destinations=4917";
const TOLD_MAX: Duration = Duration::from_secs(20);

struct Provider(Child);

impl Provider {
    fn start(mut command: Command, port: u16) -> Self {
        let command = command.args([&port.to_string(), NUMBER]).current_dir(root());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let provider = Self(child);
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        // What it says later (refusals) is shown by the test that fails.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::stderr()));
        provider
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // Ended already, or ended now.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn configuration(node: u16, python: u16) -> String {
    let customers = std::fs::read_to_string(root().join("tests/clients/config.yaml")).unwrap();
    let (customers, _) = customers.split_once("providers:").unwrap();
    let provider = |id: &str, port: u16, rest: &str| {
        format!(
            "  - id: {id}\n    link:\n      smpp: {{ host: 127.0.0.1, port: {port}, system_id: gateway, \
             password_secret: {id}-password }}\n{rest}"
        )
    };
    // smppy reads one PDU of what it receives at once: only one submit may be under way.
    format!(
        "{customers}providers:\n{}{}routes:\n  - id: node\n    when: {{ destinations: [\"4477\"] }}\n    \
         to: [{{ provider: node }}]\n  - id: python\n    when: {{ destinations: [\"4917\"] }}\n    \
         to: [{{ provider: python }}]\nnumbers:\n  - address: {{ short_code: {{ code: \"{NUMBER}\" }} }}\n    \
         customer: acme\n",
        provider("node", node, "    slots: [0, 1]\n    window: 20\n"),
        provider("python", python, "    slots: [2]\n    window: 1\n"),
    )
}

#[test]
fn messages_go_out_to_real_providers_and_receipts_and_messages_come_back() {
    let clients = installed().unwrap();
    let base = ports::neighbours(2).unwrap();
    let mut node = Command::new("node");
    node.arg("tests/clients/node/provider.mjs").env("CLIENTS_DIR", &clients);
    let _node = Provider::start(node, base);
    let mut python = Command::new(Path::new(&clients).join("venv/bin/python"));
    python.arg("tests/clients/python/provider.py");
    let _python = Provider::start(python, base + 1);
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    std::fs::write(&config, configuration(base, base + 1)).unwrap();
    let config = format!("--config={}", config.display());
    let stack =
        Stack::start(&programs(), &["--store-in-memory", "--without=smsc", &config]).unwrap();

    let both_ways = ["--run=1", "--count=100", "--window=5", "--receipts", "--expect-messages=100"];
    let end = ["--linger=1", "--deadline=90", "--text-octets=80"];
    let report = stack.load([&both_ways[..], &end, &[NODE]].concat()).unwrap();
    let receipts = &report.receipts;
    assert_eq!((receipts.matched, receipts.missing, receipts.doubled), (100, 0, 0), "{report}");
    assert_eq!((receipts.foreign, receipts.ids_differ), (0, 0), "{report}");
    assert_eq!((report.messages[0].distinct, report.messages[0].doubled), (100, 0), "{report}");

    // Slowly: two PDUs in one read are one too many for smppy.
    let asked = ["--run=2", "--count=6", "--rate=2", "--receipt=1", "--expect-messages=6"];
    let acked = directory.path().join("acked.jsonl");
    let acked_to = format!("--acked={}", acked.display());
    let report = stack.load([&asked[..], &end, &[PYTHON, &acked_to]].concat()).unwrap();
    assert_eq!((report.messages[0].distinct, report.messages[0].doubled), (6, 0), "{report}");
    assert_eq!(report.receipts.received, 0, "without an id there is nothing to match: {report}");
    without_ids_messages_end_as_submitted(&stack, &std::fs::read_to_string(&acked).unwrap());
    stack.stop().unwrap();
}

/// The provider took them and gave no id: that is what their journeys say, and no more.
fn without_ids_messages_end_as_submitted(stack: &Stack, acked: &str) {
    let ids = acked.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["acknowledged"].as_str().unwrap().parse().unwrap()
    });
    let ids: Vec<domain::id::MessageId> = ids.collect();
    let deadline = Instant::now() + TOLD_MAX;
    loop {
        let journeys = journeys::read(stack.fact("/kafka/bootstrap")).unwrap();
        let submitted = |id| {
            let journey = journeys.get(id)?;
            journey.iter().find(|event| event.happened == Happened::Submitted)
        };
        let found: Vec<_> = ids.iter().filter_map(submitted).collect();
        if found.len() == ids.len() {
            assert!(found.iter().all(|event| event.provider_message_id.is_empty()), "{found:?}");
            return;
        }
        assert!(Instant::now() < deadline, "{} of {} were submitted", found.len(), ids.len());
        std::thread::sleep(Duration::from_millis(200));
    }
}
