//! SMPP times, `YYMMDDhhmmsstnnp` (SMPP 3.4 §7.1, 5.0 §4.7.23.4), to and from unix milliseconds.

use time::{Date, Month, PrimitiveDateTime, Time as Clock, UtcOffset};

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Of relative times: the specification leaves their lengths open.
const MONTH_MS: u64 = 30 * DAY_MS;
const YEAR_MS: u64 = 365 * DAY_MS;

/// A time as a PDU states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Years 2000 to 2099.
    Absolute { unix_ms: u64 },
    /// From when the SMSC gets the message; months of 30 days, years of 365.
    Relative { duration_ms: u64 },
}

/// Not sixteen octets of a time that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form YYMMDDhhmmsstnnp")]
pub struct TimeError;

impl Time {
    /// In unix milliseconds, a relative time counted from `now_unix_ms`.
    pub const fn unix_ms(self, now_unix_ms: u64) -> u64 {
        match self {
            Self::Absolute { unix_ms } => unix_ms,
            Self::Relative { duration_ms } => now_unix_ms.saturating_add(duration_ms),
        }
    }
}

/// Reads a time; an empty field is none. The answer to an error is `ESME_RINVSCHED` or
/// `ESME_RINVEXPIRY`, by the field.
pub fn parse(field: &[u8]) -> Result<Option<Time>, TimeError> {
    if field.is_empty() {
        return Ok(None);
    }
    let (digits, sign) = match field {
        [digits @ .., sign] if digits.len() == 15 => (digits, *sign),
        _ => return Err(TimeError),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(TimeError);
    }
    let time = match sign {
        b'R' => relative_time(digits),
        b'+' | b'-' => absolute_time(digits, sign == b'+')?,
        _ => return Err(TimeError),
    };
    Ok(Some(time))
}

/// Writes a time in UTC, to the tenth of a second below. `None` outside the years 2000 to 2099.
pub fn absolute(unix_ms: u64) -> Option<String> {
    let seconds = i64::try_from(unix_ms / SECOND_MS).ok()?;
    let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let year = u16::try_from(at.year()).ok()?.checked_sub(2000).filter(|year| *year < 100)?;
    let (hour, minute, second) = at.to_hms();
    let (month, day, tenth) = (u8::from(at.month()), at.day(), unix_ms % SECOND_MS / 100);
    Some(format!("{year:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}{tenth}00+"))
}

/// Writes a duration, to the second above, at most 99 years: a validity never ends too early.
pub fn relative(duration_ms: u64) -> String {
    let mut rest = duration_ms.div_ceil(SECOND_MS).saturating_mul(SECOND_MS).min(99 * YEAR_MS);
    let mut take = |unit: u64| {
        let count = rest / unit;
        rest %= unit;
        count
    };
    let (years, months, days) = (take(YEAR_MS), take(MONTH_MS), take(DAY_MS));
    let (hours, minutes, seconds) = (take(HOUR_MS), take(MINUTE_MS), take(SECOND_MS));
    format!("{years:02}{months:02}{days:02}{hours:02}{minutes:02}{seconds:02}000R")
}

/// Two digits, the `index`-th pair. The caller has checked that there are 15 digits.
fn pair(digits: &[u8], index: usize) -> u8 {
    let digit = |at: usize| digits.get(at).map_or(0, |octet| octet - b'0');
    digit(2 * index) * 10 + digit(2 * index + 1)
}

fn relative_time(digits: &[u8]) -> Time {
    let units = [YEAR_MS, MONTH_MS, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS];
    let amounts = units.iter().enumerate().map(|(at, unit)| u64::from(pair(digits, at)) * unit);
    Time::Relative { duration_ms: amounts.sum() }
}

fn absolute_time(digits: &[u8], east: bool) -> Result<Time, TimeError> {
    let part = |index| pair(digits, index);
    let month = Month::try_from(part(1)).map_err(|_| TimeError)?;
    let date = Date::from_calendar_date(2000 + i32::from(part(0)), month, part(2));
    let tenth = u16::from(digits[12] - b'0');
    let clock = Clock::from_hms_milli(part(3), part(4), part(5), tenth * 100);
    let local = PrimitiveDateTime::new(date.map_err(|_| TimeError)?, clock.map_err(|_| TimeError)?);
    let quarters = i32::from(digits[13] - b'0') * 10 + i32::from(digits[14] - b'0');
    if quarters > 48 {
        return Err(TimeError);
    }
    let seconds = if east { quarters * 900 } else { -quarters * 900 };
    let offset = UtcOffset::from_whole_seconds(seconds).map_err(|_| TimeError)?;
    let nanoseconds = local.assume_offset(offset).unix_timestamp_nanos();
    // After 1999, so never negative, and far below u64.
    let unix_ms = u64::try_from(nanoseconds / 1_000_000).map_err(|_| TimeError)?;
    Ok(Time::Absolute { unix_ms })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn absolute_ms(field: &[u8]) -> u64 {
        parse(field).unwrap().unwrap().unix_ms(0)
    }

    #[test]
    fn absolute_times_are_local_times_with_their_offset() {
        // 2026-11-21T11:05:09.5Z, told in UTC, one hour east, five and a half hours west.
        let unix_ms = 1_795_259_109_500;
        assert_eq!(absolute_ms(b"261121110509500+"), unix_ms);
        assert_eq!(absolute_ms(b"261121120509504+"), unix_ms);
        assert_eq!(absolute_ms(b"261121053509522-"), unix_ms);
        assert_eq!(absolute(unix_ms).unwrap(), "261121110509500+");
    }

    #[test]
    fn relative_times_count_from_now() {
        let time = parse(b"000002030405000R").unwrap().unwrap();
        let expected = 2 * DAY_MS + 3 * HOUR_MS + 4 * MINUTE_MS + 5 * SECOND_MS;
        assert_eq!(time, Time::Relative { duration_ms: expected });
        assert_eq!(time.unix_ms(1_000), 1_000 + expected);
        assert_eq!(relative(expected - 999), "000002030405000R", "rounded up to the second");
    }

    #[test]
    fn an_empty_field_is_no_time_and_times_that_do_not_exist_are_refused() {
        assert_eq!(parse(b""), Ok(None));
        let wrong: [&[u8]; 9] = [
            b"261121110509500",
            b"2611211105095000+",
            b"261321110509500+",
            b"260230110509500+",
            b"261121240509500+",
            b"261121116009500+",
            b"261121110509549+",
            b"261121110509500Z",
            b"26112111050950a+",
        ];
        for field in wrong {
            assert_eq!(parse(field), Err(TimeError), "{}", field.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn absolute_times_go_both_ways(tenths in 9_466_848_000u64..41_024_447_990) {
            let written = absolute(tenths * 100).unwrap();
            prop_assert_eq!(absolute_ms(written.as_bytes()), tenths * 100);
        }

        #[test]
        fn relative_times_go_both_ways(seconds in 0..99 * YEAR_MS / 1000) {
            let written = relative(seconds * 1000);
            let duration_ms = seconds * 1000;
            prop_assert_eq!(parse(written.as_bytes()), Ok(Some(Time::Relative { duration_ms })));
        }

        #[test]
        fn anything_can_be_read_and_written(field: [u8; 16], unix_ms: u64) {
            let _either = parse(&field);
            prop_assert!(absolute(unix_ms).is_none_or(|written| written.len() == 16));
            prop_assert_eq!(relative(unix_ms).len(), 16);
        }
    }
}
