//! Records that were thrown out of the producer's queue after they had left once: Kafka may have
//! them, so they are published again under their ids, and the customer is answered when it is known.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use platform::kafka::Record;

/// Marks the token of a record that is published again; a connection's number never gets so far.
const MARK: u64 = 1 << 63;

/// What the producer is given again.
#[derive(PartialEq, Eq)]
pub(super) struct Copied {
    topic: String,
    partition: Option<i32>,
    key: Vec<u8>,
    value: Vec<u8>,
    token: u64,
}

impl std::fmt::Debug for Copied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.record().fmt(f)
    }
}

impl Copied {
    pub(super) fn record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: self.partition,
            key: &self.key,
            value: &self.value,
            token: self.token,
        }
    }
}

/// All of them. Holds no more than a producer's queue did.
#[derive(Debug, Default)]
pub(super) struct Again {
    /// By their own token: the one that the customer waits for, and when to give up.
    known: HashMap<u64, (u64, Instant)>,
    waiting: Vec<Copied>,
    given: u64,
}

impl Again {
    /// Is this the token of a record that was published again?
    pub(super) const fn is_copy(token: u64) -> bool {
        token & MARK != 0
    }

    /// Keeps `record` until [`Again::take`], for `patience` from its first time on. False: that time
    /// is over.
    pub(super) fn keep(&mut self, record: Record<'_>, patience: Duration, now: Instant) -> bool {
        let token = match self.known.get(&record.token) {
            Some((_, until)) if *until <= now => return false,
            Some(_) => record.token,
            None => {
                self.given += 1;
                let token = MARK | self.given;
                self.known.insert(token, (record.token, now + patience));
                token
            }
        };
        self.waiting.push(Copied {
            topic: record.topic.to_owned(),
            partition: record.partition,
            key: record.key.to_vec(),
            value: record.value.to_vec(),
            token,
        });
        true
    }

    /// What is to be published again now.
    pub(super) fn take(&mut self) -> Vec<Copied> {
        std::mem::take(&mut self.waiting)
    }

    /// It ended: the token that the customer waits for.
    pub(super) fn end(&mut self, copy: u64) -> Option<u64> {
        self.known.remove(&copy).map(|(token, _)| token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn record(token: u64) -> Record<'static> {
        Record { topic: "t", partition: Some(3), key: b"k", value: b"v", token }
    }

    #[test]
    fn a_record_comes_back_under_a_token_of_its_own_and_ends_under_its_first() {
        let (mut again, now) = (Again::default(), Instant::now());
        // Two records of one submit_multi bear one token.
        assert!(again.keep(record(7), PATIENCE, now) && again.keep(record(7), PATIENCE, now));
        let copies = again.take();
        let tokens: Vec<u64> = copies.iter().map(|copy| copy.record().token).collect();
        assert!(tokens.iter().all(|token| Again::is_copy(*token)) && tokens[0] != tokens[1]);
        assert_eq!((copies[0].record().key, copies[0].record().partition), (&b"k"[..], Some(3)));
        assert_eq!(again.take(), []);
        assert_eq!(tokens.iter().filter_map(|token| again.end(*token)).collect::<Vec<_>>(), [7, 7]);
        assert_eq!(again.end(tokens[0]), None);
        assert!(!Again::is_copy(7));
    }

    #[test]
    fn a_copy_that_is_thrown_out_again_keeps_its_token_and_its_time() {
        let (mut again, now) = (Again::default(), Instant::now());
        assert!(again.keep(record(7), PATIENCE, now));
        let copy = again.take()[0].record().token;
        assert!(again.keep(record(copy), PATIENCE, now + PATIENCE / 2));
        assert_eq!(again.take()[0].record().token, copy);
        assert!(!again.keep(record(copy), PATIENCE, now + PATIENCE), "its time is over");
        assert_eq!(again.end(copy), Some(7));
    }
}
