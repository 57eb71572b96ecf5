//! What the function wrote down, and what must hold of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    Failed,
    /// Not, or by a kill.
    Never,
}

#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) began_us: u64,
    pub(crate) ended_us: u64,
    pub(crate) ended: Ended,
    pub(crate) pid: i32,
    pub(crate) octets: usize,
    /// What is `/tmp` to it.
    pub(crate) scratch: PathBuf,
    pub(crate) records: Vec<Record>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) lane: String,
    pub(crate) offset: i64,
    pub(crate) value: String,
}

/// All invocations, in the order in which they began.
pub(crate) fn read(directory: &Path) -> Vec<Invocation> {
    let text = std::fs::read_to_string(directory.join("log.jsonl")).unwrap_or_default();
    let mut invocations: Vec<Invocation> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    // A line may be half written at this moment.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let (at_us, name) = (line["at_us"].as_u64().unwrap(), line["invocation"].as_str().unwrap());
        match line["what"].as_str().unwrap() {
            "begin" => {
                places.insert(name.to_owned(), invocations.len());
                invocations.push(begun(&line, at_us));
            }
            how => {
                let invocation = &mut invocations[places[name]];
                invocation.ended_us = at_us;
                invocation.ended = if how == "done" { Ended::Done } else { Ended::Failed };
            }
        }
    }
    invocations
}

fn begun(line: &Value, began_us: u64) -> Invocation {
    let record = |record: &Value| Record {
        lane: record[0].as_str().unwrap().to_owned(),
        offset: record[1].as_i64().unwrap(),
        value: record[2].as_str().unwrap().to_owned(),
    };
    Invocation {
        began_us,
        ended_us: u64::MAX,
        ended: Ended::Never,
        pid: i32::try_from(line["pid"].as_i64().unwrap()).unwrap(),
        octets: usize::try_from(line["octets"].as_u64().unwrap()).unwrap(),
        scratch: line["scratch"].as_str().unwrap().into(),
        records: line["records"].as_array().unwrap().iter().map(record).collect(),
    }
}

/// Offsets of a partition's records that are done, in the order of their invocations.
pub(crate) fn done(log: &[Invocation], lane: &str) -> Vec<i64> {
    let done = log.iter().filter(|it| it.ended == Ended::Done);
    let records = done.flat_map(|it| &it.records).filter(|record| record.lane == lane);
    records.map(|record| record.offset).collect()
}

/// Records that are done, each counted once.
pub(crate) fn count(log: &[Invocation]) -> usize {
    let done = log.iter().filter(|it| it.ended == Ended::Done).flat_map(|it| &it.records);
    let mut places: Vec<_> = done.map(|record| (&record.lane, record.offset)).collect();
    places.sort_unstable();
    places.dedup();
    places.len()
}

/// Each partition's records came in the order of their offsets, none before the ones in front of it were
/// done, none again once it was done, and never two invocations of a partition at the same time.
pub(crate) fn assert_in_order_and_once(log: &[Invocation]) {
    let mut lanes: BTreeMap<&str, (i64, u64)> = BTreeMap::new();
    for (index, invocation) in log.iter().enumerate() {
        let mut here: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for record in &invocation.records {
            here.entry(&record.lane).or_default().push(record.offset);
        }
        for (lane, offsets) in here {
            let (next, free_us) = lanes.entry(lane).or_insert((0, 0));
            let expected: Vec<_> = (*next..).take(offsets.len()).collect();
            assert_eq!(offsets, expected, "{lane}, invocation {index}: {}", around(log, index));
            assert!(
                invocation.began_us >= *free_us,
                "{lane}: two at once, invocation {index}: {}",
                around(log, index)
            );
            if invocation.ended == Ended::Done {
                *next += i64::try_from(offsets.len()).unwrap();
            }
            if invocation.ended != Ended::Never {
                *free_us = invocation.ended_us;
            }
        }
    }
}

fn around(log: &[Invocation], index: usize) -> String {
    format!("{:#?}", &log[index.saturating_sub(2)..(index + 2).min(log.len())])
}
