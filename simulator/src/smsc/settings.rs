//! How the SMSC behaves: every setting can be given at start and changed while it runs.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smpp::CommandStatus;

use super::{deliveries::DeliverySettings, ids::IdSettings, receipts::ReceiptSettings};

/// The default is an SMSC that accepts everything at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Above it, a bind's submits are refused.
    pub rate_limit: Option<RateLimit>,
    /// From reading a submit to writing its response.
    pub latency: Latency,
    /// Drops the connection at some of the accepted submits.
    pub drop: Option<Drop>,
    /// Accepts these submits and never answers them.
    pub lose_responses: Option<When>,
    /// Refuses some submits.
    pub errors: Vec<ErrorRate>,
    /// Refuses every bind with this status.
    pub refuse_binds: Option<u32>,
    /// Binds of one `system_id` at a time; one more is refused with ESME_RALYBND.
    pub binds_max: Option<usize>,
    /// Responses of a bind that may be outstanding; one more submit is refused with ESME_RMSGQFUL.
    pub window: Option<usize>,
    pub ids: IdSettings,
    /// For submits that ask for them.
    pub receipts: ReceiptSettings,
    /// How receipts and messages from handsets go out.
    pub deliveries: DeliverySettings,
    /// What chance starts from; the same seed decides the same way.
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Submits per second and bind.
    pub per_s: f64,
    /// Submits that may come at once; by default what comes in 100 ms, at least two.
    #[serde(default)]
    pub burst: Option<f64>,
    #[serde(default)]
    pub status: TooFast,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooFast {
    #[default]
    Throttled,
    QueueFull,
}

