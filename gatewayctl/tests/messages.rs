//! `message` and `messages` against an admin API that plays answers back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::{Value, json};

mod support;

use support::Gateway;

const ID: &str = "0192f000-0000-7000-8000-000000000001";
const PART: &str = "0192f000-0000-7000-8000-000000000002";

fn journey() -> Value {
    json!({
        "message": ID, "customer": "acme", "source": "ACME", "destination": "4477******23",
        "status": "undelivered", "since_ms": 1_795_248_002_000_u64,
        "parts": [
            {"id": ID, "status": "delivered", "since_ms": 1_795_248_001_000_u64, "attempt": 0,
             "provider": "alpha", "provider_message_id": "7F", "state": "delivered"},
            {"id": PART, "status": "undelivered", "since_ms": 1_795_248_002_000_u64, "attempt": 1,
             "provider": "alpha", "provider_message_id": "80", "state": "expired", "error": "027"},
        ],
        "events": [
            {"at_ms": 1_795_248_000_000_u64, "event": "accepted", "by": "smpp-edge", "attempt": 0},
            {"at_ms": 1_795_248_000_005_u64, "event": "routed", "by": "route", "attempt": 0,
             "provider": "alpha", "detail": "route \"uk\", normal bind 1"},
            {"at_ms": 1_795_248_002_000_u64, "event": "undelivered", "by": "correlate", "attempt": 1,
             "provider": "alpha", "part": PART, "provider_message_id": "80", "state": "expired",
             "error": "027"},
        ],
    })
}

#[tokio::test]
async fn a_message_is_shown_with_times_places_provider_ids_and_why() {
    let gateway = Gateway::answering(vec![(200, journey())]).await;
    let text = gateway.run(&["message", PART]).await.unwrap();
    let expected = format!(
        "\
message {ID}
acme, from ACME to 4477******23
undelivered since 2026-11-21T08:00:02Z

time                      event                    by         provider  provider id  why
2026-11-21T08:00:00Z      accepted                 smpp-edge
2026-11-21T08:00:00.005Z  routed                   route      alpha                  route \"uk\", normal bind 1
2026-11-21T08:00:02Z      undelivered (attempt 2)  correlate  alpha     80           expired, error 027

part                                  status       since                 provider  provider id
{ID}  delivered    2026-11-21T08:00:01Z  alpha     7F
{PART}  undelivered  2026-11-21T08:00:02Z  alpha     80"
    );
    assert_eq!(text, expected);
    assert_eq!(gateway.asked()[0].line, format!("GET /messages/{PART}? HTTP/1.1"));
}

#[tokio::test]
async fn as_json_it_is_what_the_gateway_said_and_numbers_are_in_full_only_where_asked_for() {
    let gateway = Gateway::answering(vec![(200, journey())]).await;
    let text = gateway.run(&["--json", "message", ID, "--numbers"]).await.unwrap();
    let said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&said["status"], &said["parts"][1]["error"]),
        (&json!("undelivered"), &json!("027"))
    );
    assert_eq!(gateway.asked()[0].line, format!("GET /messages/{ID}?numbers=full HTTP/1.1"));
}

#[tokio::test]
async fn what_is_no_id_is_not_sent_anywhere() {
    let gateway = Gateway::answering(Vec::new()).await;
    for id in ["", "../config/current", "a b"] {
        let failure = gateway.run(&["message", id]).await.unwrap_err();
        assert!(failure.to_string().contains("a message id is a UUID"), "{failure}");
    }
}

#[tokio::test]
async fn an_unknown_message_is_told_with_the_cure() {
    let problem = json!({"title": format!("there is no message {ID}"), "cure": "wait"});
    let gateway = Gateway::answering(vec![(404, problem)]).await;
    let failure = gateway.run(&["message", ID]).await.unwrap_err();
    let expected = format!("refused: there is no message {ID}\n    cure: wait");
    assert_eq!((failure.to_string(), failure.exit_code()), (expected, 1));
}

#[tokio::test]
async fn messages_of_a_day_are_listed_over_all_pages() {
    let answers = vec![
        (200, json!({"messages": [journey()], "next": "0#a"})),
        (200, json!({"messages": [journey()]})),
    ];
    let gateway = Gateway::answering(answers).await;
    let arguments = ["messages", "--customer", "acme", "--day", "2026-11-21", "--limit", "250"];
    let text = gateway.run(&arguments).await.unwrap();
    let expected = format!(
        "\
accepted              message                               customer  from  to            provider  status
2026-11-21T08:00:00Z  {ID}  acme      ACME  4477******23  alpha     undelivered
2026-11-21T08:00:00Z  {ID}  acme      ACME  4477******23  alpha     undelivered"
    );
    assert_eq!(text, expected);
    let lines: Vec<_> = gateway.asked().into_iter().map(|asked| asked.line).collect();
    let expected = [
        "GET /messages?customer=acme&day=2026-11-21&limit=200 HTTP/1.1",
        "GET /messages?customer=acme&day=2026-11-21&after=0%23a&limit=200 HTTP/1.1",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn the_list_ends_at_its_limit_and_says_so() {
    let gateway =
        Gateway::answering(vec![(200, json!({"messages": [journey()], "next": "x"}))]).await;
    let arguments =
        ["messages", "--destination", "+447700900123", "--day", "2026-11-21", "--limit", "1"];
    let text = gateway.run(&arguments).await.unwrap();
    assert!(text.ends_with("there are more: a larger --limit"), "{text}");
    let line = "GET /messages?destination=%2B447700900123&day=2026-11-21&limit=1 HTTP/1.1";
    assert_eq!(gateway.asked()[0].line, line);
    let gateway = Gateway::answering(vec![(200, json!({"messages": []}))]).await;
    let text = gateway.run(&arguments).await.unwrap();
    assert_eq!(text, "no messages on 2026-11-21 (UTC)");
}

#[tokio::test]
async fn events_are_a_stream_of_lines_with_fixed_columns() {
    let heading = "time,event,message,customer,provider,source,destination,provider id,detail";
    let gateway = Gateway::answering(vec![(200, journey())]).await;
    let text = gateway.run(&["message", ID, "--csv"]).await.unwrap();
    let lines: Vec<_> = text.split("\r\n").collect();
    let expected = [
        heading.to_owned(),
        format!("2026-11-21T08:00:00Z,accepted,{ID},acme,,ACME,4477******23,,"),
        format!(
            "2026-11-21T08:00:00.005Z,routed,{ID},acme,alpha,ACME,4477******23,,\"route \"\"uk\"\", \
             normal bind 1\""
        ),
        format!(
            "2026-11-21T08:00:02Z,undelivered,{ID},acme,alpha,ACME,4477******23,80,\"expired, error \
             027\""
        ),
    ];
    assert_eq!(lines, expected);

    let gateway = Gateway::answering(vec![(200, json!({"messages": [journey()]}))]).await;
    let arguments = ["messages", "--customer", "acme", "--lines"];
    let text = gateway.run(&arguments).await.unwrap();
    assert_eq!(text.lines().count(), 3);
    let columns: Vec<_> = heading.split(',').map(|name| format!("\"{name}\":")).collect();
    for line in text.lines() {
        serde_json::from_str::<Value>(line).unwrap();
        let places: Vec<_> = columns.iter().map(|name| line.find(name).unwrap()).collect();
        assert!(places.is_sorted(), "{line}");
    }
}
