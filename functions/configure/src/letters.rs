//! `GET /dead-letters`, `POST /dead-letters/redrive`: what programs gave up on, without its
//! content, and putting it back on the topic where it stood.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::time::Duration;

use wire::admin_api::{Letter, LetterList, REDRIVE_MAX, RedriveBody, Redriven};
use wire::dead_letters::DeadLetter;
use wire::topics::{DEAD_LETTERS, redrivable};

use crate::answer::{Answer, Problem};
use crate::handler::{Handler, unavailable};
use crate::ports::DeadLetters;

/// Letters in one answer, if nothing is said.
pub const LIMIT: usize = 100;
/// Letters in one answer at most.
pub const LIMIT_MAX: usize = 1_000;
/// Below the function's time-out (29 s, template.yaml) with room for Kafka's answers.
const TIME_MS: u64 = 18_000;

/// Which letters are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Only of records of this topic.
    pub topic: Option<String>,
    /// Written at or after this time, Unix milliseconds.
    pub since_ms: u64,
    /// So many, the oldest.
    pub limit: usize,
}

/// Where a dead letter stands: its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterAt {
    /// Partition of `dead-letters`.
    pub partition: i32,
    /// Offset there.
    pub offset: u64,
}

/// What was found in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    partition: i32,
    found: Vec<(u64, Letter)>,
    unreadable: u64,
    /// Up to this time (Unix milliseconds) everything was read; none: to the end.
    pub read_to_ms: Option<u64>,
}

impl fmt::Display for LetterAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

impl FromStr for LetterAt {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let parsed = text.split_once('/').and_then(|(partition, offset)| {
            let partition = partition.parse::<u16>().ok()?.into();
            Some(Self { partition, offset: offset.parse().ok()? })
        });
        parsed.ok_or_else(|| {
            let why = "the id of a dead letter is its partition and offset, as `0/17`";
            Problem::Malformed(why.to_owned())
        })
    }
}

impl Scan {
    /// Nothing yet.
    #[must_use]
    pub fn of(partition: i32) -> Self {
        Self { partition, found: Vec::new(), unreadable: 0, read_to_ms: None }
    }

