//! The SMSC's answers to what a client may send, octet by octet, and its control port.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use bytes::BytesMut;
use common::{account, load, loopback, smsc, smsc_options};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use simulator::{
    idle,
    load::run,
    smsc::{Smsc, settings::Settings, start, tally::Summary},
};
use smpp::{
    Address, CommandId, CommandStatus, Cutter, Frame, Pdu, Submit,
    frame::Cut,
    pdu::{self, Bind, BindMode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::timeout,
};

/// A client that writes PDUs and reads frames; every wait is bounded.
struct Esme {
    stream: TcpStream,
    input: BytesMut,
}

impl Esme {
    async fn connect(smsc: &Smsc) -> Self {
        let stream = TcpStream::connect(smsc.address).await.expect("it listens");
        Self { stream, input: BytesMut::new() }
    }

    async fn bound(smsc: &Smsc) -> Self {
        let mut client = Self::connect(smsc).await;
        client.send(1, &bind(BindMode::Transceiver)).await;
        let answer = client.receive().await.expect("an answer");
        assert_eq!(answer.header.status, 0);
        client
    }

    async fn send(&mut self, sequence: u32, pdu: &Pdu) {
        let mut octets = BytesMut::new();
        pdu::encode(&mut octets, CommandStatus::EsmeRok, sequence, pdu).expect("it fits");
        self.stream.write_all(&octets).await.expect("it is open");
    }

    /// The next frame; `None` at the end of the stream.
    async fn receive(&mut self) -> Option<Frame> {
        loop {
            if let Cut::Frame(frame) = Cutter::new(Cutter::BOUND).cut(&mut self.input) {
                return Some(frame);
            }
            let read = self.stream.read_buf(&mut self.input);
            if timeout(Duration::from_secs(5), read).await.expect("in time").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Everything up to the end of the stream.
    async fn rest(mut self) -> usize {
        while self.receive().await.is_some() {}
        self.input.len()
    }
}

fn bind(mode: BindMode) -> Pdu {
    Pdu::Bind(Bind {
        mode,
        system_id: "customer".into(),
        password: "secret".into(),
        interface_version: 0x34,
        ..Bind::default()
    })
}

fn submit() -> Submit {
    let destination = Address { addr: "447700900123".into(), ..Address::default() };
    Submit { destination, message: "hello".into(), ..Submit::default() }
}

#[tokio::test]
async fn submits_before_the_bind_or_on_a_receiver_are_out_of_place() {
    let smsc = smsc(Settings::default()).await;
    let mut client = Esme::connect(&smsc).await;
    client.send(1, &Pdu::SubmitSm(submit())).await;
    assert_eq!(client.receive().await.unwrap().header.status, 0x04);
    client.send(2, &bind(BindMode::Receiver)).await;
    assert_eq!(client.receive().await.unwrap().header.status, 0);
    client.send(3, &Pdu::SubmitSm(submit())).await;
    let header = client.receive().await.unwrap().header;
    assert_eq!((header.id, header.status, header.sequence), (CommandId::SubmitSmResp, 0x04, 3));
}

#[tokio::test]
async fn every_request_gets_its_answer_and_unbind_comes_last() {
    let smsc = smsc(Settings::default()).await;
    smsc.hub.change(&json!({"latency": {"fixed": {"ms": 20}}})).unwrap();
    let mut client = Esme::bound(&smsc).await;
    let data = Submit { in_payload: true, ..submit() };
    client.send(2, &Pdu::SubmitSm(submit())).await;
    client.send(3, &Pdu::DataSm(data)).await;
    client.send(4, &Pdu::EnquireLink).await;
    client.send(5, &bind(BindMode::Transceiver)).await;
    client.send(6, &Pdu::CancelSm(pdu::Cancel::default())).await;
    client.send(7, &Pdu::Unbind).await;
    let mut answers = Vec::new();
    while let Some(frame) = client.receive().await {
        answers.push((frame.header.sequence, frame.header.id, frame.header.status));
    }
    assert_eq!(answers.pop(), Some((7, CommandId::UnbindResp, 0)));
    answers.sort_unstable_by_key(|(sequence, ..)| *sequence);
    assert_eq!(
        answers,
        [
            (2, CommandId::SubmitSmResp, 0),
            (3, CommandId::DataSmResp, 0),
            (4, CommandId::EnquireLinkResp, 0),
            (5, CommandId::BindTransceiverResp, 0x05),
            (6, CommandId::GenericNack, 0x03),
        ]
    );
}

#[tokio::test]
async fn a_response_is_cut_after_exactly_the_octets_named() {
    // Header 16, id "1", NUL: 18 octets.
    for octets in 0..=18 {
        let change = json!({"drop": {"when": {"at": 1}, "how": {"after_octets": octets}}});
        let smsc = smsc(Settings::default().changed(&change).unwrap()).await;
        let mut client = Esme::bound(&smsc).await;
        client.send(2, &Pdu::SubmitSm(submit())).await;
        client.send(3, &Pdu::SubmitSm(submit())).await;
        let whole = usize::from(octets == 18);
        for _ in 0..whole {
            assert_eq!(client.receive().await.unwrap().header.sequence, 2);
        }
        assert_eq!(client.rest().await, octets * (1 - whole), "cut after {octets}");
        let summary = smsc.hub.tally().summary();
        assert_eq!((summary.accepted, summary.unnumbered, summary.drops), (1, 1, 1));
    }
}

#[tokio::test]
async fn a_length_that_cannot_be_true_ends_the_connection_and_a_bad_body_does_not() {
    let smsc = smsc(Settings::default()).await;
    let mut client = Esme::bound(&smsc).await;
    let mut broken = BytesMut::new();
    pdu::submit_sm(&mut broken, 2, &submit()).unwrap();
    broken.truncate(30);
    broken[3] = 30;
    client.stream.write_all(&broken).await.unwrap();
    assert_ne!(client.receive().await.unwrap().header.status, 0);
    client.stream.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    let header = client.receive().await.unwrap().header;
    assert_eq!((header.id, header.status), (CommandId::GenericNack, 0x02));
    assert!(client.receive().await.is_none());
}

async fn call(smsc: &Smsc, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let uri = format!("http://{}{path}", smsc.control.expect("a control port"));
    let body = Full::new(Bytes::from(body.to_string()));
    let request = Request::builder().method(method).uri(uri).body(body).expect("a request");
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = timeout(Duration::from_secs(5), client.request(request)).await;
    let response = response.expect("in time").expect("an answer");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).expect("JSON"))
}

#[tokio::test]
async fn the_control_port_shows_arrivals_changes_settings_and_resets() {
    let mut options = smsc_options(Settings::default());
    options.control = Some(loopback());
    let smsc = start(options).await.unwrap();
    run(load(&smsc, 2, 100)).await.unwrap();
    let (_, summary) = call(&smsc, "GET", "/summary", &json!({})).await;
    let summary: Summary = serde_json::from_value(summary).unwrap();
    assert_eq!((summary.accepted, summary.runs[0].distinct), (100, 100));
    let (status, arrivals) = call(&smsc, "GET", "/arrivals?run=7&expected=110", &json!({})).await;
    assert_eq!((status, &arrivals[0]["missing"]), (200, &json!([[1, 100, 109]])));
    assert_eq!(arrivals[0]["parts"], json!([[{"from": 0, "to": 99, "times": 1}]]));
    let change = json!({"errors": [{"status": 8, "probability": 1}]});
    assert_eq!(call(&smsc, "POST", "/settings", &change).await.0, 200);
    let (status, problem) = call(&smsc, "POST", "/settings", &json!({"windwo": 1})).await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("windwo"));
    assert_eq!(run(load(&smsc, 1, 10)).await.unwrap().refused, 10);
    assert_eq!(call(&smsc, "POST", "/reset", &json!({})).await.0, 200);
    let (_, summary) = call(&smsc, "GET", "/summary", &json!({})).await;
    assert_eq!((&summary["accepted"], &summary["runs"]), (&json!(0), &json!([])));
    assert_eq!(call(&smsc, "GET", "/nothing", &json!({})).await.0, 404);
}

