//! Retry, bisect and partial failures, as scripts.

use super::super::batch::Record;
use super::*;

const FOR_EVER: Policy = Policy { retries_max: None, bisect: false, partial: false };

fn batch(records: i64) -> Batch {
    let mut batch = Batch::default();
    for offset in 0..records {
        let record = Record {
            topic: "t",
            partition: 0,
            offset,
            timestamp_ms: offset,
            append_time: false,
            key: None,
            value: None,
        };
        batch.push(&record, std::iter::empty());
    }
    batch
}

fn delivery(policy: Policy, batch: &Batch) -> Delivery {
    Delivery::new(policy, vec![batch.all()])
}

#[test]
fn a_failed_batch_is_retried_as_a_whole_with_growing_pauses_for_ever() {
    let batch = batch(3);
    let mut delivery = delivery(FOR_EVER, &batch);
    let mut pauses = Vec::new();
    for _ in 0..1_000 {
        let given = delivery.due().unwrap().clone();
        assert_eq!(given, batch.all());
        let Some(After::Pause(pause)) = delivery.answered(Answer::Failed(given)) else { panic!() };
        pauses.push(pause.as_millis());
    }
    assert_eq!(pauses[..4], [100, 200, 400, 800]);
    assert_eq!(pauses[999], 5_000);
    assert_eq!(delivery.answered(Answer::Done), None);
    assert_eq!(delivery.due(), None);
}

#[test]
fn bisection_ends_at_the_bad_record_and_keeps_order() {
    let batch = batch(8);
    let mut delivery = delivery(Policy { bisect: true, ..FOR_EVER }, &batch);
    let bad = batch.find(&[("t-0".to_owned(), 5)], &batch.all()).unwrap();
    let mut done = Vec::new();
    for _ in 0..20 {
        let Some(given) = delivery.due().cloned() else { break };
        let has_bad = batch.find(&[("t-0".to_owned(), 5)], &given).is_some();
        if has_bad {
            delivery.answered(Answer::Failed(given));
        } else {
            done.push(given.len());
            delivery.answered(Answer::Done);
        }
    }
    // 0–3, 4, and no further: what comes after the bad one waits for it.
    assert_eq!(done, [4, 1]);
    assert_eq!(delivery.due(), Some(&bad));
}

#[test]
fn retries_end_where_the_template_says_so() {
    let batch = batch(2);
    let mut delivery = delivery(Policy { retries_max: Some(2), ..FOR_EVER }, &batch);
    for _ in 0..2 {
        assert!(matches!(delivery.answered(Answer::Failed(batch.all())), Some(After::Pause(_))));
    }
    assert_eq!(delivery.answered(Answer::Failed(batch.all())), Some(After::GivenUp(batch.all())));
    assert_eq!(delivery.due(), None);
}

#[test]
fn only_named_failures_are_retried() {
    let batch = batch(4);
    let policy = Policy { partial: true, ..FOR_EVER };
    let mut delivery = delivery(policy, &batch);
    let response = br#"{"batchItemFailures":[{"itemIdentifier":{"partition":"t-0","offset":1}},
        {"itemIdentifier":{"partition":"t-0","offset":3}}]}"#;
    let answer = read_response(policy, response, &batch, &batch.all());
    delivery.answered(answer);
    let names = ["t-0", "t-0"].map(str::to_owned).into_iter().zip([1, 3]).collect::<Vec<_>>();
    assert_eq!(delivery.due(), batch.find(&names, &batch.all()).as_ref());
}

#[test]
fn responses_mean_what_aws_says() {
    let batch = batch(2);
    let all = Answer::Failed(batch.all());
    let partial = Policy { partial: true, ..FOR_EVER };
    for (response, expected) in [
        ("", &Answer::Done),
        ("null", &Answer::Done),
        ("{}", &Answer::Done),
        (r#"{"batchItemFailures":null}"#, &Answer::Done),
        (r#"{"batchItemFailures":[]}"#, &Answer::Done),
        (r#"{"batchItemFailures":[{"itemIdentifier":{"partition":"t-0","offset":9}}]}"#, &all),
        (r#"{"batchItemFailures":[{"itemIdentifier":{"partition":"x-0","offset":0}}]}"#, &all),
        (r#"{"batchItemFailures":[{"itemIdentifier":"0"}]}"#, &all),
        ("not json", &all),
    ] {
        let answer = read_response(partial, response.as_bytes(), &batch, &batch.all());
        assert_eq!(&answer, expected, "{response}");
    }
    assert_eq!(read_response(FOR_EVER, b"not json", &batch, &batch.all()), Answer::Done);
}

#[test]
fn records_of_a_partition_that_was_taken_away_are_not_retried() {
    let batch = batch(3);
    let mut delivery = delivery(FOR_EVER, &batch);
    delivery.answered(Answer::Failed(batch.all()));
    delivery.retain(|records| batch.filter(records, |_, time| time > 1));
    assert_eq!(delivery.due().map(Selection::len), Some(1));
    delivery.retain(|records| batch.filter(records, |_, _| false));
    assert_eq!(delivery.due(), None);
}
