//! What the configuration's small languages mean: sender patterns, hours of the day, networks.
//! Edge, routing and validation share these, so that a pattern means the same everywhere.

use std::net::IpAddr;

use super::{Day, Hours, SmppAccount};

/// True if `sender` is what `pattern` says: equal to it, or beginning with it where the pattern
/// ends in `*`. Case matters: handsets show alphanumeric senders as they are.
fn sender_matches(pattern: &str, sender: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => sender.starts_with(prefix),
        None => sender == pattern,
    }
}

/// True if one of `patterns` matches `sender` (without a leading `+`), or there are none: any.
#[must_use]
pub fn senders_match(patterns: &[String], sender: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| sender_matches(pattern, sender))
}

/// [`Hours`] ready for comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyWindow {
    from_min: u16,
    to_min: u16,
    utc_offset_min: i16,
    /// Bit 0 is Monday; all bits: every day.
    days: u8,
}

const MINUTE_MS: u64 = 60_000;
const DAY_MIN: i64 = 24 * 60;
const EVERY_DAY: u8 = 0x7f;

impl Hours {
    /// The window, if both times are `HH:MM` and differ.
    #[must_use]
    pub fn window(&self) -> Option<DailyWindow> {
        let (from_min, to_min) = (minute_of_day(&self.from)?, minute_of_day(&self.to)?);
        let days = self.days.iter().fold(0, |days, day| days | day_bit(*day));
        (from_min != to_min).then_some(DailyWindow {
            from_min,
            to_min,
            utc_offset_min: self.utc_offset_min,
            days: if days == 0 { EVERY_DAY } else { days },
        })
    }
}

impl DailyWindow {
    /// True if the window is open at this time (Unix milliseconds).
    #[must_use]
    pub fn contains(&self, unix_ms: u64) -> bool {
        let utc_min = i64::try_from(unix_ms / MINUTE_MS).unwrap_or(i64::MAX / 2);
        let local_min = utc_min + i64::from(self.utc_offset_min);
        let minute = local_min.rem_euclid(DAY_MIN);
        let day = local_min.div_euclid(DAY_MIN);
        let (from, to) = (i64::from(self.from_min), i64::from(self.to_min));
        if from < to {
            return (from..to).contains(&minute) && self.begins_on(day);
        }
        // Over midnight: what is before `to` belongs to the window that began the day before.
        (minute >= from && self.begins_on(day)) || (minute < to && self.begins_on(day - 1))
    }

    /// `unix_day` counts from 1970-01-01, a Thursday.
    fn begins_on(&self, unix_day: i64) -> bool {
        self.days & (1 << (unix_day + 3).rem_euclid(7)) != 0
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

fn day_bit(day: Day) -> u8 {
    let index = match day {
        Day::Mon => 0,
        Day::Tue => 1,
        Day::Wed => 2,
        Day::Thu => 3,
        Day::Fri => 4,
        Day::Sat => 5,
        Day::Sun => 6,
    };
    1 << index
}

/// A network in CIDR form (RFC 4632, RFC 4291).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; bits behind the mask must be zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse().ok()?, Some(bits.parse::<u8>().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let width = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        let network = Self { address, bits };
        (bits <= width && network.prefix_of(address) == left_aligned(address)).then_some(network)
    }

    /// True if the address lies in the network; an IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && self.prefix_of(address) == left_aligned(self.address)
    }

    fn prefix_of(&self, address: IpAddr) -> u128 {
        let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
        left_aligned(address) & mask
    }
}

/// Whence a customer may bind, ready for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowList(Option<Vec<Network>>);

impl SmppAccount {
    /// Its allow-list. What validation refuses lets nobody in: an entry that cannot be read is not
    /// the same as none.
    #[must_use]
    pub fn allow_list(&self) -> AllowList {
        let networks = self.allowed_addresses.iter().filter_map(|text| Network::parse(text));
        AllowList((!self.allowed_addresses.is_empty()).then(|| networks.collect()))
    }
}

impl AllowList {
    /// True if a customer may bind from here.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.0.as_ref().is_none_or(|networks| networks.iter().any(|it| it.contains(address)))
    }
}

