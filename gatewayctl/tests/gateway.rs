//! Commands against an admin API on loopback that plays answers back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::{Value, json};

mod support;

use support::{Gateway, YAML};

fn plan() -> Value {
    json!({
        "planned_against": 3, "mistakes": [], "topics": [],
        "changes": [{"kind": "changed", "row": "provider alpha",
                     "fields": [{"field": "window", "change": "1 → 2"}],
                     "touches": ["its open binds go on with the new limits"]}],
    })
}

#[tokio::test]
async fn a_plan_shows_what_changes_what_it_touches_and_how_to_apply_it() {
    let gateway = Gateway::answering(vec![(200, plan())]).await;
    let text = gateway.run(&["plan", &gateway.file("config.yaml")]).await.unwrap();
    assert!(
        text.contains("~ provider alpha\n    window: 1 → 2\n    touches: its open binds"),
        "{text}"
    );
    assert!(text.contains("apply --planned-against 3"), "{text}");
    let asked = &gateway.asked()[0];
    assert_eq!(asked.line, "POST /config/plan HTTP/1.1");
    assert_eq!(asked.authorization, "Bearer top-secret");
    assert_eq!(asked.body["document"]["providers"][0]["slots"], json!([0]));
}

#[tokio::test]
async fn apply_names_the_version_it_was_planned_against() {
    let gateway = Gateway::answering(vec![(200, json!({"version": 4}))]).await;
    let file = gateway.file("config.yaml");
    let text = gateway.run(&["apply", "--planned-against", "3", &file]).await.unwrap();
    assert_eq!(text, "version 4 is in force");
    assert_eq!(gateway.asked()[0].body["planned_against"], 3);
}

#[tokio::test]
async fn a_lost_answer_is_followed_by_the_same_change_again() {
    let answers = vec![(0, Value::Null), (200, json!({"version": 1}))];
    let gateway = Gateway::answering(answers).await;
    let file = gateway.file("config.yaml");
    gateway.run(&["apply", "--planned-against", "0", &file]).await.unwrap();
    let asked = gateway.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].body, asked[1].body);
    assert_eq!(asked[0].body["planned_against"], Value::Null);
}

#[tokio::test]
async fn a_refusal_is_told_with_its_cure() {
    let problem =
        json!({"title": "the plan is outdated: version 5 is in force", "cure": "plan again"});
    let gateway = Gateway::answering(vec![(409, problem)]).await;
    let file = gateway.file("config.yaml");
    let failure = gateway.run(&["apply", "--planned-against", "3", &file]).await.unwrap_err();
    assert_eq!(failure.exit_code(), 1);
    let expected = "refused: the plan is outdated: version 5 is in force\n    cure: plan again";
    assert_eq!(failure.to_string(), expected);
}

#[tokio::test]
async fn mistakes_that_only_the_gateway_knows_are_led_back_to_the_file() {
    let mistake =
        json!({"path": "providers[0].slots[0]", "what": "slot 0 is taken", "cure": "another"});
    let problem = json!({"title": "x", "cure": "y", "mistakes": [mistake]});
    let gateway = Gateway::answering(vec![(422, problem)]).await;
    let file = gateway.file("config.yaml");
    let failure = gateway.run(&["apply", "--planned-against", "3", &file]).await.unwrap_err();
    let text = failure.to_string();
    assert!(
        text.starts_with(&format!("{file}:5: providers[0].slots[0]: slot 0 is taken")),
        "{text}"
    );
}

#[tokio::test]
async fn a_wrong_token_is_told_as_such() {
    let gateway = Gateway::answering(vec![(403, json!({"message": "Forbidden"}))]).await;
    let text = gateway.run(&["show"]).await.unwrap_err().to_string();
    assert!(text.contains("HTTP 403") && text.contains("--token-file"), "{text}");
    assert!(!text.contains("top-secret"));
}

#[tokio::test]
async fn a_version_is_shown_as_yaml_that_can_be_applied_again() {
    let document: Value =
        serde_json::to_value(serde_saphyr::from_str::<domain::config::Document>(YAML).unwrap())
            .unwrap();
    let gateway =
        Gateway::answering(vec![(200, json!({"version": 2, "document": document}))]).await;
    let text = gateway.run(&["show", "2"]).await.unwrap();
    assert_eq!(gateway.asked()[0].line, "GET /config/2 HTTP/1.1");
    let again: domain::config::Document = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(again).unwrap(), document);
}

#[tokio::test]
async fn an_explanation_lists_the_routes_with_their_verdicts() {
    let explained = json!({"version": 2, "decision": "to provider alpha", "provider": "alpha",
        "routes": [{"route": "uk", "verdict": "chosen"}, {"route": "everything", "verdict": "no"}]});
    let gateway = Gateway::answering(vec![(200, explained)]).await;
    let arguments =
        ["route", "explain", "--customer", "acme", "--sender", "A", "--destination", "44"];
    let text = gateway.run(&arguments).await.unwrap();
    assert_eq!(text, "to provider alpha (version 2)\n  uk          chosen\n  everything  no");
    assert_eq!(gateway.asked()[0].body["priority"], "normal");
}

fn doubt(slot: u32, state: &str) -> Value {
    json!({"slot": slot, "provider": "alpha", "intent": 40, "attempt": 0, "part": 1,
        "message": "0192f000-0000-7000-8000-000000000001", "since_ms": 1_795_248_000_000_u64,
        "state": state})
}

