//! How fast a bind may send: a token bucket in parts per second, whose rate is halved when the
//! provider throttles and recovers additively (design, section 6).

use std::time::{Duration, Instant};

/// The agreed rate of one bind and how it gives way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Parts per second that the provider allows; infinite: no limit.
    pub per_s: f64,
    /// Parts per second that return each second after throttling.
    pub recovery_per_s: f64,
}

impl Rate {
    /// A rate that recovers by a twentieth of itself each second.
    #[must_use]
    pub fn per_second(per_s: f64) -> Self {
        Self { per_s, recovery_per_s: per_s / 20.0 }
    }

    /// No limit but the window.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { per_s: f64::INFINITY, recovery_per_s: f64::INFINITY }
    }
}

/// Tokens are parts. The bucket is as deep as what arrives in `depth`, one token at least, and
/// starts empty: a new owner of a slot must not add its burst to its predecessor's.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    agreed: Rate,
    current_per_s: f64,
    depth: Duration,
    tokens: f64,
    refilled: Instant,
    /// Answers to parts sent before this do not halve the rate again.
    slowed: Option<Instant>,
}

/// Halving stops here, as a share of the agreed rate: a bind that is throttled still probes.
const SLOWEST_SHARE: f64 = 1.0 / 64.0;
/// Throttling answers within this time of a halving belong to the same burst.
const SAME_BURST: Duration = Duration::from_millis(200);

impl TokenBucket {
    /// An empty bucket.
    #[must_use]
    pub fn new(agreed: Rate, depth: Duration, now: Instant) -> Self {
        Self {
            agreed,
            current_per_s: agreed.per_s,
            depth,
            tokens: 0.0,
            refilled: now,
            slowed: None,
        }
    }

    /// A bucket that allows a burst of `depth` at once.
    #[must_use]
    pub fn full(agreed: Rate, depth: Duration, now: Instant) -> Self {
        let mut bucket = Self::new(agreed, depth, now);
        if agreed.per_s.is_finite() {
            bucket.tokens = agreed.per_s * depth.as_secs_f64();
        }
        bucket
    }

    /// Takes a new agreed rate; tokens and slow-down stay.
    pub fn set_rate(&mut self, agreed: Rate, now: Instant) {
        self.refill(now);
        self.current_per_s = self.current_per_s.min(agreed.per_s);
        if self.slowed.is_none() {
            self.current_per_s = agreed.per_s;
        }
        self.agreed = agreed;
    }

    /// How many whole parts may go out now.
    pub fn available(&mut self, now: Instant) -> usize {
        self.available_within(Duration::ZERO, now)
    }

