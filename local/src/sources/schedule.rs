//! Schedules: `rate(5 minutes)`, and `cron(…)` of minutes and hours. A rate runs once at start, too:
//! whatever a function does regularly is overdue after the machine was off.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::AbortHandle;

use crate::runtime::Function;

/// When to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Every so often.
    Rate(Duration),
    /// At these minutes of these hours (UTC).
    Cron {
        /// 0 to 59.
        minutes: Vec<u64>,
        /// 0 to 23.
        hours: Vec<u64>,
    },
}

/// An expression that is none, or that is not played here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "schedule {0:?} is not played on one machine: rate(N minutes|hours|days) or cron(M H * * ? *)"
)]
pub struct NotPlayed(String);

impl std::str::FromStr for Schedule {
    type Err = NotPlayed;

    fn from_str(text: &str) -> Result<Self, NotPlayed> {
        let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let read = if let Some(rate) = inner("rate") { read_rate(rate) } else { None };
        read.or_else(|| inner("cron").and_then(read_cron)).ok_or_else(|| NotPlayed(text.to_owned()))
    }
}

fn read_rate(text: &str) -> Option<Schedule> {
    let (count, unit) = text.split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let unit = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Schedule::Rate(Duration::from_secs(count.checked_mul(unit)?)))
}

fn read_cron(text: &str) -> Option<Schedule> {
    let fields: Vec<_> = text.split_whitespace().collect();
    let [minutes, hours, rest @ ..] = fields.as_slice() else { return None };
    if rest.len() != 4 || rest.iter().any(|field| !matches!(*field, "*" | "?")) {
        return None;
    }
    Some(Schedule::Cron { minutes: cron_field(minutes, 60)?, hours: cron_field(hours, 24)? })
}

fn cron_field(text: &str, end: u64) -> Option<Vec<u64>> {
    if text == "*" {
        return Some((0..end).collect());
    }
    if let Some((start, step)) = text.split_once('/') {
        let start = if start == "*" { 0 } else { start.parse().ok()? };
        let step = step.parse().ok().filter(|step| *step > 0)?;
        return Some((start..end).step_by(step).collect());
    }
    let values: Option<Vec<u64>> = text.split(',').map(|value| value.parse().ok()).collect();
    values.filter(|values| values.iter().all(|value| *value < end))
}

impl Schedule {
    /// Time from `now` (since 1970) to the next run.
    #[must_use]
    pub fn next_in(&self, now: Duration) -> Duration {
        const DAY_MIN: u64 = 24 * 60;
        match self {
            Self::Rate(every) => *every,
            Self::Cron { minutes, hours } => {
                let this_minute = now.as_secs() / 60;
                let due = |minute: &u64| {
                    minutes.contains(&(minute % 60)) && hours.contains(&(minute / 60 % 24))
                };
                let next = (this_minute + 1..=this_minute + DAY_MIN).find(due);
                Duration::from_secs(next.unwrap_or(this_minute + DAY_MIN) * 60).saturating_sub(now)
            }
        }
    }
}

/// Invokes `function` as `schedule` says, until the handle is aborted.
pub fn start(schedule: Schedule, function: Arc<Function>, region: String) -> AbortHandle {
    let run = async move {
        if matches!(schedule, Schedule::Rate(_)) {
            invoke(&function, &region).await;
        }
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            tokio::time::sleep(schedule.next_in(now)).await;
            invoke(&function, &region).await;
        }
    };
    tokio::spawn(run).abort_handle()
}

async fn invoke(function: &Function, region: &str) {
    let time = OffsetDateTime::now_utc().replace_nanosecond(0).ok();
    let event = json!({
        "version": "0",
        "id": uuid::Uuid::new_v4(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": crate::ACCOUNT,
        "time": time.and_then(|time| time.format(&Rfc3339).ok()),
        "region": region,
        "resources": [],
        "detail": {},
    });
    // Asynchronous invocations are retried twice; a schedule comes round again anyway.
    if let Err(error) = function.invoke(Bytes::from(event.to_string())).await {
        tracing::warn!(event = "schedule_failed", function = function.name(), %error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    #[test]
    fn rates_are_read() {
        for (text, expected) in
            [("rate(5 minutes)", 5), ("rate(1 minute)", 1), ("rate(2 hours)", 120)]
        {
            assert_eq!(text.parse::<Schedule>().unwrap(), Schedule::Rate(minutes(expected)));
        }
    }

    #[test]
    fn a_cron_expression_runs_at_its_next_minute() {
        let at = |text: &str, now| text.parse::<Schedule>().unwrap().next_in(minutes(now));
        assert_eq!(at("cron(30 2 * * ? *)", 0), minutes(150));
        assert_eq!(at("cron(30 2 * * ? *)", 150), minutes(24 * 60));
        assert_eq!(at("cron(0/15 * * * ? *)", 16), minutes(14));
        assert_eq!(at("cron(0,20 * * * ? *)", 20), minutes(40));
    }

    #[test]
    fn what_is_not_played_is_refused() {
        for text in [
            "rate(0 minutes)",
            "rate(5 fortnights)",
            "cron(0 12 1 * ? *)",
            "cron(61 * * * ? *)",
            "at(2026-01-01T00:00:00)",
            "",
        ] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }
}
