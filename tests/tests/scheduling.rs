//! Scheduled messages on the whole gateway, with `smpplib` as the customer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

use gateway_tests::stack::{Stack, programs, root};

#[test]
fn scheduled_messages_arrive_in_time_unless_cancelled_and_as_they_were_replaced() {
    let installed = Command::new(root().join("tools/clients-install")).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let said = String::from_utf8(installed.stdout).unwrap();
    let clients = said.lines().last().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("smsc.jsonl");
    let argument = format!("--smsc-arg={}", record.display());
    let stack = Stack::start(&programs(), &["--store-in-memory", "--smsc-arg=--record", &argument])
        .unwrap();
    let port = stack.fact("/edge/0/smpp").rsplit(':').next().unwrap();
    let output = Command::new(format!("{clients}/venv/bin/python"))
        .arg("tests/clients/python/scheduling.py")
        .env("SMPP_HOST", "127.0.0.1")
        .env("SMPP_PORT", port)
        .env("SMPP_TLS_PORT", "1")
        .env("SMPP_CA", "none")
        .env("SMPP_SYSTEM_ID", "acme")
        .env("SMPP_PASSWORD", "secret")
        .env("SMPP_OTHER_SYSTEM_ID", "beta")
        .env("SMPP_OTHER_PASSWORD", "beta-pw")
        .env("SMSC_RECORD", &record)
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}\n{}", stack.said());
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 8, "{said}");
    stack.stop().unwrap();
}
