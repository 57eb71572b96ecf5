//! Patterns of error codes in a provider's table: exact, or a range of numbers.

use super::NetworkError;

/// Longest code in a pattern.
const CODE_MAX: usize = 16;

/// What a pattern of the text's `err` means; none if it is none: `001`, `E12`, `10-19`.
pub(crate) fn error_pattern(pattern: &str) -> Option<Codes<'_>> {
    if let Some(range) = range(pattern) {
        return Some(range);
    }
    let plain = pattern.bytes().all(|b| b.is_ascii_alphanumeric());
    (plain && (1..=CODE_MAX).contains(&pattern.len())).then(|| Codes::One(significant(pattern)))
}

/// What a pattern of TLV `network_error_code` means; none if it is none: `27`, `10-13`, and with
/// the network's number before it (`3/27`: GSM only).
pub(crate) fn network_pattern(pattern: &str) -> Option<(Option<u8>, Codes<'_>)> {
    let (network, codes) = match pattern.split_once('/') {
        Some((network, codes)) => (Some(u8::try_from(number(network)?).ok()?), codes),
        None => (None, pattern),
    };
    let one = || number(codes).map(|code| Codes::Range(code, code));
    Some((network, range(codes).or_else(one)?))
}

/// Codes that a pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codes<'a> {
    /// This one: leading zeros and case do not matter.
    One(&'a str),
    /// Numbers from … to, both included.
    Range(u64, u64),
}

impl Codes<'_> {
    /// True for the code of a receipt's text.
    pub(crate) fn hold(&self, code: &str) -> bool {
        let code = code.trim();
        match self {
            Self::One(one) => significant(code).eq_ignore_ascii_case(one),
            Self::Range(..) => number(code).is_some_and(|code| self.hold_number(code)),
        }
    }

    fn hold_number(&self, code: u64) -> bool {
        matches!(self, Self::Range(from, to) if (*from..=*to).contains(&code))
    }
}

/// True if one of `patterns` holds for a receipt's `err`, or there are none.
pub(super) fn error_matches(patterns: &[String], code: Option<&str>) -> bool {
    let holds = |pattern: &String| {
        error_pattern(pattern).zip(code).is_some_and(|(codes, code)| codes.hold(code))
    };
    patterns.is_empty() || patterns.iter().any(holds)
}

/// True if one of `patterns` holds for a receipt's TLV, or there are none.
pub(super) fn network_matches(patterns: &[String], error: Option<NetworkError>) -> bool {
    let holds = |pattern: &String| {
        network_pattern(pattern).zip(error).is_some_and(|((network, codes), error)| {
            network.is_none_or(|network| network == error.network)
                && codes.hold_number(error.code.into())
        })
    };
    patterns.is_empty() || patterns.iter().any(holds)
}

fn range(pattern: &str) -> Option<Codes<'_>> {
    let (from, to) = pattern.split_once('-')?;
    let (from, to) = (number(from)?, number(to)?);
    (from <= to).then_some(Codes::Range(from, to))
}

fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// `code` without leading zeros, of which one stays if there is nothing else.
fn significant(code: &str) -> &str {
    match code.trim_start_matches('0') {
        "" => code.get(..1).unwrap_or(code),
        rest => rest,
    }
}
