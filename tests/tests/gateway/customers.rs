//! Real customers receive: `smpplib` (Python) and `smpp` (Node), unmodified, get receipts and handsets'
//! messages from the whole gateway, as receivers and transceivers, late, shared and refused.

use std::path::Path;
use std::process::Command;

use gateway_tests::clients::installed;
use gateway_tests::stack::{Stack, programs, root};

/// Checks that each client makes.
const CHECKS: usize = 10;

fn checked(stack: &Stack, clients: &str, mut command: Command) {
    let port = stack.fact("/edge/0/smpp").rsplit(':').next().unwrap();
    // TLS and the record of submits are not for these checks, but the clients want to be told of them.
    let output = command
        .env("CLIENTS_DIR", clients)
        .env("SMPP_HOST", "127.0.0.1")
        .env("SMPP_PORT", port)
        .env("SMPP_TLS_PORT", port)
        .env("SMPP_CA", "/dev/null")
        .env("SMPP_SYSTEM_ID", "acme")
        .env("SMPP_PASSWORD", "secret")
        .env("SMSC_RECORD", stack.directory().join("none"))
        .env("SMSC_CONTROL", stack.fact("/smsc/control"))
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), CHECKS, "{said}");
}

#[test]
fn python_and_node_customers_receive_receipts_and_messages_wherever_they_are_bound() {
    let clients = installed().unwrap();
    let arguments = ["--store-in-memory", "--config=tests/clients/config.yaml"];
    let stack = Stack::start(&programs(), &arguments).unwrap();
    let mut python = Command::new(Path::new(&clients).join("venv/bin/python"));
    python.arg("tests/clients/python/receiving.py");
    checked(&stack, &clients, python);
    let mut node = Command::new("node");
    node.arg("tests/clients/node/receiving.mjs");
    checked(&stack, &clients, node);
    stack.stop().unwrap();
}