    /// How many whole parts may go out from now until `ahead` has passed.
    pub fn available_within(&mut self, ahead: Duration, now: Instant) -> usize {
        if self.agreed.per_s.is_infinite() && self.slowed.is_none() {
            return usize::MAX;
        }
        self.refill(now);
        let tokens = self.tokens.max(0.0) + self.current_per_s * ahead.as_secs_f64();
        // Tokens are bounded by the depth and what a rate lets out in a second, far below usize.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 ≤ tokens; a cast saturates"
        )]
        let whole = tokens as usize;
        whole
    }

    /// Spends `parts` tokens that `available` offered.
    pub fn spend(&mut self, parts: usize) {
        if self.current_per_s.is_finite() {
            #[allow(clippy::cast_precision_loss, reason = "a window is far below 2^52")]
            let spent = parts as f64;
            self.tokens -= spent;
        }
    }

    /// When the next whole token will be there, if not now. None when unlimited.
    #[must_use]
    pub fn next_token(&self) -> Option<Instant> {
        if self.current_per_s.is_infinite() {
            return None;
        }
        let missing = (1.0 - self.tokens).max(0.0);
        Some(self.refilled + Duration::from_secs_f64(missing / self.current_per_s))
    }

    /// The provider said it was too fast (`ESME_RTHROTTLED`, `ESME_RMSGQFUL`): half the rate, once
    /// a burst. An unlimited bucket falls to `observed_per_s`, the rate at which it was sending.
    pub fn throttled(&mut self, observed_per_s: f64, now: Instant) {
        if self.slowed.is_some_and(|at| now.saturating_duration_since(at) < SAME_BURST) {
            return;
        }
        self.refill(now);
        let from = if self.current_per_s.is_finite() { self.current_per_s } else { observed_per_s };
        let floor =
            if self.agreed.per_s.is_finite() { self.agreed.per_s * SLOWEST_SHARE } else { 1.0 };
        self.current_per_s = (from / 2.0).max(floor).max(0.1);
        self.tokens = self.tokens.min(0.0);
        self.slowed = Some(now);
    }

    /// Parts per second in force now.
    #[must_use]
    pub fn current_per_s(&self) -> f64 {
        self.current_per_s
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = self.refilled.max(now);
        self.recover(passed, now);
        if self.current_per_s.is_finite() {
            let depth = (self.current_per_s * self.depth.as_secs_f64()).max(1.0);
            self.tokens = (self.tokens + passed * self.current_per_s).min(depth);
        }
    }

    fn recover(&mut self, passed: f64, now: Instant) {
        let Some(at) = self.slowed else { return };
        if now.saturating_duration_since(at) < SAME_BURST {
            return;
        }
        let step = if self.agreed.per_s.is_finite() {
            self.agreed.recovery_per_s
        } else {
            // Without an agreed rate: doubling takes ten seconds.
            self.current_per_s / 10.0
        };
        self.current_per_s += step * passed;
        let recovered = if self.agreed.per_s.is_finite() { self.agreed.per_s } else { 1e6 };
        if self.current_per_s >= recovered {
            self.current_per_s = self.agreed.per_s;
            self.slowed = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: Duration = Duration::from_millis(10);

    fn sent_in(bucket: &mut TokenBucket, start: Instant, from_ms: u64, to_ms: u64) -> usize {
        let mut sent = 0;
        for ms in from_ms..to_ms {
            let free = bucket.available(start + Duration::from_millis(ms));
            bucket.spend(free);
            sent += free;
        }
        sent
    }

    #[test]
    fn a_new_bucket_is_empty_and_lets_out_the_agreed_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate::per_second(1000.0), DEPTH, start);
        assert_eq!(bucket.available(start), 0);
        let sent = sent_in(&mut bucket, start, 0, 10_000);
        assert!((9_980..=10_000).contains(&sent), "{sent} in 10 s");
    }

    #[test]
    fn an_idle_bucket_saves_no_more_than_its_depth() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate::per_second(1000.0), DEPTH, start);
        assert_eq!(bucket.available(start + Duration::from_secs(60)), 10);
    }

    #[test]
    fn throttling_halves_once_a_burst_and_recovers_additively() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate::per_second(100.0), DEPTH, start);
        bucket.throttled(100.0, start);
        bucket.throttled(100.0, start + Duration::from_millis(100));
        assert!((bucket.current_per_s() - 50.0).abs() < 1e-9);
        bucket.available(start + Duration::from_millis(200));
        bucket.available(start + Duration::from_millis(2_200));
        let after = bucket.current_per_s();
        assert!((55.0..65.0).contains(&after), "{after}");
        bucket.available(start + Duration::from_secs(30));
        assert!((bucket.current_per_s() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_slow_rate_still_lets_single_parts_out() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate::per_second(0.5), DEPTH, start);
        assert_eq!(sent_in(&mut bucket, start, 0, 10_100), 5);
        assert!(bucket.next_token().is_some());
    }

    #[test]
    fn no_rate_means_no_limit_until_throttled() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate::unlimited(), DEPTH, start);
        assert_eq!(bucket.available(start), usize::MAX);
        bucket.throttled(1_000.0, start);
        let sent = sent_in(&mut bucket, start, 0, 1_000);
        assert!((480..=600).contains(&sent), "{sent}");
    }

    #[test]
    fn what_may_go_out_soon_is_what_is_there_and_what_will_come() {
        let start = Instant::now();
        let mut bucket = TokenBucket::full(Rate::per_second(1_000.0), DEPTH, start);
        let soon = Duration::from_millis(100);
        let there = bucket.available(start);
        assert_eq!(bucket.available_within(soon, start), there + 100);
        bucket.spend(there);
        assert_eq!(bucket.available_within(soon, start), 100);
        let mut slow = TokenBucket::new(Rate::per_second(1.0), DEPTH, start);
        assert_eq!(slow.available_within(soon, start), 0);
    }
}