#[tokio::test]
async fn dropping_the_connections_closes_every_bind_and_they_may_come_again() {
    let mut options = smsc_options(Settings::default().changed(&json!({"binds_max": 1})).unwrap());
    options.control = Some(loopback());
    let smsc = start(options).await.unwrap();
    let client = Esme::bound(&smsc).await;
    call(&smsc, "POST", "/drop-connections", &json!({})).await;
    assert_eq!(client.rest().await, 0);
    Esme::bound(&smsc).await;
}

#[tokio::test]
async fn idle_binds_are_counted_when_they_are_up_and_dribbling_sockets_never_bind() {
    let smsc = smsc(Settings::default()).await;
    for dribble in [None, Some(Duration::from_secs(1))] {
        let options = idle::Options {
            account: account(&smsc),
            connections: 20,
            over: Duration::ZERO,
            duration: Duration::from_secs(1),
            dribble,
            sources: 2,
        };
        let (sender, mut up) = watch::channel(0);
        let watched = async {
            up.wait_for(|up| *up == 20).await.unwrap();
            smsc.hub.tally().summary().binds_up
        };
        let (report, binds_up) = tokio::join!(idle::run(options, sender), watched);
        let report = report.unwrap();
        assert_eq!((report.up, report.up_max, report.closed), (20, 20, 0));
        assert_eq!(binds_up, if dribble.is_some() { 0 } else { 20 });
    }
}
