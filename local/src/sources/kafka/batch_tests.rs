//! The event is what AWS sends, whatever part of the batch it carries.

use aws_lambda_events::event::kafka::KafkaEvent;

use super::*;

fn record(topic: &str, partition: i32, offset: i64) -> Record<'_> {
    Record {
        topic,
        partition,
        offset,
        timestamp_ms: 1_545_084_650_987,
        append_time: false,
        key: Some(b"key"),
        value: Some(b"\x00value\xff"),
    }
}

fn cluster() -> Cluster {
    Cluster { arn: "arn:aws:kafka:x".to_owned(), bootstrap: "127.0.0.1:9092".to_owned() }
}

fn batch() -> Batch {
    let mut batch = Batch::default();
    for (topic, partition, offset) in
        [("a", 0, 5), ("a", 1, 7), ("a", 0, 6), ("b", 0, 1), ("a", 0, 8)]
    {
        let headers = [("trace\"parent", &b"0\xff"[..])];
        batch.push(&record(topic, partition, offset), headers.into_iter());
    }
    batch
}

fn event(batch: &Batch, selection: &Selection) -> KafkaEvent {
    let bytes = batch.event(selection, &cluster());
    assert!(bytes.len() <= batch.octets() + 256);
    serde_json::from_slice(&bytes).unwrap()
}

fn offsets(event: &KafkaEvent, partition: &str) -> Vec<i64> {
    event.records.get(partition).into_iter().flatten().map(|record| record.offset).collect()
}

#[test]
fn the_event_holds_every_record_under_its_partition_in_order() {
    let batch = batch();
    let event = event(&batch, &batch.all());
    assert_eq!(event.event_source.as_deref(), Some("aws:kafka"));
    assert_eq!(event.bootstrap_servers.as_deref(), Some("127.0.0.1:9092"));
    assert_eq!(offsets(&event, "a-0"), [5, 6, 8]);
    assert_eq!(offsets(&event, "a-1"), [7]);
    assert_eq!(offsets(&event, "b-0"), [1]);
    let record = &event.records["a-0"][0];
    assert_eq!(record.timestamp_type.as_deref(), Some("CREATE_TIME"));
    assert_eq!(record.value.as_deref(), Some("AHZhbHVl/w=="));
    assert_eq!(record.headers[0]["trace\"parent"], [48, -1]);
}

#[test]
fn a_record_without_key_and_headers_and_with_append_time_is_read_back() {
    let mut batch = Batch::default();
    let record = Record { key: None, value: None, append_time: true, ..record("t", 3, 0) };
    batch.push(&record, std::iter::empty());
    let event = event(&batch, &batch.all());
    let read = &event.records["t-3"][0];
    assert_eq!((read.key.as_ref(), read.value.as_ref()), (None, None));
    assert_eq!(read.timestamp_type.as_deref(), Some("LOG_APPEND_TIME"));
    assert!(read.headers.is_empty());
}

#[test]
fn every_split_covers_all_records_once_and_keeps_their_order() {
    let batch = batch();
    for count in 0..=5 {
        let (first, second) = batch.all().split_at(count);
        assert_eq!((first.len(), second.len()), (count, 5 - count));
        let (first, second) = (event(&batch, &first), event(&batch, &second));
        for (partition, expected) in [("a-0", vec![5, 6, 8]), ("a-1", vec![7]), ("b-0", vec![1])] {
            let both = [offsets(&first, partition), offsets(&second, partition)].concat();
            assert_eq!(both, expected, "{count}");
        }
    }
}

#[test]
fn named_records_are_found_and_a_name_outside_the_selection_is_not() {
    let batch = batch();
    let name = |partition: &str, offset| (partition.to_owned(), offset);
    let found = batch.find(&[name("a-0", 8), name("a-0", 5)], &batch.all()).unwrap();
    assert_eq!(offsets(&event(&batch, &found), "a-0"), [5, 8]);
    assert_eq!(batch.find(&[name("a-0", 7)], &batch.all()), None);
    assert_eq!(batch.find(&[name("c-0", 1)], &batch.all()), None);
    let (_, second) = batch.all().split_at(3);
    assert_eq!(batch.find(&[name("a-0", 5)], &second), None);
}

#[test]
fn the_bound_is_never_below_what_a_record_adds() {
    for length in [0, 1, 2, 3, 100] {
        let octets = vec![0x80; length];
        let record =
            Record { key: Some(&octets), value: Some(&octets), ..record("topic", 7, i64::MAX) };
        let headers = || [("\u{1}", &octets[..])].into_iter();
        let mut batch = Batch::default();
        batch.push(&record, headers());
        assert!(batch.octets() <= octets_max(&record, headers()), "{length}");
    }
}

#[test]
fn numbers_are_written_to_their_ends() {
    for number in [0, 7, -128, i64::MAX, i64::MIN] {
        let mut json = Vec::new();
        push_number(&mut json, number);
        assert_eq!(String::from_utf8(json).unwrap(), number.to_string());
    }
}
