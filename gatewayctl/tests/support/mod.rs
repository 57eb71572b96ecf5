//! An admin API on loopback that plays answers back.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use flate2::read::GzDecoder;
use gatewayctl::cli::Cli;
use gatewayctl::commands;
use gatewayctl::failure::Failure;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const YAML: &str = "\
providers:
  - id: alpha
    link:
      smpp: { host: h, port: 2775, system_id: us, password_secret: s }
    slots: [0]
";

/// What the gateway was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) authorization: String,
    pub(crate) body: Value,
}

/// Answers each connection with the next of `answers` (status, body; status 0: closes it).
pub(crate) struct Gateway {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    directory: tempfile::TempDir,
}

impl Gateway {
    pub(crate) async fn answering(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = asked.clone();
        tokio::spawn(async move {
            for (status, body) in answers {
                let (stream, _) = listener.accept().await.unwrap();
                serve(stream, &heard, status, &body).await;
            }
        });
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("token"), "top-secret\n").unwrap();
        std::fs::write(directory.path().join("config.yaml"), YAML).unwrap();
        Self { url, asked, directory }
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let token = self.file("token");
        let start = ["gatewayctl", "--url", &self.url, "--token-file", &token];
        let cli = Cli::try_parse_from(start.iter().chain(arguments)).unwrap();
        commands::run(&cli).await
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, heard: &Mutex<Vec<Asked>>, status: u16, body: &Value) {
    let mut read = Vec::new();
    let (head, length) = loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the request is cut");
        read.extend_from_slice(&buffer[..count]);
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(read[..end].to_vec()).unwrap();
        let length: usize = header(&head, "content-length").parse().unwrap_or(0);
        if read.len() >= end + 4 + length {
            break (head, length);
        }
    };
    let mut json = Vec::new();
    if length > 0 {
        GzDecoder::new(&read[read.len() - length..]).read_to_end(&mut json).unwrap();
    }
    heard.lock().unwrap().push(Asked {
        line: head.lines().next().unwrap().to_owned(),
        authorization: header(&head, "authorization"),
        body: serde_json::from_slice(&json).unwrap_or_default(),
    });
    if status > 0 {
        let body = body.to_string();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn header(head: &str, name: &str) -> String {
    let found = head.lines().filter_map(|line| line.split_once(": "));
    let mut found = found.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.to_owned()).unwrap_or_default()
}
