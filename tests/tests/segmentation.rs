//! Our segmentation against an independent one (npm `sms-segments-calculator`) over a corpus of
//! texts: the same alphabet and the same number of segments for each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Stdio};

use domain::segmentation::{self, Alphabet};
use gateway_tests::stack::root;
use serde::Deserialize;
use smpp::coding::Coding;

#[derive(Deserialize)]
struct Text {
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct Opinion {
    encoding: String,
    segments_by_scalar: usize,
}

/// Alphabet and number of segments, as a text that came whole would be sent.
fn ours(text: &str) -> (&'static str, usize) {
    let (name, alphabet, octets) = match Coding::Gsm.encode(text) {
        Ok(octets) => ("GSM-7", Alphabet::of(0), octets),
        Err(_) => ("UCS-2", Alphabet::of(8), Coding::Ucs2.encode(text).unwrap()),
    };
    if segmentation::fits_one(alphabet, &octets, &[]) {
        return (name, 1);
    }
    (name, segmentation::cut(alphabet, &octets, &[]).unwrap().len())
}

#[test]
fn segments_are_those_of_an_independent_calculator() {
    let installed = Command::new(root().join("tools/clients-install")).output().unwrap();
    let clients = String::from_utf8(installed.stdout).unwrap();
    let corpus = std::fs::read_to_string(root().join("tests/clients/corpus/corpus.jsonl")).unwrap();
    let oracle = Command::new("node")
        .arg(root().join("tests/clients/node/segments_oracle.mjs"))
        .env("CLIENTS_DIR", clients.lines().last().unwrap())
        .stdin(std::fs::File::open(root().join("tests/clients/corpus/corpus.jsonl")).unwrap())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let opinions = String::from_utf8(oracle.stdout).unwrap();
    let texts: Vec<Text> = corpus.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let opinions: Vec<Opinion> =
        opinions.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(texts.len() >= 500 && texts.len() == opinions.len());
    let differ: Vec<String> = texts
        .iter()
        .zip(&opinions)
        .filter(|(text, opinion)| {
            // An empty message is one segment to us, none to some.
            let theirs = opinion.segments_by_scalar.max(1);
            ours(&text.text) != (opinion.encoding.as_str(), theirs)
        })
        .map(|(text, opinion)| {
            let (encoding, segments) = ours(&text.text);
            let Opinion { encoding: theirs, segments_by_scalar: count } = opinion;
            format!("{}: {encoding} {segments}, oracle {theirs} {count}", text.id)
        })
        .collect();
    assert!(differ.is_empty(), "{} texts differ:\n{}", differ.len(), differ.join("\n"));
}
