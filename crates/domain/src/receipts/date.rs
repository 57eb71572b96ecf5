//! The dates in a receipt's text: `YYMMDDhhmm` (SMPP 3.4, appendix B) and what else providers
//! write, in their own time unless they say otherwise. One total function reads them all.

use crate::config::ReceiptSettings;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A date as a receipt gives it: which moment it is depends on the provider's time zone, unless it
/// carries one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReceiptDate {
    /// Milliseconds since 1970-01-01 00:00 of the clock that wrote it.
    pub local_ms: i64,
    /// How long the date is true, milliseconds: a minute, or a second where seconds are given.
    pub lasts_ms: i64,
    /// Minutes east of UTC, where the date says so itself.
    pub utc_offset_min: Option<i16>,
}

impl ReceiptDate {
    /// Reads a date; none for anything that is none. Understood are, with blanks around them:
    ///
    /// - `YYMMDDhhmm` and `YYMMDDhhmmss` (SMPP 3.4, appendix B and section 7.1.1);
    /// - `YYYYMMDDhhmm` (where the same digits are no date of the former kind), `YYYYMMDDhhmmss`;
    /// - `YYMMDDhhmmsstnnp`, absolute with its quarters of an hour (SMPP 3.4, section 7.1.1.1);
    /// - `YYYY-MM-DD hh:mm[:ss[.f]]`, also with `/`, `.` or nothing in the date, `T` between,
    ///   nothing in the time, and with `Z`, `UTC`, `GMT` or `±hh[[:]mm]` behind it.
    ///
    /// Years are 2000 … 2099. Day before month, and Unix times, are not guessed: both have digits
    /// that are also valid in another reading.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace());
        absolute(text).or_else(|| compact(text)).or_else(|| separated(text))
    }

    /// When the date began, Unix milliseconds, on a clock `utc_offset_min` minutes east of UTC (the
    /// date's own offset goes first).
    #[must_use]
    pub fn unix_ms(&self, utc_offset_min: i16) -> i64 {
        self.local_ms - i64::from(self.utc_offset_min.unwrap_or(utc_offset_min)) * MINUTE_MS
    }
}

/// When a message reached its state, Unix milliseconds: the receipt's done date where it can be
/// true, that is between the provider's answer and the receipt's arrival (as exactly as settings
/// trust the provider's clock); else the arrival. Of several offsets the one counts under which the
/// submit date is the answer's time. Without a known time zone no date can be checked.
#[must_use]
pub fn done_ms(
    done: Option<ReceiptDate>,
    submitted: Option<ReceiptDate>,
    answered_ms: u64,
    arrived_ms: u64,
    settings: &ReceiptSettings,
) -> u64 {
    let trust_ms = settings.date_within_ms();
    let in_force = |offset: &i16| {
        submitted.is_none_or(|date| distance_under_ms(date, *offset, answered_ms) <= trust_ms)
    };
    let possible = answered_ms.saturating_sub(trust_ms)..=arrived_ms.saturating_add(trust_ms);
    let plausible = |date: ReceiptDate| {
        let offsets = settings.utc_offsets_min.iter().copied().filter(in_force);
        let offsets = offsets.chain(date.utc_offset_min);
        let times = offsets.filter_map(|offset| u64::try_from(date.unix_ms(offset)).ok());
        times.filter(|ms| possible.contains(ms)).max()
    };
    // Never after the arrival nor before the answer: customers sort by these.
    let within = |ms: u64| ms.min(arrived_ms).max(answered_ms);
    done.and_then(plausible).map_or(arrived_ms, within)
}

/// True if `date` lies within the settings' minutes of `unix_ms`.
pub(super) fn is_near(date: ReceiptDate, unix_ms: u64, settings: &ReceiptSettings) -> bool {
    distance_ms(date, unix_ms, settings) <= settings.date_within_ms()
}

/// Time zones on earth reach from 12 hours west to 14 hours east.
const WEST_MS: i64 = 720 * MINUTE_MS;
const EAST_MS: i64 = 840 * MINUTE_MS;

/// How far `unix_ms` is from the time that `date` stands for, milliseconds; 0: within it. Of several
/// offsets the nearest counts; where none is known, any on earth.
fn distance_ms(date: ReceiptDate, unix_ms: u64, settings: &ReceiptSettings) -> u64 {
    let offsets = settings.utc_offsets_min.iter();
    let known = offsets.chain(&date.utc_offset_min);
    known.map(|offset| distance_under_ms(date, *offset, unix_ms)).min().unwrap_or_else(|| {
        let ends = date.local_ms + WEST_MS + date.lasts_ms;
        outside_ms(date.local_ms - EAST_MS, ends, unix_ms)
    })
}

fn distance_under_ms(date: ReceiptDate, utc_offset_min: i16, unix_ms: u64) -> u64 {
    let begins = date.unix_ms(utc_offset_min);
    outside_ms(begins, begins + date.lasts_ms, unix_ms)
}

/// How far `unix_ms` is outside of `from` … `to`.
fn outside_ms(from: i64, to: i64, unix_ms: u64) -> u64 {
    let at = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    let (early, late) = (from.saturating_sub(at), at.saturating_sub(to));
    u64::try_from(early.max(late)).unwrap_or(0)
}

/// What a clock shows.
#[derive(Clone, Copy)]
struct Clock {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: Option<i64>,
}

