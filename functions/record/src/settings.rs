//! Settings of the function, from its environment.

use std::time::Duration;

use platform::settings::{SettingError, or, required};

use crate::items::Form;
use crate::lines::{LineForm, Lines};

/// The function's time-out is 60 s (template.yaml): a failure is reported by us.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(15);
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `TABLE_MESSAGES`.
    pub table: String,
    /// `MESSAGES_RETENTION_DAYS`, `NUMBER_PEPPER`.
    pub form: Form,
    /// `EVENT_LINES`, `EVENT_LINES_FULL_NUMBERS`.
    pub lines: Lines,
    /// Until a dead letter is given up.
    pub publish_timeout: Duration,
}

impl Environment {
    /// Reads and checks all of them.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn read() -> Result<Self, SettingError> {
        let days: u16 = or(
            "MESSAGES_RETENTION_DAYS",
            "days for which it is known what happened to a message",
            30,
        )?;
        let numbers = required(
            "NUMBER_PEPPER",
            "at least 16 characters, the stage's own and for ever the same: handsets' numbers are \
             hashed with it",
        )?;
        let table = required("TABLE_MESSAGES", "the table of what happened to messages")?;
        let form = Form { numbers, keep_ms: u64::from(days) * DAY_MS };
        Ok(Self { table, form, lines: lines()?, publish_timeout: PUBLISH_TIMEOUT })
    }
}

fn lines() -> Result<Lines, SettingError> {
    let meaning = "events as lines on standard output: `csv`, `json` or `off`";
    let form = or("EVENT_LINES", meaning, LineForm::Off)?;
    let in_full = or("EVENT_LINES_FULL_NUMBERS", "numbers unmasked in these lines", false)?;
    Ok(Lines { form, in_full })
}
