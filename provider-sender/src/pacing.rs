//! How fast a slot sends: a token bucket, and in no second, wherever it begins, more than agreed. A
//! bucket alone lets out its depth on top of the rate in the second after a pause. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use domain::pacing::{Rate, TokenBucket};

const SECOND: Duration = Duration::from_secs(1);

/// The pace of one slot; parts are counted.
#[derive(Debug)]
pub struct Pacing {
    bucket: TokenBucket,
    /// Parts of any second; none: no limit.
    agreed: Option<usize>,
    /// When how many went out, for a second; bounded by what was agreed.
    sent: VecDeque<(Instant, usize)>,
    in_last_second: usize,
}

impl Pacing {
    /// No limit yet; a bucket of this depth, empty: a new owner of a slot must not add its burst to
    /// its predecessor's.
    #[must_use]
    pub fn new(depth: Duration, now: Instant) -> Self {
        let bucket = TokenBucket::new(Rate::unlimited(), depth, now);
        Self { bucket, agreed: None, sent: VecDeque::new(), in_last_second: 0 }
    }

    /// What is agreed from now on, parts per second; none: no limit.
    pub fn agree(&mut self, per_s: Option<f64>, now: Instant) {
        self.bucket.set_rate(per_s.map_or_else(Rate::unlimited, Rate::per_second), now);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is positive; a cast saturates"
        )]
        let whole = |per_s: f64| per_s.ceil().max(1.0) as usize;
        self.agreed = per_s.map(whole);
    }

    /// How many parts may go out now.
    pub fn available(&mut self, now: Instant) -> usize {
        let tokens = self.bucket.available(now);
        let Some(agreed) = self.agreed else { return tokens };
        self.forget(now);
        tokens.min(agreed.saturating_sub(self.in_last_second))
    }

    /// How many tokens there will be before `ahead` has passed.
    pub fn available_within(&mut self, ahead: Duration, now: Instant) -> usize {
        self.bucket.available_within(ahead, now)
    }

    /// A part went out.
    pub fn spend(&mut self, now: Instant) {
        self.bucket.spend(1);
        if self.agreed.is_none() {
            return;
        }
        self.in_last_second += 1;
        match self.sent.back_mut() {
            Some((at, parts)) if *at == now => *parts += 1,
            _ => self.sent.push_back((now, 1)),
        }
    }

    /// When the next part may go out, if none may now. None when unlimited.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let token = self.bucket.next_token()?;
        let is_full = self.agreed.is_some_and(|agreed| self.in_last_second >= agreed);
        let oldest = self.sent.front().filter(|_| is_full);
        Some(oldest.map_or(token, |(at, _)| token.max(*at + SECOND)))
    }

    /// The provider said it was too fast; see [`TokenBucket::throttled`].
    pub fn throttled(&mut self, observed_per_s: f64, now: Instant) {
        self.bucket.throttled(observed_per_s, now);
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, parts)) = self.sent.front()
            && *at + SECOND <= now
        {
            self.in_last_second -= parts;
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: Duration = Duration::from_millis(10);

    /// Sends all that may go out at each of these milliseconds; when each part went.
    fn sent(pacing: &mut Pacing, start: Instant, at: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut parts = Vec::new();
        for ms in at {
            let now = start + Duration::from_millis(ms);
            for _ in 0..pacing.available(now) {
                pacing.spend(now);
                parts.push(ms);
            }
        }
        parts
    }

    fn most_in_a_second(parts: &[u64]) -> usize {
        let in_second =
            |from: u64| parts.iter().filter(|at| (from..from + 1_000).contains(*at)).count();
        parts.iter().map(|from| in_second(*from)).max().unwrap_or(0)
    }

    fn paced(start: Instant) -> Pacing {
        let mut pacing = Pacing::new(DEPTH, start);
        pacing.agree(Some(1_000.0), start);
        pacing
    }

    #[test]
    fn no_second_has_more_than_agreed_whatever_pauses_there_were() {
        let start = Instant::now();
        // Eight milliseconds of pause in every hundred: what a busy machine does.
        let parts = sent(&mut paced(start), start, (0..10_000).filter(|ms| ms % 100 >= 8));
        assert!(most_in_a_second(&parts) <= 1_000, "{}", most_in_a_second(&parts));
        assert!(parts.len() >= 9_900, "{} in 10 s", parts.len());
    }

    #[test]
    fn a_burst_is_bounded_by_the_buckets_depth() {
        let start = Instant::now();
        assert_eq!(sent(&mut paced(start), start, std::iter::once(500)).len(), 10);
    }

    #[test]
    fn whoever_may_not_send_now_is_told_when() {
        let start = Instant::now();
        let mut pacing = paced(start);
        sent(&mut pacing, start, (0..1_010).filter(|ms| ms % 5 == 0));
        let mut now = start + Duration::from_millis(1_010);
        for _ in 0..1_000 {
            while pacing.available(now) > 0 {
                pacing.spend(now);
            }
            let next = pacing.next().unwrap();
            assert!(next > now, "the past is no time to wait for");
            now = next + Duration::from_millis(1);
            assert!(pacing.available(now) > 0, "nothing may go out when it was said");
        }
    }

    #[test]
    fn without_an_agreement_there_is_no_limit() {
        let start = Instant::now();
        let mut pacing = Pacing::new(DEPTH, start);
        assert_eq!((pacing.available(start), pacing.next()), (usize::MAX, None));
        pacing.spend(start);
        assert!(pacing.sent.is_empty());
    }
}