impl Clock {
    fn date(self, utc_offset_min: Option<i16>) -> Option<ReceiptDate> {
        let second = self.second.unwrap_or(0);
        let valid = (2000..2100).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in(self.year, self.month)).contains(&self.day)
            && (0..24).contains(&self.hour)
            && (0..60).contains(&self.minute)
            && (0..60).contains(&second);
        let minutes = self.hour * 60 + self.minute;
        let days = unix_day(self.year, self.month, self.day);
        valid.then_some(ReceiptDate {
            local_ms: days * DAY_MS + minutes * MINUTE_MS + second * SECOND_MS,
            lasts_ms: if self.second.is_some() { SECOND_MS } else { MINUTE_MS },
            utc_offset_min,
        })
    }
}

/// `YYMMDDhhmmsstnnp`.
fn absolute(text: &str) -> Option<ReceiptDate> {
    let sign: i64 = match text.get(15..)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (date, _tenths, quarters) = (text.get(..12)?, digits(text, 12, 13)?, digits(text, 13, 15)?);
    let offset_min = i16::try_from(sign * quarters * 15).ok().filter(|_| quarters <= 56)?;
    clock(date, 2)?.date(Some(offset_min))
}

/// Digits and nothing else.
fn compact(text: &str) -> Option<ReceiptDate> {
    let short = || clock(text, 2)?.date(None);
    let long = || clock(text, 4)?.date(None);
    match text.len() {
        10 => short(),
        12 => short().or_else(long),
        14 => long(),
        _ => None,
    }
}

/// Digits of year (`year_digits` of them), month, day, hour, minute and, if there are more, second.
fn clock(text: &str, year_digits: usize) -> Option<Clock> {
    let at = |field: usize| digits(text, year_digits + field * 2, year_digits + field * 2 + 2);
    let century = if year_digits == 2 { 2000 } else { 0 };
    let second = if text.len() > year_digits + 8 { Some(at(4)?) } else { None };
    let year = century + digits(text, 0, year_digits)?;
    Some(Clock { year, month: at(0)?, day: at(1)?, hour: at(2)?, minute: at(3)?, second })
}

/// A date, a blank or `T`, a time, perhaps an offset.
fn separated(text: &str) -> Option<ReceiptDate> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let (time, offset) = zone(time.trim());
    let time = time.trim_end();
    let (year, month, day) = match date.len() {
        6 => (2000 + digits(date, 0, 2)?, digits(date, 2, 4)?, digits(date, 4, 6)?),
        8 => (digits(date, 0, 4)?, digits(date, 4, 6)?, digits(date, 6, 8)?),
        10 => {
            let separator = date.get(4..5)?;
            let same = ["-", "/", "."].contains(&separator) && date.get(7..8)? == separator;
            let year = same.then(|| digits(date, 0, 4))??;
            (year, digits(date, 5, 7)?, digits(date, 8, 10)?)
        }
        _ => return None,
    };
    let (hour, minute, second) = time_of_day(time)?;
    let offset = match offset {
        Some(written) => Some(offset_min(written)?),
        None => None,
    };
    Clock { year, month, day, hour, minute, second }.date(offset)
}

/// `hh:mm[:ss[.f]]` or `hhmm[ss]`.
fn time_of_day(time: &str) -> Option<(i64, i64, Option<i64>)> {
    let whole = match time.split_once(['.', ',']) {
        Some((whole, fraction)) => fraction.bytes().all(|b| b.is_ascii_digit()).then_some(whole)?,
        None => time,
    };
    let colons = whole.get(2..3) == Some(":");
    let (step, lengths) = if colons { (3, [5, 8]) } else { (2, [4, 6]) };
    let at = |field: usize| digits(whole, field * step, field * step + 2);
    let second = match whole.len() {
        length if length == lengths[0] => None,
        length if length == lengths[1] => Some(at(2)?),
        _ => return None,
    };
    let separated = !colons || second.is_none() || whole.get(5..6) == Some(":");
    separated.then_some((at(0)?, at(1)?, second))
}

/// A time and what stands behind it: `Z`, a name of UTC, or `±hh:mm`.
fn zone(time: &str) -> (&str, Option<&str>) {
    for name in ["Z", "z", "UTC", "GMT"] {
        if let Some(time) = time.strip_suffix(name) {
            return (time, Some("+00"));
        }
    }
    match time.find(['+', '-']) {
        Some(at) => (time.get(..at).unwrap_or(time), time.get(at..)),
        None => (time, None),
    }
}

/// Minutes of `±hh`, `±hhmm` or `±hh:mm`.
fn offset_min(written: &str) -> Option<i16> {
    let sign = if written.starts_with('-') { -1 } else { 1 };
    let hours = digits(written, 1, 3)?;
    let minutes = match (written.len(), written.get(3..4)) {
        (3, _) => 0,
        (5, _) => digits(written, 3, 5)?,
        (6, Some(":")) => digits(written, 4, 6)?,
        _ => return None,
    };
    let minutes = (minutes < 60).then_some(sign * (hours * 60 + minutes))?;
    i16::try_from(minutes).ok().filter(|minutes| (-720..=840).contains(minutes))
}

/// The number that octets `from` … `to` are; none if one of them is no digit.
fn digits(text: &str, from: usize, to: usize) -> Option<i64> {
    let digits = text.get(from..to)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, years counted from March so that the leap day
/// is the last.
fn unix_day(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + day_of_year - 719_468
}