fn left_aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::PasswordHash;
    use super::*;

    // 2025-01-06 is a Monday.
    const MONDAY_MS: u64 = 1_736_121_600_000;
    const HOUR_MS: u64 = 3_600_000;

    fn hours(from: &str, to: &str, utc_offset_min: i16, days: &[Day]) -> DailyWindow {
        Hours { from: from.into(), to: to.into(), utc_offset_min, days: days.to_vec() }
            .window()
            .unwrap()
    }

    #[test]
    fn a_window_includes_its_beginning_and_excludes_its_end() {
        let window = hours("08:00", "20:00", 0, &[]);
        assert!(!window.contains(MONDAY_MS + 8 * HOUR_MS - 1));
        assert!(window.contains(MONDAY_MS + 8 * HOUR_MS));
        assert!(window.contains(MONDAY_MS + 20 * HOUR_MS - 1));
        assert!(!window.contains(MONDAY_MS + 20 * HOUR_MS));
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let window = hours("22:00", "06:00", 0, &[Day::Mon]);
        assert!(window.contains(MONDAY_MS + 23 * HOUR_MS));
        assert!(window.contains(MONDAY_MS + 29 * HOUR_MS));
        assert!(!window.contains(MONDAY_MS + 5 * HOUR_MS));
        assert!(!window.contains(MONDAY_MS + 30 * HOUR_MS));
        assert!(!window.contains(MONDAY_MS + 47 * HOUR_MS));
    }

    #[test]
    fn a_window_is_read_in_local_time() {
        let window = hours("00:00", "01:00", 120, &[Day::Mon]);
        assert!(window.contains(MONDAY_MS - 2 * HOUR_MS));
        assert!(!window.contains(MONDAY_MS));
    }

    #[test]
    fn times_that_are_no_times_or_leave_nothing_give_no_window() {
        for (from, to) in [("8:00", "09:00"), ("24:00", "01:00"), ("10:60", "11:00"), ("x", "y")] {
            let hours =
                Hours { from: from.into(), to: to.into(), utc_offset_min: 0, days: Vec::new() };
            assert_eq!(hours.window(), None, "{from} {to}");
        }
        let empty =
            Hours { from: "10:00".into(), to: "10:00".into(), utc_offset_min: 0, days: Vec::new() };
        assert_eq!(empty.window(), None);
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let net = Network::parse("10.1.0.0/16").unwrap();
        assert!(net.contains("10.1.255.1".parse().unwrap()));
        assert!(net.contains("::ffff:10.1.0.1".parse().unwrap()));
        assert!(!net.contains("10.2.0.0".parse().unwrap()));
        assert!(!net.contains("::1".parse().unwrap()));
        let all = Network::parse("0.0.0.0/0").unwrap();
        assert!(all.contains("255.1.2.3".parse().unwrap()));
        let one = Network::parse("2001:db8::1").unwrap();
        assert!(one.contains("2001:db8::1".parse().unwrap()));
        assert!(!one.contains("2001:db8::2".parse().unwrap()));
    }

    #[test]
    fn what_is_not_a_network_is_refused() {
        for text in ["10.0.0.1/8", "10.0.0.0/33", "2001:db8::/129", "ten", "10.0.0.0/", "/8", ""] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_sender_pattern_is_exact_or_a_prefix() {
        assert!(sender_matches("ACME", "ACME"));
        assert!(!sender_matches("ACME", "ACME2"));
        assert!(sender_matches("ACME*", "ACME2"));
        assert!(!sender_matches("ACME*", "acme"));
    }

    #[test]
    fn no_patterns_are_any_sender_and_several_are_any_of_them() {
        let patterns = ["ACME".to_owned(), "4420*".to_owned()];
        assert!(senders_match(&patterns, "ACME") && senders_match(&patterns, "442012"));
        assert!(!senders_match(&patterns, "ACME2") && !senders_match(&patterns, "4930"));
        assert!(senders_match(&[], "anything"));
    }

    #[test]
    fn an_allow_list_lets_nobody_else_in_and_a_broken_entry_lets_nobody_in() {
        let allows = |networks: &[&str], address: &str| {
            let networks = networks.iter().map(|network| (*network).to_owned()).collect();
            let account = SmppAccount {
                system_id: String::new(),
                password_hash: PasswordHash(String::new()),
                max_binds: 1,
                window: 1,
                rate_per_s: None,
                allowed_addresses: networks,
                deliver_window: 10,
                long_messages: crate::config::LongMessages::Udh,
                vendor_tlvs: false,
            };
            account.allow_list().allows(address.parse().unwrap())
        };
        let both = ["10.0.0.0/8", "192.0.2.7"];
        assert!(allows(&both, "10.1.2.3") && allows(&both, "192.0.2.7"));
        assert!(!allows(&both, "192.0.2.8") && !allows(&both, "2001:db8::1"));
        assert!(allows(&[], "10.1.2.3"));
        assert!(!allows(&["ten dot nothing"], "10.1.2.3"));
    }
}
