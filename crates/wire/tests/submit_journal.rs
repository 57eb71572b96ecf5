//! Golden values of topic `submit-journal`: what is on Kafka stays readable.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::json;
use uuid::Uuid;
use wire::submit_journal::{
    At, Body, Doubt, Doubted, Drain, End, Ending, Fate, Intended, Listed, ListedPart, Outcome,
    Outcomes, OwnerId, Part, PartAt, Position, RecordError, Resolution, Unknown, Unsent, UnsentWhy,
    WholeResult, Word, Writer,
};

const ID: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
const OWNER: OwnerId = OwnerId { task: 0xab, term: 2 };

fn at(offset: u64, part: u16) -> PartAt {
    PartAt { at: At { priority: 1, offset }, part }
}

fn part(offset: u64) -> Part {
    Part { at: at(offset, 0), message: ID, attempt: 1 }
}

fn position() -> Position {
    let intent = Intended { offset: 40, owner: OWNER };
    let known = ListedPart {
        end: Some(End { how: Ending::Rejected, doubtful: true }),
        open: Some(intent),
        unknown: vec![Doubted { intent, held: true }],
        rejected: true,
    };
    Position {
        as_of: 42,
        published_to: 41,
        repeats_from: 7,
        ground: Some(6),
        next: [1, 2, 3],
        beyond: [vec![5], vec![], vec![]],
        drain: Drain { before: [0, 0, 9] },
        messages: vec![Listed {
            at: At { priority: 0, offset: 0 },
            message: ID,
            attempt: 1,
            parts: vec![known, ListedPart::default()],
        }],
    }
}

fn goldens() -> Vec<(Body, &'static str)> {
    let result = WholeResult::of(&json!({"id": "7f"})).expect("JSON");
    let accepted = Outcome { at: at(9, 0), fate: Fate::Accepted, result: Some(result) };
    let returned = Outcome { at: at(9, 1), fate: Fate::Returned, result: None };
    vec![
        (Body::Takeover, r#"{"v":1,"takeover":{}}"#),
        (Body::Intent(vec![part(9)]), r#"{"v":1,"intent":[[[1,9,0],"AZAAAAAAcACAAAAAAAAAAQ",1]]}"#),
        (
            Body::Outcomes(vec![Outcomes { intent: 40, parts: vec![accepted, returned] }]),
            r#"{"v":1,"outcomes":[[40,[[[1,9,0],"a",{"id":"7f"}],[[1,9,1],"r",null]]]]}"#,
        ),
        (
            Body::Unsent(Unsent { why: UnsentWhy::Expired, parts: vec![part(9)] }),
            r#"{"v":1,"unsent":{"why":"expired","parts":[[[1,9,0],"AZAAAAAAcACAAAAAAAAAAQ",1]]}}"#,
        ),
        (
            Body::Unknown(Unknown { hold: true, parts: vec![Doubt { intent: 40, part: part(9) }] }),
            r#"{"v":1,"unknown":{"hold":true,"parts":[[40,[[1,9,0],"AZAAAAAAcACAAAAAAAAAAQ",1]]]}}"#,
        ),
        (
            Body::Resolution(Resolution { intent: 40, part: Some(at(9, 0)), word: Word::Drop }),
            r#"{"v":1,"resolution":{"intent":40,"part":[1,9,0],"word":"drop"}}"#,
        ),
        (Body::Drain(Drain { before: [1, 2, 3] }), r#"{"v":1,"drain":{"before":[1,2,3]}}"#),
        (
            Body::Position(Box::new(position())),
            concat!(
                r#"{"v":1,"position":{"as_of":42,"published_to":41,"repeats_from":7,"ground":6,"#,
                r#""next":[1,2,3],"beyond":[[5],[],[]],"drain":{"before":[0,0,9]},"messages":["#,
                r#"{"at":[0,0],"message":"AZAAAAAAcACAAAAAAAAAAQ","attempt":1,"parts":["#,
                r#"{"end":{"how":"rejected","doubtful":true},"open":{"offset":40,"owner":"ab.2"},"#,
                r#""unknown":[{"intent":{"offset":40,"owner":"ab.2"},"held":true}],"rejected":true},"#,
                r#"{}]}]}}"#
            ),
        ),
    ]
}

#[test]
fn every_kind_is_written_and_read_as_the_golden_value() {
    for (body, golden) in goldens() {
        assert_eq!(String::from_utf8(body.encode().unwrap()).unwrap(), golden);
        assert_eq!(Body::decode(golden.as_bytes()).unwrap(), body);
    }
}

#[test]
fn a_key_names_owner_takeover_and_sequence() {
    let takeover = Writer { owner: OWNER, takeover: None, sequence: 0 };
    let later = Writer { takeover: Some(31), sequence: 17, ..takeover };
    assert_eq!((takeover.encode().as_str(), later.encode().as_str()), ("ab.2.0", "ab.2.11.1f"));
    for writer in [takeover, later] {
        assert_eq!(Writer::decode(writer.encode().as_bytes()).unwrap(), writer);
    }
    for key in ["", "ab", "ab.2", "ab.2.x", "ab.2.1.1.1", "\u{e9}.1.1"] {
        assert!(matches!(Writer::decode(key.as_bytes()), Err(RecordError::MalformedKey)), "{key}");
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_versions_and_kinds_refused() {
    let more = br#"{"v":1,"drain":{"before":[1,2,3],"who":"me"},"new":{"a":1}}"#;
    assert_eq!(Body::decode(more).unwrap(), Body::Drain(Drain { before: [1, 2, 3] }));
    let newer = Body::decode(br#"{"v":2,"intent":{"other":"form"}}"#);
    assert!(matches!(newer, Err(RecordError::UnknownVersion(2))));
    for value in [r#"{"v":1}"#, r#"{"v":1,"takeover":{},"intent":[]}"#, r#"{"v":1,"later":{}}"#] {
        assert!(matches!(Body::decode(value.as_bytes()), Err(RecordError::UnknownKind)), "{value}");
    }
    for value in ["", "{", r#"{"v":1,"intent":[[[3,0,0],"AZAAAAAAcACAAAAAAAAAAQ",1]]}"#] {
        assert!(
            matches!(Body::decode(value.as_bytes()), Err(RecordError::Malformed(..))),
            "{value}"
        );
    }
}

#[test]
fn the_content_of_a_result_is_not_in_its_debug_output() {
    let result = WholeResult::of(&json!({"to": "4915112345678"})).unwrap();
    assert!(!format!("{result:?}").contains("4915112345678"));
}

#[test]
fn a_message_costs_less_than_90_bytes_of_journal_besides_its_result() {
    let parts: Vec<_> = (1_000_000..1_000_200).map(part).collect();
    let outcomes = parts.iter().map(|p| Outcome { at: p.at, fate: Fate::Accepted, result: None });
    let outcomes = Outcomes { intent: 123_456, parts: outcomes.collect() };
    let bytes = Body::Intent(parts).encode().unwrap().len()
        + Body::Outcomes(vec![outcomes]).encode().unwrap().len();
    assert!(bytes / 200 < 90, "{}", bytes / 200);
}
