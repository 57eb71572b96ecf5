//! Times as people write and read them.

use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
pub use wire::event_lines::time as shown;

/// A time in the past: so long ago (`90s`, `30m`, `2h`, `7d`) or as RFC 3339 says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Unix milliseconds.
    pub unix_ms: u64,
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        since(text, OffsetDateTime::now_utc()).ok_or_else(|| {
            "neither so long ago (90s, 30m, 2h, 7d) nor a time (2026-11-21T08:00:00Z)".to_owned()
        })
    }
}

/// A day of UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day(pub String);

impl Day {
    /// The one that it is now.
    #[must_use]
    pub fn today() -> Self {
        Self(written(OffsetDateTime::now_utc().date()))
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339);
        let day = day.map_err(|_| "not a day of the calendar as 2026-11-21".to_owned())?;
        Ok(Self(written(day.date())))
    }
}

fn written(date: time::Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

fn since(text: &str, now: OffsetDateTime) -> Option<Since> {
    let time = match ago(text) {
        Some(seconds) => now.checked_sub(time::Duration::seconds(seconds))?,
        None => OffsetDateTime::parse(text, &Rfc3339).ok()?,
    };
    let unix_ms = u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(Since { unix_ms })
}

fn ago(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let of_unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    Some(i64::from(number) * of_unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_as_so_long_ago_or_as_a_date() {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let table = [
            ("0s", 1_800_000_000_000),
            ("90s", 1_799_999_910_000),
            ("30m", 1_799_998_200_000),
            ("2h", 1_799_992_800_000),
            ("7d", 1_799_395_200_000),
            ("2026-11-21T08:00:00Z", 1_795_248_000_000),
            ("2026-11-21T09:00:00.25+01:00", 1_795_248_000_250),
        ];
        for (text, unix_ms) in table {
            assert_eq!(since(text, now), Some(Since { unix_ms }), "{text}");
        }
        for text in ["", "h", "2", "-2h", "2w", "2h30m", "é", "yesterday", "9999999d"] {
            assert_eq!(since(text, now), None, "{text}");
        }
    }

    #[test]
    fn a_day_is_one_of_the_calendar() {
        assert_eq!("2026-11-21".parse(), Ok(Day("2026-11-21".to_owned())));
        for text in ["", "today", "2026-02-30", "2026-11-21T00", "26-11-21", "2026/11/21"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_shown_so_that_it_can_be_said_again() {
        assert_eq!(shown(1_795_248_000_250), "2026-11-21T08:00:00.25Z");
        let now = OffsetDateTime::UNIX_EPOCH;
        let again = since(&shown(1_795_248_000_250), now);
        assert_eq!(again, Some(Since { unix_ms: 1_795_248_000_250 }));
    }
}
