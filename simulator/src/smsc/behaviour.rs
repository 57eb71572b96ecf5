//! What becomes of one submit: accepted or refused, answered when, and whether the connection
//! survives it. Decided per bind by the settings and seeded chance; no clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::pacing::{Rate, TokenBucket};
use smpp::CommandStatus;

use super::settings::{How, RateLimit, Settings, When};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: CommandStatus,
    pub delay: Duration,
    pub fate: Fate,
}

/// What happens in the response's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Answered,
    Lost,
    Dropped(How),
}

#[derive(Debug)]
pub struct Behaviour {
    settings: Arc<Settings>,
    bucket: Option<TokenBucket>,
    chance: fastrand::Rng,
    /// Accepted submits over all binds; counted only while a setting asks for it.
    accepted: Arc<AtomicU64>,
}

impl Behaviour {
    /// `bind` makes chance differ between binds.
    pub fn new(settings: Arc<Settings>, bind: u64, accepted: Arc<AtomicU64>, now: Instant) -> Self {
        let chance = fastrand::Rng::with_seed(settings.seed ^ bind.rotate_left(32));
        let bucket = settings.rate_limit.map(|limit| bucket(limit, now));
        Self { settings, bucket, chance, accepted }
    }

    /// Takes new settings; a rate limit that did not change keeps its tokens.
    pub fn set(&mut self, settings: Arc<Settings>, now: Instant) {
        if settings.rate_limit != self.settings.rate_limit {
            self.bucket = settings.rate_limit.map(|limit| bucket(limit, now));
        }
        if settings.seed != self.settings.seed {
            self.chance = fastrand::Rng::with_seed(settings.seed);
        }
        self.settings = settings;
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Decides. `outstanding`: responses of this bind that are still to be written.
    pub fn decide(&mut self, outstanding: usize, now: Instant) -> Verdict {
        let delay = self.delay();
        if let Some(status) = self.refusal(outstanding, now) {
            return Verdict { status, delay, fate: Fate::Answered };
        }
        Verdict { status: CommandStatus::EsmeRok, delay, fate: self.fate() }
    }

    fn refusal(&mut self, outstanding: usize, now: Instant) -> Option<CommandStatus> {
        if self.settings.window.is_some_and(|window| outstanding >= window) {
            return Some(CommandStatus::EsmeRmsgqful);
        }
        if let (Some(limit), Some(bucket)) = (&self.settings.rate_limit, &mut self.bucket) {
            if bucket.available(now) == 0 {
                return Some(limit.status.into());
            }
            bucket.spend(1);
        }
        if self.settings.errors.is_empty() {
            return None;
        }
        let mut chance = self.chance.f64();
        let hit = self.settings.errors.iter().find(|error| {
            chance -= error.probability;
            chance < 0.0
        });
        hit.map(|error| CommandStatus::from(error.status))
    }

    fn fate(&mut self) -> Fate {
        let Settings { drop, lose_responses, .. } = *self.settings;
        if drop.is_none() && lose_responses.is_none() {
            return Fate::Answered;
        }
        let count = self.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        match (drop, lose_responses) {
            (Some(drop), _) if self.is_hit(drop.when, count) => Fate::Dropped(drop.how),
            (_, Some(when)) if self.is_hit(when, count) => Fate::Lost,
            _ => Fate::Answered,
        }
    }

    fn is_hit(&mut self, when: When, count: u64) -> bool {
        match when {
            When::Every(every) => count.is_multiple_of(every),
            When::At(at) => count == at,
            When::Probability(probability) => self.chance.f64() < probability,
        }
    }

    fn delay(&mut self) -> Duration {
        self.settings.latency.sample(&mut self.chance)
    }
}

/// A full bucket: what was not used before the first submit may be used by it.
fn bucket(limit: RateLimit, now: Instant) -> TokenBucket {
    let burst = limit.burst.unwrap_or((limit.per_s / 10.0).max(2.0));
    let depth = Duration::from_secs_f64(burst / limit.per_s);
    let filled_since = now.checked_sub(depth).unwrap_or(now);
    TokenBucket::new(Rate::per_second(limit.per_s), depth, filled_since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smsc::settings::{Drop, ErrorRate, Latency, TooFast};

    fn behaviour(settings: Settings, now: Instant) -> Behaviour {
        Behaviour::new(Arc::new(settings), 0, Arc::default(), now)
    }

    fn fates(settings: Settings, count: usize) -> Vec<Fate> {
        let now = Instant::now();
        let mut behaviour = behaviour(settings, now);
        (0..count).map(|_| behaviour.decide(0, now).fate).collect()
    }

    #[test]
    fn without_settings_everything_is_accepted_at_once() {
        let now = Instant::now();
        let verdict = behaviour(Settings::default(), now).decide(1_000_000, now);
        let status = CommandStatus::EsmeRok;
        assert_eq!(verdict, Verdict { status, delay: Duration::ZERO, fate: Fate::Answered });
    }

    #[test]
    fn above_the_rate_a_submit_is_refused_and_costs_nothing() {
        for (status, expected) in [
            (TooFast::Throttled, CommandStatus::EsmeRthrottled),
            (TooFast::QueueFull, CommandStatus::EsmeRmsgqful),
        ] {
            let start = Instant::now();
            let rate_limit = Some(RateLimit { per_s: 100.0, burst: None, status });
            let mut behaviour = behaviour(Settings { rate_limit, ..Settings::default() }, start);
            let mut accepted = 0;
            for ms in 0..=10_000u64 {
                let verdict = behaviour.decide(0, start + Duration::from_millis(ms));
                match verdict.status {
                    CommandStatus::EsmeRok => accepted += 1,
                    status => assert_eq!(status, expected),
                }
            }
            assert!((1_000..=1_011).contains(&accepted), "{accepted} in 10 s at 100/s");
        }
    }

    #[test]
    fn over_the_window_the_queue_is_full() {
        let now = Instant::now();
        let mut behaviour = behaviour(Settings { window: Some(2), ..Settings::default() }, now);
        assert_eq!(behaviour.decide(1, now).status, CommandStatus::EsmeRok);
        assert_eq!(behaviour.decide(2, now).status, CommandStatus::EsmeRmsgqful);
    }

    #[test]
    fn errors_come_at_their_rates() {
        let now = Instant::now();
        let errors = vec![
            ErrorRate { status: 0x45, probability: 0.1 },
            ErrorRate { status: 0x58, probability: 0.3 },
        ];
        let mut behaviour = behaviour(Settings { errors, ..Settings::default() }, now);
        let mut counts = [0i32; 3];
        for _ in 0..10_000 {
            match u32::from(behaviour.decide(0, now).status) {
                0 => counts[0] += 1,
                0x45 => counts[1] += 1,
                0x58 => counts[2] += 1,
                other => panic!("{other}"),
            }
        }
        for (count, expected) in counts.into_iter().zip([6_000i32, 1_000, 3_000]) {
            assert!((count - expected).abs() < 250, "{count} instead of {expected}");
        }
    }

    #[test]
    fn connections_drop_at_the_submits_named() {
        let of = |when, how| Settings { drop: Some(Drop { when, how }), ..Settings::default() };
        let dropped = |fates: &[Fate]| -> Vec<usize> {
            (1..).zip(fates).filter(|(_, fate)| **fate != Fate::Answered).map(|(n, _)| n).collect()
        };
        assert_eq!(dropped(&fates(of(When::Every(3), How::Before), 10)), [3, 6, 9]);
        assert_eq!(dropped(&fates(of(When::At(4), How::AfterOctets(5)), 10)), [4]);
        let by_chance = dropped(&fates(of(When::Probability(0.5), How::After), 1_000)).len();
        assert!((400..600).contains(&by_chance), "{by_chance}");
    }

    #[test]
    fn responses_are_lost_where_the_connection_is_not_dropped() {
        let drop = Some(Drop { when: When::Every(4), how: How::After });
        let lose_responses = Some(When::Every(2));
        let fates = fates(Settings { drop, lose_responses, ..Settings::default() }, 4);
        let dropped = Fate::Dropped(How::After);
        assert_eq!(fates, [Fate::Answered, Fate::Lost, Fate::Answered, dropped]);
    }

    #[test]
    fn latencies_have_the_distribution_asked_for_and_the_same_seed_gives_the_same() {
        let delays = |latency| {
            let now = Instant::now();
            let mut behaviour =
                behaviour(Settings { latency, seed: 7, ..Settings::default() }, now);
            (0..10_000).map(|_| behaviour.decide(0, now).delay.as_secs_f64() * 1e3).collect()
        };
        let mean = |delays: &Vec<f64>| delays.iter().sum::<f64>() / delays.len() as f64;
        let uniform: Vec<f64> = delays(Latency::Uniform { min_ms: 10.0, max_ms: 20.0 });
        assert!(uniform.iter().all(|ms| (10.0..=20.0).contains(ms)));
        assert!((mean(&uniform) - 15.0).abs() < 0.3);
        let exponential = delays(Latency::Exponential { mean_ms: 5.0, max_ms: 100.0 });
        assert!((mean(&exponential) - 5.0).abs() < 0.3);
        assert_eq!(exponential, delays(Latency::Exponential { mean_ms: 5.0, max_ms: 100.0 }));
        assert!(delays(Latency::Fixed { ms: 3.0 }).iter().all(|ms| (ms - 3.0).abs() < 1e-6));
    }

    #[test]
    fn settings_that_change_on_the_way_count_from_the_next_submit() {
        let now = Instant::now();
        let mut behaviour = behaviour(Settings::default(), now);
        let errors = vec![ErrorRate { status: 8, probability: 1.0 }];
        behaviour.set(Arc::new(Settings { errors, ..Settings::default() }), now);
        assert_eq!(behaviour.decide(0, now).status, CommandStatus::EsmeRsyserr);
    }
}
