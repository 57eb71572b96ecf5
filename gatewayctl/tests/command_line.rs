//! The command line as a user meets it: files in, text and exit code out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GOOD: &str = "\
customers:
  - id: acme
providers:
  - id: alpha
    link:
      smpp: { host: h, port: 2775, system_id: us, password_secret: s }
    slots: [0, 1]
routes:
  - id: all
    to: [{ provider: alpha }]
";

fn written(directory: &Path, name: &str, yaml: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, yaml).unwrap();
    path
}

fn gatewayctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gatewayctl"))
        .args(arguments)
        .env_remove("GATEWAY_URL")
        .env_remove("GATEWAY_TOKEN_FILE")
        .output()
        .unwrap()
}

fn validate(files: &[(&str, &str)]) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<String> = files
        .iter()
        .map(|(name, yaml)| written(directory.path(), name, yaml).display().to_string())
        .collect();
    let mut arguments = vec!["validate"];
    arguments.extend(paths.iter().map(String::as_str));
    let output = gatewayctl(&arguments);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    (output.status.code().unwrap(), text.replace(&format!("{}/", directory.path().display()), ""))
}

#[test]
fn a_good_file_is_valid() {
    let (code, text) = validate(&[("good.yaml", GOOD)]);
    assert_eq!(
        (code, text.as_str()),
        (0, "valid: 1 customers, 1 providers, 1 routes, 0 numbers\n")
    );
}

#[test]
fn the_configuration_of_make_run_is_valid() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../local/config.yaml");
    let output = gatewayctl(&["validate", sample]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
}

#[test]
fn a_mistake_is_told_with_file_line_field_and_cure() {
    let wrong =
        GOOD.replace("slots: [0, 1]", "slots: [0, 0]").replace("provider: alpha", "provider: beta");
    let (code, text) = validate(&[("wrong.yaml", &wrong)]);
    assert_eq!(code, 1);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("wrong.yaml:7: providers[0].slots[1]: slot 0 is also at"),
        "{text}"
    );
    assert!(lines[1].starts_with("    cure: "), "{text}");
    assert!(lines[2].starts_with("wrong.yaml:10: routes[0].to[0].provider: there is no"), "{text}");
    assert_eq!(lines[4], "2 mistakes; nothing was changed");
}

#[test]
fn a_wrong_form_is_told_with_file_line_field_and_cure() {
    let table = [
        ("port: 2775", "port: http", "wrong.yaml:6: providers[0].link.smpp.port: "),
        ("slots: [0, 1]", "slots: 0", "wrong.yaml:7: providers[0].slots: "),
        ("    slots:", "    slot:", "wrong.yaml:7: "),
        ("routes:\n", "routes: [\n", "wrong.yaml:"),
    ];
    for (right, wrong, expected) in table {
        let (code, text) = validate(&[("wrong.yaml", &GOOD.replace(right, wrong))]);
        assert_eq!(code, 1, "{text}");
        assert!(text.starts_with(expected), "{wrong}: {text}");
        assert!(text.contains("cure: "), "{text}");
    }
}

#[test]
fn several_files_are_one_document_and_a_mistake_names_its_own_file() {
    let routes = GOOD.find("routes:").unwrap();
    let (first, second) = GOOD.split_at(routes);
    assert_eq!(validate(&[("a.yaml", first), ("b.yaml", second)]).0, 0);
    let third =
        "routes:\n  - id: again\n    when: {destinations: ['+49']}\n    to: [{provider: alpha}]\n";
    let (code, text) = validate(&[("a.yaml", first), ("b.yaml", second), ("c.yaml", third)]);
    assert_eq!(code, 1);
    assert!(text.starts_with("c.yaml:3: routes[1].when.destinations[0]: "), "{text}");
}

#[test]
fn a_program_gets_json() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = written(directory.path(), "wrong.yaml", &GOOD.replace("[0, 1]", "[]"));
    let output = gatewayctl(&["--json", "validate", &wrong.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["mistakes"][0]["field"], "providers[0].slots");
    assert_eq!(json["mistakes"][0]["line"], 7);
}

#[test]
fn the_schema_is_json_that_names_the_documents_parts() {
    let output = gatewayctl(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for part in ["customers", "providers", "routes", "numbers"] {
        assert!(schema["properties"][part].is_object(), "{schema}");
    }
}

#[test]
fn exit_codes_tell_wrong_usage_and_a_gateway_that_does_not_answer() {
    assert_eq!(gatewayctl(&["frobnicate"]).status.code(), Some(2));
    let directory = tempfile::tempdir().unwrap();
    let token = written(directory.path(), "token", "t").display().to_string();
    // Port 9 (discard) is closed on loopback.
    let url = "http://127.0.0.1:9";
    let output = gatewayctl(&["--url", url, "--token-file", &token, "show"]);
    assert_eq!(output.status.code(), Some(3));
    let open = "http://gateway.example";
    let output = gatewayctl(&["--url", open, "--token-file", &token, "show"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_to_be_redriven_has_to_be_said_one_way_or_the_other() {
    let wrong: [&[&str]; 6] = [
        &["dead-letters", "redrive"],
        &["dead-letters", "redrive", "--topic", "t"],
        &["dead-letters", "redrive", "0/1", "--topic", "t", "--since", "2h"],
        &["dead-letters", "list", "--since", "yesterday"],
        &["doubts", "resolve", "--slot", "1", "--intent", "2"],
        &["doubts", "resolve", "--slot", "1", "--intent", "2", "--part", "0", "drop"],
    ];
    for arguments in wrong {
        assert_eq!(gatewayctl(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
