//! A batch of Kafka records and the event that Lambda makes of it. Written by hand: the host's CPU per
//! record is what limits the whole gateway on one machine.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html#msk-sample-event>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Who sends the event.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// ARN of the MSK cluster.
    pub arn: String,
    /// `host:port`, comma-separated.
    pub bootstrap: String,
}

/// A record as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Unix time, ms.
    pub timestamp_ms: i64,
    /// The broker's time, not the producer's.
    pub append_time: bool,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value.
    pub value: Option<&'a [u8]>,
}

/// Records of one or more partitions, already in the event's form. A poller's batch combines all of its
/// partitions, each in the order of its offsets.
#[derive(Debug, Default)]
pub struct Batch {
    lanes: Vec<Lane>,
    records: usize,
    octets: usize,
}

/// The records of one partition.
#[derive(Debug)]
pub struct Lane {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    records: Vec<Entry>,
    json: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: i64,
    timestamp_ms: i64,
    end: usize,
}

/// Some of a batch's records: runs of neighbours, in the batch's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    spans: Vec<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    lane: usize,
    from: usize,
    to: usize,
}

impl Batch {
    /// Records in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records
    }

    /// Nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Octets of the event so far, at most.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Its partitions.
    #[must_use]
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Adds a record; `headers` are name and value.
    pub fn push<'h>(
        &mut self,
        record: &Record<'_>,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    ) {
        let found = self.lanes.iter().position(|lane| lane.is(record.topic, record.partition));
        let index = found.unwrap_or_else(|| {
            self.octets += record.topic.len() + 32;
            self.lanes.push(Lane::new(record.topic, record.partition));
            self.lanes.len() - 1
        });
        let lane = &mut self.lanes[index];
        let before = lane.json.len();
        lane.push(record, headers);
        self.octets += lane.json.len() - before + 1;
        self.records += 1;
    }

    /// All records.
    #[must_use]
    pub fn all(&self) -> Selection {
        let whole = |(lane, it): (usize, &Lane)| Span { lane, from: 0, to: it.records.len() };
        Selection { spans: self.lanes.iter().enumerate().map(whole).collect() }
    }

    /// The records of `selection` for which `keep` holds, by number of the lane and time.
    #[must_use]
    pub fn filter(&self, selection: &Selection, keep: impl Fn(usize, i64) -> bool) -> Selection {
        let mut kept = Selection::default();
        for (lane, index) in selection.indexes() {
            if keep(lane, self.lanes[lane].records[index].timestamp_ms) {
                kept.add(lane, index);
            }
        }
        kept
    }

    /// The records that are named by `partition` (`topic-0`) and offset, if all are in `of`.
    #[must_use]
    pub fn find(&self, named: &[(String, i64)], of: &Selection) -> Option<Selection> {
        let mut places = Vec::with_capacity(named.len());
        for (partition, offset) in named {
            let lane = self.lanes.iter().position(|lane| lane.name() == *partition)?;
            let records = &self.lanes[lane].records;
            let index = records.binary_search_by_key(offset, |entry| entry.offset).ok()?;
            places.push((lane, index));
        }
        let mut found = Selection::default();
        for place in of.indexes().filter(|place| places.contains(place)) {
            found.add(place.0, place.1);
        }
        places.sort_unstable();
        places.dedup();
        (found.len() == places.len()).then_some(found)
    }

    /// The event for `selection`.
    #[must_use]
    pub fn event(&self, selection: &Selection, cluster: &Cluster) -> Vec<u8> {
        let mut event = Vec::with_capacity(self.octets + 256);
        event.extend_from_slice(b"{\"eventSource\":\"aws:kafka\",\"eventSourceArn\":\"");
        event.extend_from_slice(cluster.arn.as_bytes());
        event.extend_from_slice(b"\",\"bootstrapServers\":\"");
        event.extend_from_slice(cluster.bootstrap.as_bytes());
        event.extend_from_slice(b"\",\"records\":{");
        let mut open = None;
        for span in &selection.spans {
            let lane = &self.lanes[span.lane];
            if open == Some(span.lane) {
                event.push(b',');
            } else {
                event.extend_from_slice(if open.is_some() { b"],\"" } else { b"\"" });
                event.extend_from_slice(lane.name().as_bytes());
                event.extend_from_slice(b"\":[");
                open = Some(span.lane);
            }
            event.extend_from_slice(lane.text(span.from, span.to));
        }
        event.extend_from_slice(if open.is_some() { b"]}}" } else { b"}}" });
        event
    }
}

impl Lane {
    fn new(topic: &str, partition: i32) -> Self {
        Self { topic: topic.to_owned(), partition, records: Vec::new(), json: Vec::new() }
    }