#[tokio::test]
async fn doubts_are_asked_for_until_all_slots_are_read_and_the_held_ones_name_their_cure() {
    let first =
        json!({"doubts": [doubt(0, "accepted")], "unread": [], "more": true, "next_slot": 3});
    let unread = json!([{"slot": 5, "why": "the journal has no position to begin with"}]);
    let second = json!({"doubts": [doubt(3, "held")], "unread": unread, "more": false});
    let gateway = Gateway::answering(vec![(200, first), (200, second)]).await;
    let text = gateway.run(&["doubts", "list", "--provider", "alpha"]).await.unwrap();
    let asked: Vec<String> = gateway.asked().into_iter().map(|asked| asked.line).collect();
    let lines =
        ["GET /doubts?provider=alpha HTTP/1.1", "GET /doubts?provider=alpha&from_slot=3 HTTP/1.1"];
    assert_eq!(asked, lines);
    assert!(text.contains("2026-11-21T08:00:00Z  resent, accepted\n"), "{text}");
    assert!(text.contains("slot 5: the journal has no position"), "{text}");
    let cure = "doubts resolve --slot 3 --intent 40 --message 0192f000-0000-7000-8000-000000000001 \
                --part 1 resend";
    assert!(text.contains(cure), "{text}");
}

#[tokio::test]
async fn a_word_about_a_doubt_tells_what_happens_next() {
    let next = "the slot's owner sends it again within a few seconds";
    let answer = json!({"resolved": 1, "settled_before": 0, "next": next});
    let gateway = Gateway::answering(vec![(200, answer)]).await;
    let said = ["doubts", "resolve", "--slot", "3", "--intent", "40", "--all", "resend"];
    let text = gateway.run(&said).await.unwrap();
    assert_eq!(text, format!("1 resolved, 0 settled before: {next}"));
    let asked = &gateway.asked()[0];
    assert_eq!(asked.line, "POST /doubts/resolve HTTP/1.1");
    let body = json!({"slot": 3, "intent": 40, "message": null, "part": null, "all": true,
        "word": "resend"});
    assert_eq!(asked.body, body);
}

fn letters(count: usize, more: bool) -> Value {
    let letter = |offset| {
        json!({"id": format!("0/{offset}"), "topic": "customer-incoming-messages", "partition": 3,
            "offset": 9, "by": "route", "reason": "not a record of this topic",
            "at_ms": 1_795_248_000_000_u64, "key_octets": 36, "value_octets": 210,
            "redrivable": offset > 0})
    };
    json!({"letters": (0..count).map(letter).collect::<Vec<_>>(), "unreadable": 0, "more": more})
}

#[tokio::test]
async fn dead_letters_are_listed_with_where_they_were_read_and_why_they_were_given_up() {
    let gateway = Gateway::answering(vec![(200, letters(2, true))]).await;
    let since = "2026-11-21T08:00:00Z";
    let arguments = ["dead-letters", "list", "--topic", "a-b", "--since", since, "--limit", "2"];
    let text = gateway.run(&arguments).await.unwrap();
    let line = "GET /dead-letters?topic=a-b&since_ms=1795248000000&limit=2 HTTP/1.1";
    assert_eq!(gateway.asked()[0].line, line);
    let expected = "\
id   time                  read from                       by     octets  reason
0/0  2026-11-21T08:00:00Z  customer-incoming-messages/3/9  route  36+210  not a record of this \
        topic (cannot be redriven)
0/1  2026-11-21T08:00:00Z  customer-incoming-messages/3/9  route  36+210  not a record of this topic

there are more: --since 2026-11-21T08:00:00Z or a larger --limit";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn what_is_chosen_by_topic_is_redriven_only_when_it_was_agreed_to() {
    let answers = vec![
        (200, letters(150, false)),
        (200, letters(150, false)),
        (200, json!({"redriven": 100})),
        (200, json!({"redriven": 50})),
    ];
    let gateway = Gateway::answering(answers).await;
    let chosen = ["--json", "dead-letters", "redrive", "--topic", "t", "--since", "2h"];
    let failure = gateway.run(&chosen).await.unwrap_err();
    let text = failure.to_string();
    assert!(text.starts_with("150 records of t since ") && text.contains("--yes"), "{text}");
    let text = gateway.run(&[&chosen[..], &["--yes"]].concat()).await.unwrap();
    let said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(said, json!({"redriven": 150, "more": false}));
    let asked = gateway.asked();
    assert_eq!(asked[3].line, "POST /dead-letters/redrive HTTP/1.1");
    assert_eq!(asked[3].body["ids"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn a_failure_tells_how_many_were_redriven_before_it() {
    let problem = json!({"title": "there is no dead letter 0/120 (any more)", "cure": "list"});
    let answers = vec![(200, json!({"redriven": 100})), (404, problem)];
    let gateway = Gateway::answering(answers).await;
    let ids: Vec<String> = (0..150).map(|offset| format!("0/{offset}")).collect();
    let arguments = ["dead-letters", "redrive"].into_iter().chain(ids.iter().map(String::as_str));
    let failure = gateway.run(&arguments.collect::<Vec<_>>()).await.unwrap_err();
    assert!(failure.to_string().contains("(100 records were redriven before that)"), "{failure}");
}
