//! Settings of the function, from its environment.

use std::time::Duration;

use platform::settings::{SettingError, or, required};

use crate::join::Settings;

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `TABLE_ASSEMBLIES`.
    pub table: String,
    /// `QUEUE_ASSEMBLY_DEADLINES`.
    pub queue: String,
    /// `KAFKA_CONSUMER_GROUP`.
    pub group: String,
    /// `KAFKA_CONSUMER_GROUP_HANDSETS`.
    pub handsets_group: String,
    /// `ASSEMBLY_PATIENCE_S`, `ASSEMBLY_KEEP_DAYS`.
    pub join: Settings,
    /// `PUBLISH_TIMEOUT_S`.
    pub publish_timeout: Duration,
}

impl Environment {
    /// Reads and checks all of them.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn read() -> Result<Self, SettingError> {
        let patience_s: u32 =
            or("ASSEMBLY_PATIENCE_S", "seconds that the first part of a message waits", 300)?;
        let keep_days: u16 = or(
            "ASSEMBLY_KEEP_DAYS",
            "days that finished parts are known: more than Kafka keeps the parts",
            21,
        )?;
        let publish_s: u16 = or(
            "PUBLISH_TIMEOUT_S",
            "seconds until a publish is given up: the function's time-out less 5 at most",
            30,
        )?;
        let join = Settings {
            patience_ms: u64::from(patience_s) * 1000,
            keep_ms: u64::from(keep_days) * 24 * 3_600 * 1000,
            ..Settings::default()
        };
        Ok(Self {
            table: required("TABLE_ASSEMBLIES", "the table of open assemblies")?,
            queue: required("QUEUE_ASSEMBLY_DEADLINES", "URL of the queue of deadlines")?,
            group: required(
                "KAFKA_CONSUMER_GROUP",
                "the group of this function's mapping of customers' parts",
            )?,
            handsets_group: required(
                "KAFKA_CONSUMER_GROUP_HANDSETS",
                "the group of this function's mapping of handsets' parts",
            )?,
            join,
            publish_timeout: Duration::from_secs(publish_s.into()),
        })
    }
}
