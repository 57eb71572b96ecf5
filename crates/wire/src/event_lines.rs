//! What happens to messages as one stream of lines with fixed columns: for a warehouse, a spreadsheet, a
//! bill. CSV is that of RFC 4180.

use domain::receipts::MessageState;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The columns' names, as the first line of CSV.
pub const HEADING: &str =
    "time,event,message,customer,provider,source,destination,provider id,detail";

/// An event with the fixed columns, in their order. What is not known is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the columns' names say it")]
pub struct EventLine<'a> {
    pub time: String,
    pub event: &'a str,
    pub message: &'a str,
    pub customer: &'a str,
    pub provider: &'a str,
    pub source: &'a str,
    pub destination: &'a str,
    #[serde(rename = "provider id")]
    pub provider_id: &'a str,
    pub detail: String,
}

impl EventLine<'_> {
    /// What has a comma, a quote or a line's end in it is quoted.
    #[must_use]
    pub fn csv(&self) -> String {
        let Self { event, message, customer, provider, source, destination, provider_id, .. } =
            *self;
        let (time, detail) = (self.time.as_str(), self.detail.as_str());
        let columns =
            [time, event, message, customer, provider, source, destination, provider_id, detail];
        let quoted = |text: &str| match text.contains([',', '"', '\r', '\n']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
        columns.map(quoted).join(",")
    }

    /// An object on one line.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What an event tells beside its columns: `UNDELIVERABLE, error 012: why`.
#[must_use]
pub fn detail(state: Option<MessageState>, error: &str, why: &str) -> String {
    let Some(state) = state else { return why.to_owned() };
    let error = if error.is_empty() { String::new() } else { format!(", error {error}") };
    let colon = if why.is_empty() { "" } else { ": " };
    format!("{}{error}{colon}{why}", state.as_str())
}

/// A time (Unix milliseconds) as RFC 3339 says it, in UTC.
#[must_use]
pub fn time(unix_ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| "-".to_owned())
}