    /// Takes the next record. Breaks off behind the limit: then it is known that there is more.
    pub fn record(
        &mut self,
        wanted: &Wanted,
        offset: u64,
        time_ms: u64,
        value: &[u8],
    ) -> ControlFlow<()> {
        match wire::decode::<DeadLetter>(value) {
            Ok(letter) if wanted.topic.as_ref().is_none_or(|topic| *topic == letter.topic) => {
                let at = LetterAt { partition: self.partition, offset };
                self.found.push((time_ms, told(at, letter)));
            }
            Ok(_) => {}
            Err(_) => self.unreadable += 1,
        }
        match self.found.len() > wanted.limit {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

fn told(at: LetterAt, letter: DeadLetter) -> Letter {
    let DeadLetter { topic, partition, offset, by, reason, key, value, at_ms, .. } = letter;
    Letter {
        id: at.to_string(),
        redrivable: redrivable(&topic),
        topic,
        partition,
        offset,
        by,
        reason,
        at_ms,
        key_octets: key.0.len(),
        value_octets: value.0.len(),
    }
}

/// The oldest of all partitions. What is later than the end of a scan that broke off is left out:
/// that partition may have something before it.
fn merged(scans: Vec<Scan>, limit: usize) -> LetterList {
    let unreadable = scans.iter().map(|scan| scan.unreadable).sum();
    let horizon = scans.iter().filter_map(|scan| scan.read_to_ms).min();
    let mut all: Vec<_> = scans.into_iter().flat_map(|scan| scan.found).collect();
    // Stable: letters of one partition and time stay in order.
    all.sort_by_key(|(time_ms, _)| *time_ms);
    all.retain(|(time_ms, _)| horizon.is_none_or(|horizon| *time_ms <= horizon));
    let more = horizon.is_some() || all.len() > limit;
    all.truncate(limit);
    LetterList { letters: all.into_iter().map(|(_, letter)| letter).collect(), unreadable, more }
}

impl<S, K: DeadLetters, M> Handler<S, K, M> {
    pub(crate) async fn letters(&self, wanted: &Wanted) -> Result<Answer, Problem> {
        let until_ms = (self.now_ms)() + TIME_MS;
        let partitions = self.kafka.partitions(DEAD_LETTERS).await.map_err(unavailable)?;
        let mut scans = Vec::new();
        for partition in 0..partitions {
            let left = Duration::from_millis(until_ms.saturating_sub((self.now_ms)()));
            scans.push(self.kafka.scan(partition, wanted, left).await.map_err(unavailable)?);
        }
        Ok(Answer::Letters(merged(scans, wanted.limit)))
    }

    /// Looks at all of them first: one that cannot be put back leaves all where they are.
    pub(crate) async fn redrive(&self, body: &RedriveBody) -> Result<Answer, Problem> {
        if body.ids.is_empty() || body.ids.len() > REDRIVE_MAX {
            let why = format!("1 to {REDRIVE_MAX} ids of dead letters are put back at a time");
            return Err(Problem::Malformed(why));
        }
        let ids: BTreeSet<LetterAt> =
            body.ids.iter().map(|id| id.parse::<LetterAt>()).collect::<Result<_, _>>()?;
        let mut letters = Vec::with_capacity(ids.len());
        for at in ids {
            letters.push(self.letter_to_redrive(at).await?);
        }
        let redriven = letters.len();
        self.kafka.put_back(&letters).await.map_err(|error| {
            tracing::error!(event = "redrive_failed", error = format!("{error:#}"));
            Problem::Unconfirmed("the records")
        })?;
        tracing::info!(event = "dead_letters_redriven", redriven);
        Ok(Answer::Redriven(Redriven { redriven }))
    }

    async fn letter_to_redrive(&self, at: LetterAt) -> Result<DeadLetter, Problem> {
        let found = self.kafka.letter(at).await.map_err(unavailable)?;
        let letter = found.ok_or_else(|| Problem::NoLetter(at.to_string()))?;
        let refused = |why: String| Err(Problem::NotRedrivable(at.to_string(), why));
        let DeadLetter { topic, partition, .. } = &letter;
        if !redrivable(topic) {
            return refused(format!("no program takes messages from topic {topic}"));
        }
        let partitions = self.kafka.partitions(topic).await.map_err(unavailable)?;
        if !(0..partitions).contains(partition) {
            return refused(format!("topic {topic} has no partition {partition} (any more)"));
        }
        Ok(letter)
    }
}

#[cfg(test)]
mod tests {
    use domain::octets::Octets;
    use wire::V;

    use super::*;

    fn wanted(topic: Option<&str>, limit: usize) -> Wanted {
        Wanted { topic: topic.map(str::to_owned), since_ms: 0, limit }
    }

    fn value(topic: &str) -> Vec<u8> {
        let (key, value) = (Octets(b"key".to_vec()), Octets(b"value".to_vec()));
        let (by, reason) = ("route".to_owned(), "no".to_owned());
        let topic = topic.to_owned();
        let letter =
            DeadLetter { v: V, topic, partition: 3, offset: 9, by, reason, key, value, at_ms: 1 };
        wire::encode(&letter)
    }

    /// A partition with letters of these times.
    fn scan(partition: i32, times: &[u64], limit: usize) -> Scan {
        let mut scan = Scan::of(partition);
        for (offset, time_ms) in (0..).zip(times) {
            let value = value("customer-incoming-messages");
            if scan.record(&wanted(None, limit), offset, *time_ms, &value).is_break() {
                scan.read_to_ms = Some(*time_ms);
                break;
            }
        }
        scan
    }

    fn ids(list: &LetterList) -> Vec<&str> {
        list.letters.iter().map(|letter| letter.id.as_str()).collect()
    }

    #[test]
    fn the_oldest_of_all_partitions_are_told_in_the_order_of_time() {
        let list = merged(vec![scan(0, &[1, 5, 6], 4), scan(1, &[2, 3], 4)], 4);
        assert_eq!(ids(&list), ["0/0", "1/0", "1/1", "0/1"]);
        assert!(list.more);
        let all = merged(vec![scan(0, &[1, 5, 6], 5), scan(1, &[2, 3], 5)], 5);
        assert_eq!((all.letters.len(), all.more), (5, false));
    }

    #[test]
    fn nothing_is_told_beyond_what_was_read_of_every_partition() {
        let mut slow = scan(0, &[1, 5], 10);
        slow.read_to_ms = Some(5);
        let list = merged(vec![slow, scan(1, &[2, 9], 10)], 10);
        assert_eq!(ids(&list), ["0/0", "1/0", "0/1"]);
        assert!(list.more);
    }

    #[test]
    fn other_topics_are_passed_over_and_what_is_no_letter_is_counted() {
        let mut scan = Scan::of(0);
        let wanted = wanted(Some("submit-journal"), 10);
        for value in [&value("submit-journal")[..], &value("other"), b"nonsense"] {
            assert!(scan.record(&wanted, 7, 1, value).is_continue());
        }
        let list = merged(vec![scan], 10);
        assert_eq!((list.letters.len(), list.unreadable, list.more), (1, 1, false));
        let letter = &list.letters[0];
        assert_eq!((letter.partition, letter.offset, letter.redrivable), (3, 9, false));
        assert_eq!((letter.key_octets, letter.value_octets), (3, 5));
    }

    #[test]
    fn an_id_is_read_as_it_is_told() {
        let at = LetterAt { partition: 2, offset: 1045 };
        assert_eq!(at.to_string().parse(), Ok(at));
        for text in ["", "7", "-1/7", "1/", "/1", "1/2/3", "a/b"] {
            assert!(text.parse::<LetterAt>().is_err(), "{text}");
        }
    }
}