    fn is(&self, topic: &str, partition: i32) -> bool {
        self.partition == partition && self.topic == topic
    }

    /// `topic-partition`, the event's key.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    /// The offset after its last record.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.records.last().map_or(0, |entry| entry.offset + 1)
    }

    /// The JSON of records `from..to`, separated by commas.
    fn text(&self, from: usize, to: usize) -> &[u8] {
        let start = if from == 0 { 0 } else { self.records[from - 1].end + 1 };
        let end = if to == 0 { 0 } else { self.records[to - 1].end };
        &self.json[start..end]
    }

    fn push<'h>(
        &mut self,
        record: &Record<'_>,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    ) {
        let json = &mut self.json;
        if !self.records.is_empty() {
            json.push(b',');
        }
        // Kafka's topic names need no escapes.
        json.extend_from_slice(b"{\"topic\":\"");
        json.extend_from_slice(record.topic.as_bytes());
        json.extend_from_slice(b"\",\"partition\":");
        push_number(json, record.partition.into());
        json.extend_from_slice(b",\"offset\":");
        push_number(json, record.offset);
        json.extend_from_slice(b",\"timestamp\":");
        push_number(json, record.timestamp_ms);
        json.extend_from_slice(match record.append_time {
            true => b",\"timestampType\":\"LOG_APPEND_TIME\"",
            false => b",\"timestampType\":\"CREATE_TIME\"",
        });
        for (name, octets) in [(&b",\"key\":\""[..], record.key), (b",\"value\":\"", record.value)]
        {
            if let Some(octets) = octets {
                json.extend_from_slice(name);
                push_base64(json, octets);
                json.push(b'"');
            }
        }
        push_headers(json, headers);
        json.push(b'}');
        let end = json.len();
        let Record { offset, timestamp_ms, .. } = *record;
        self.records.push(Entry { offset, timestamp_ms, end });
    }
}

impl Selection {
    /// Records in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.iter().map(|span| span.to - span.from).sum()
    }

    /// Nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `count` records, and the others.
    #[must_use]
    pub fn split_at(&self, count: usize) -> (Self, Self) {
        let (mut first, mut second, mut left) = (Self::default(), Self::default(), count);
        for span in &self.spans {
            let middle = span.from + left.min(span.to - span.from);
            left -= middle - span.from;
            if middle > span.from {
                first.spans.push(Span { to: middle, ..*span });
            }
            if span.to > middle {
                second.spans.push(Span { from: middle, ..*span });
            }
        }
        (first, second)
    }

    fn indexes(&self) -> impl Iterator<Item = (usize, usize)> {
        self.spans.iter().flat_map(|span| (span.from..span.to).map(|index| (span.lane, index)))
    }

    fn add(&mut self, lane: usize, index: usize) {
        match self.spans.last_mut() {
            Some(span) if span.lane == lane && span.to == index => span.to += 1,
            _ => self.spans.push(Span { lane, from: index, to: index + 1 }),
        }
    }
}

/// An upper bound for the octets that a record adds to an event.
#[must_use]
pub fn octets_max<'h>(
    record: &Record<'_>,
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
) -> usize {
    let base64 = |octets: Option<&[u8]>| octets.map_or(0, |it| it.len().div_ceil(3) * 4);
    // A character of a name becomes six at most (`\u0000`), an octet of a value five (`-128,`).
    let headers: usize = headers.map(|(name, value)| name.len() * 6 + value.len() * 5 + 8).sum();
    let fixed = 256 + 2 * record.topic.len();
    fixed + base64(record.key) + base64(record.value) + headers
}

fn push_base64(json: &mut Vec<u8>, octets: &[u8]) {
    let start = json.len();
    json.resize(start + octets.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(octets, &mut json[start..]);
    // The room is exactly what base64 needs, so this changes nothing.
    json.truncate(start + written.unwrap_or(0));
}

/// `[{"name":[octets]}, …]`; octets are signed, as Java's are.
fn push_headers<'h>(json: &mut Vec<u8>, headers: impl Iterator<Item = (&'h str, &'h [u8])>) {
    json.extend_from_slice(b",\"headers\":[");
    for (index, (name, value)) in headers.enumerate() {
        json.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        push_text(json, name);
        json.extend_from_slice(b":[");
        for (index, octet) in value.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            push_number(json, i64::from(octet.cast_signed()));
        }
        json.extend_from_slice(b"]}");
    }
    json.push(b']');
}

fn push_text(json: &mut Vec<u8>, text: &str) {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    json.extend_from_slice(quoted.as_bytes());
}

fn push_number(json: &mut Vec<u8>, number: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        // One decimal digit.
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        json.push(b'-');
    }
    json.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