impl From<TooFast> for CommandStatus {
    fn from(status: TooFast) -> Self {
        match status {
            TooFast::Throttled => Self::EsmeRthrottled,
            TooFast::QueueFull => Self::EsmeRmsgqful,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Latency {
    #[default]
    None,
    Fixed {
        ms: f64,
    },
    Uniform {
        min_ms: f64,
        max_ms: f64,
    },
    /// Cut off at `max_ms`.
    Exponential {
        mean_ms: f64,
        max_ms: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    pub when: When,
    pub how: How,
}

/// Which of the accepted submits, counted over all binds from 1, from when `drop` or
/// `lose_responses` was set or the counts were reset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Each submit whose count is a multiple.
    Every(u64),
    Probability(f64),
    /// This one only.
    At(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Without a response.
    Before,
    /// After the response.
    After,
    /// After so many octets of the response.
    AfterOctets(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRate {
    pub status: u32,
    pub probability: f64,
}

impl Settings {
    /// These settings with what `change` names replaced; `null` takes a setting back to its
    /// default. Errors: an unknown name or a value that cannot be.
    pub fn changed(&self, change: &Value) -> anyhow::Result<Self> {
        let mut whole = serde_json::to_value(self)?;
        let change = change.as_object().context("settings are a JSON object")?;
        let fields = whole.as_object_mut().context("settings are a JSON object")?;
        for (name, value) in change {
            match value {
                Value::Null => drop(fields.remove(name)),
                value => drop(fields.insert(name.clone(), value.clone())),
            }
        }
        let changed: Self = serde_json::from_value(whole)?;
        changed.check()?;
        Ok(changed)
    }

    /// Errors: a value that cannot be, by the name of its setting.
    pub fn check(&self) -> anyhow::Result<()> {
        let probability = |value: f64| (0.0..=1.0).contains(&value);
        if let Some(limit) = &self.rate_limit {
            ensure!(limit.per_s > 0.0 && limit.per_s.is_finite(), "rate_limit: per_s above 0");
            ensure!(limit.burst.is_none_or(|burst| burst >= 1.0), "rate_limit: burst of 1 or more");
        }
        self.latency.check("latency")?;
        self.receipts.check()?;
        let Self { deliveries, ids, .. } = self;
        ensure!(deliveries.window > 0 && deliveries.tries_max > 0, "deliveries: at least 1");
        ensure!(ids.restart_every != Some(0), "ids: restart_every is at least 1");
        for when in self.drop.map(|drop| drop.when).iter().chain(&self.lose_responses) {
            match when {
                When::Every(count) | When::At(count) => ensure!(*count > 0, "counts begin at 1"),
                When::Probability(value) => ensure!(probability(*value), "probability is 0 to 1"),
            }
        }
        ensure!(
            self.errors.iter().all(|error| probability(error.probability))
                && self.errors.iter().map(|error| error.probability).sum::<f64>() <= 1.0,
            "errors: probabilities are 0 to 1, together too"
        );
        ensure!(self.ids.prefix.len() <= 40, "ids: prefix of 40 octets at most");
        Ok(())
    }
}

impl Latency {
    /// Errors: times that cannot be, under the name of their setting.
    pub fn check(&self, name: &str) -> anyhow::Result<()> {
        let times = match *self {
            Self::None => [0.0, 0.0],
            Self::Fixed { ms } => [ms, ms],
            Self::Uniform { min_ms, max_ms } => [min_ms, max_ms],
            Self::Exponential { mean_ms, max_ms } => [mean_ms, max_ms],
        };
        let day_ms = 24.0 * 3.6e6;
        ensure!(0.0 <= times[0] && times[0] <= times[1] && times[1] <= day_ms, "{name}: times");
        Ok(())
    }

    /// One of its durations; chance is not touched where there is none.
    pub fn sample(&self, chance: &mut fastrand::Rng) -> Duration {
        let ms = match *self {
            Self::None => return Duration::ZERO,
            Self::Fixed { ms } => ms,
            Self::Uniform { min_ms, max_ms } => min_ms + (max_ms - min_ms) * chance.f64(),
            Self::Exponential { mean_ms, max_ms } => {
                (-mean_ms * (1.0 - chance.f64()).ln()).min(max_ms)
            }
        };
        Duration::from_secs_f64(ms / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_setting_is_read_from_json() {
        let change = json!({
            "rate_limit": {"per_s": 100, "burst": 5, "status": "queue_full"},
            "latency": {"exponential": {"mean_ms": 5, "max_ms": 100}},
            "drop": {"when": {"every": 100}, "how": {"after_octets": 7}},
            "lose_responses": {"probability": 0.01},
            "errors": [{"status": 69, "probability": 0.1}],
            "refuse_binds": 13,
            "binds_max": 2,
            "window": 10,
            "ids": {"form": "hex", "prefix": "p", "start": 5, "restart_every": 1000},
            "receipts": {
                "share": 0.9, "delay": {"fixed": {"ms": 5}}, "twice": 0.1, "other_bind": 0.1,
                "late": {"probability": 0.1, "delay": {"fixed": {"ms": 7200000}}},
                "before_response": 0.1, "wrong_id": 0.1, "intermediate": 0.5, "id_form": "decimal",
                "states": [{"state": "undeliverable", "error": 1, "probability": 0.1}],
                "form": "tlvs", "esm_class": 0, "as_submitted": true, "clock_shift_s": -3600,
                "done_shift_s": 7200,
            },
            "deliveries": {
                "window": 5, "again_after_ms": 1, "unanswered_after_ms": 2, "tries_max": 3,
            },
            "seed": 9,
        });
        let settings = Settings::default().changed(&change).unwrap();
        assert_eq!(settings.drop.unwrap().how, How::AfterOctets(7));
        assert_eq!(settings.latency, Latency::Exponential { mean_ms: 5.0, max_ms: 100.0 });
        assert_eq!(serde_json::to_value(&settings).unwrap()["ids"]["start"], 5);
    }

    #[test]
    fn a_change_leaves_the_rest_and_null_takes_back() {
        let first = Settings::default().changed(&json!({"binds_max": 2, "window": 4})).unwrap();
        let second = first.changed(&json!({"window": null, "seed": 3})).unwrap();
        assert_eq!(second, Settings { binds_max: Some(2), seed: 3, ..Settings::default() });
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for change in [
            json!({"unknown": 1}),
            json!([]),
            json!({"rate_limit": {"per_s": 0}}),
            json!({"latency": {"fixed": {"ms": -1}}}),
            json!({"latency": {"uniform": {"min_ms": 2, "max_ms": 1}}}),
            json!({"drop": {"when": {"every": 0}, "how": "before"}}),
            json!({"lose_responses": {"probability": 1.1}}),
            json!({"errors": [{"status": 1, "probability": 0.6}, {"status": 2, "probability": 0.6}]}),
            json!({"ids": {"prefix": "p".repeat(41)}}),
            json!({"ids": {"restart_every": 0}}),
            json!({"receipts": {"twice": 1.1}}),
            json!({"receipts": {"states": [{"state": "lost", "probability": 0.1}]}}),
            json!({"receipts": {"delay": {"fixed": {"ms": -1}}}}),
            json!({"deliveries": {"window": 0}}),
        ] {
            assert!(Settings::default().changed(&change).is_err(), "{change}");
        }
    }
}
