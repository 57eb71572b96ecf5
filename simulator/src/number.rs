//! The number that every load message carries at the beginning of its text, so that loss, doubling,
//! order and the time on the way can be told at the other end:
//! `N<run>:<number>:<part>/<parts>:<sent µs> c<connection>p<priority> padding…`.
//!
//! All of it is in the GSM 7-bit alphabet and in ASCII with the same codes, so the text survives
//! every coding of 7 or 8 bits. Number and time have a fixed width: a prepared message is patched
//! in place.

/// Digits of the message's number.
pub const NUMBER_DIGITS: usize = 10;
/// Digits of the time of sending (microseconds since 1970 have 16 until the year 2286).
pub const SENT_DIGITS: usize = 16;

/// What a text says about its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Which load sent it.
    pub run: u32,
    /// Counted from 0 within the run.
    pub number: u64,
    /// 1 to `parts`.
    pub part: u8,
    pub parts: u8,
    /// Microseconds since 1970 when it was written to the socket.
    pub sent_us: u64,
    /// Which of the load's connections carried it.
    pub connection: u16,
    /// `priority_flag` as it was sent.
    pub priority: u8,
}

/// A text, padded to `octets` (longer only if what must be said is), and where its digits stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub octets: Vec<u8>,
    /// Where the [`NUMBER_DIGITS`] begin.
    pub number_at: usize,
    /// Where the [`SENT_DIGITS`] begin.
    pub sent_at: usize,
    /// Where the digit of the priority stands.
    pub priority_at: usize,
}

impl Numbered {
    pub fn to_text(&self, octets: usize) -> Text {
        let Self { run, number, part, parts, sent_us, connection, priority } = self;
        let head = format!("N{run}:");
        let middle = format!("{number:010}:{part}/{parts}:");
        let tail = format!("{sent_us:016} c{connection}p{priority} ");
        let number_at = head.len();
        let sent_at = number_at + middle.len();
        let priority_at = sent_at + tail.len() - 2;
        let mut octets_of = [head, middle, tail].concat().into_bytes();
        octets_of.extend(PADDING.iter().cycle().take(octets.saturating_sub(octets_of.len())));
        Text { octets: octets_of, number_at, sent_at, priority_at }
    }

    /// Reads the beginning of a text; `None` for one that is not a load's.
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let mut rest = text.strip_prefix(b"N")?;
        let run = u32::try_from(digits(&mut rest, b':')?).ok()?;
        let number = digits(&mut rest, b':')?;
        let part = u8::try_from(digits(&mut rest, b'/')?).ok()?;
        let parts = u8::try_from(digits(&mut rest, b':')?).ok()?;
        let sent_us = digits(&mut rest, b' ')?;
        rest = rest.strip_prefix(b"c")?;
        let connection = u16::try_from(digits(&mut rest, b'p')?).ok()?;
        let priority = u8::try_from(digits(&mut rest, b' ')?).ok()?;
        (1..=parts).contains(&part).then_some(Self {
            run,
            number,
            part,
            parts,
            sent_us,
            connection,
            priority,
        })
    }
}

impl Numbered {
    /// All numbers in a text: behind a keyword, and of the parts of a joined message.
    pub fn find_all(text: &[u8]) -> Vec<Self> {
        let begins = |at: &usize| text[*at] == b'N';
        (0..text.len()).filter(begins).filter_map(|at| Self::from_text(&text[at..])).collect()
    }
}

/// Writes `value` in decimal over all of `place`, with leading zeros.
pub fn patch(place: &mut [u8], mut value: u64) {
    for octet in place.iter_mut().rev() {
        *octet = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

const PADDING: &[u8] = b"the quick brown fox jumps over the lazy dog ";

/// A decimal number up to `end`, which is taken too. At least one digit, at most 19.
fn digits(rest: &mut &[u8], end: u8) -> Option<u64> {
    let mut value = 0u64;
    for (index, octet) in rest.iter().enumerate().take(20) {
        match octet {
            b'0'..=b'9' if index < 19 => value = value * 10 + u64::from(octet - b'0'),
            octet if *octet == end && index > 0 => {
                *rest = &rest[index + 1..];
                return Some(value);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERED: Numbered = Numbered {
        run: 4_000_000_000,
        number: 123,
        part: 2,
        parts: 3,
        sent_us: 1_763_724_000_123_456,
        connection: 15,
        priority: 1,
    };

    #[test]
    fn a_text_says_what_was_put_into_it_and_has_the_length_asked_for() {
        let text = NUMBERED.to_text(140);
        assert_eq!(text.octets.len(), 140);
        let begin = "N4000000000:0000000123:2/3:1763724000123456 c15p1 the quick";
        assert!(text.octets.starts_with(begin.as_bytes()));
        assert_eq!(Numbered::from_text(&text.octets), Some(NUMBERED));
    }

    #[test]
    fn numbers_are_found_behind_a_keyword_and_one_after_another() {
        let next = Numbered { part: 3, ..NUMBERED };
        let text = [b"NEWS ".as_slice(), &NUMBERED.to_text(90).octets, &next.to_text(0).octets];
        assert_eq!(Numbered::find_all(&text.concat()), [NUMBERED, next]);
        assert!(Numbered::find_all(b"NO Number 1:2").is_empty());
    }

    #[test]
    fn patched_digits_are_read_back() {
        let mut text = NUMBERED.to_text(0);
        patch(&mut text.octets[text.number_at..][..NUMBER_DIGITS], 9_876_543_210);
        patch(&mut text.octets[text.sent_at..][..SENT_DIGITS], 42);
        patch(&mut text.octets[text.priority_at..][..1], 3);
        let expected = Numbered { number: 9_876_543_210, sent_us: 42, priority: 3, ..NUMBERED };
        assert_eq!(Numbered::from_text(&text.octets), Some(expected));
    }

    #[test]
    fn a_text_that_is_not_a_loads_has_no_number() {
        for text in [
            "",
            "N",
            "Nobody",
            "hello",
            "N1:2:3/2:4 c0p0 ",
            "N1:2:0/2:4 c0p0 ",
            "N1:2:1/1:4",
            "N1::1/1:4 c0p0 ",
            "N4294967296:2:1/1:4 c0p0 ",
            "N1:99999999999999999999:1/1:4 c0p0 ",
        ] {
            assert_eq!(Numbered::from_text(text.as_bytes()), None, "{text}");
        }
    }
}
