//! Settings of the sender, from the environment. Providers are in the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use platform::settings::{SettingError, or, required};

/// Everything that is set from outside.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where health is asked for.
    pub health: SocketAddr,
    /// Table with the configuration.
    pub config_table: String,
    /// Table of what happened to each message.
    pub messages_table: String,
    /// Groups of `correlate` on `provider-events` and of `record` on `message-events`.
    pub correlate_group: String,
    /// See above.
    pub record_group: String,
    /// How long a slot knows what it has read, to drop repeats.
    pub repeats: Duration,
    /// Kafka consumer group that the slots are balanced in.
    pub group: String,
    /// Messages read ahead and not ended, per slot and priority.
    pub messages_max: usize,
    /// How long a revoked slot finishes its window.
    pub release: Duration,
    /// How often a slot's position is written.
    pub position_every: Duration,
    /// How often an idle slot looks at its journal.
    pub look_every: Duration,
}

impl Settings {
    /// Reads and checks them.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn from_environment() -> Result<Self, SettingError> {
        Ok(Self {
            health: required("HEALTH_LISTEN", "address:port for the health check")?,
            config_table: required("TABLE_CONFIG", "name of the table with the configuration")?,
            messages_table: required("TABLE_MESSAGES", "name of the table of messages")?,
            correlate_group: or(
                "CORRELATE_GROUP",
                "the group of correlate's mapping of provider-events",
                "correlate".into(),
            )?,
            record_group: or(
                "RECORD_GROUP",
                "the group of record's mapping of message-events",
                "record".into(),
            )?,
            repeats: Duration::from_secs(or(
                "REPEATS_S",
                "seconds for which a slot knows what it has read, to drop repeats",
                3_600,
            )?),
            group: or("SENDER_GROUP", "consumer group of the senders", "provider-sender".into())?,
            messages_max: or("MESSAGES_MAX", "messages read ahead per slot and priority", 4_000)?,
            release: Duration::from_secs(or("RELEASE_S", "seconds to finish a window", 20)?),
            position_every: Duration::from_secs(or(
                "POSITION_EVERY_S",
                "seconds between positions in the journal; a successor reads what follows one",
                300,
            )?),
            look_every: Duration::from_secs(or("LOOK_EVERY_S", "seconds between idle looks", 3)?),
        })
    }
}
