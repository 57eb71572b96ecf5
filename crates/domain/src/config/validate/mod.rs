//! Everything that is wrong with a document, at once: where, what, and the cure. Pure.

mod customers;
mod numbers;
mod overlaps;
mod providers;
mod receipts;
mod routes;

use std::collections::HashMap;
use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use super::{Document, SlotLedger};

/// Longest validity, hours. Topics keep records four days longer (design, section 3).
pub const VALIDITY_MAX_H: u32 = 14 * 24;
/// `provider-slots` and `submit-journal` have a partition for every number up to the largest.
pub const SLOT_MAX: u32 = 1_999;
/// Longest `system_id` (SMPP 3.4, section 5.2.1: 16 octets with the terminator).
pub const SYSTEM_ID_MAX: usize = 15;
/// Longest address (SMPP 3.4, section 5.2.9: 21 octets with the terminator).
pub const ADDRESS_MAX: usize = 20;
/// Customers × destinations over all routes: what fits into the memory of a function.
pub const ROUTE_ENTRIES_MAX: usize = 2_000_000;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// Where: `providers[0].link.smpp.system_id`.
    pub path: String,
    /// What is wrong there.
    pub what: String,
    /// What to do.
    pub cure: String,
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.what, self.cure)
    }
}

/// All mistakes of `document` as the version after `previous`, in the document's order; none: it
/// may be applied. `slots` tells who had which slot in any version so far.
#[must_use]
pub fn validate(
    document: &Document,
    previous: Option<&Document>,
    slots: &SlotLedger,
) -> Vec<Mistake> {
    let mut mistakes = Mistakes::default();
    customers::check(&document.customers, &mut mistakes);
    providers::check(&document.providers, previous, slots, &mut mistakes);
    routes::check(document, &mut mistakes);
    numbers::check(document, &mut mistakes);
    mistakes.0
}

#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, path: impl Display, what: impl Display, cure: impl Display) {
        let (path, what, cure) = (path.to_string(), what.to_string(), cure.to_string());
        self.0.push(Mistake { path, what, cure });
    }

    /// `value` has to lie between `least` and `most`.
    fn range(&mut self, path: impl Display, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.add(path, format!("{value} is out of range"), format!("use {least} to {most}"));
        }
    }

    fn rate(&mut self, path: impl Display, rate: Option<f64>) {
        if rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            self.add(path, "a rate has to be above 0", "leave it out for no limit");
        }
    }

    /// A name in keys and topics.
    fn name(&mut self, path: impl Display, name: &str, longest: usize) {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || name.len() > longest || !name.bytes().all(plain) {
            let cure = format!("use 1 to {longest} lower-case letters, digits and `-`");
            self.add(path, "not a valid name", cure);
        }
    }

    /// A C-Octet String of SMPP (SMPP 3.4, section 3.1).
    fn smpp_text(&mut self, path: impl Display, text: &str, least: usize, most: usize) {
        if text.len() < least || text.len() > most || !text.bytes().all(|b| b.is_ascii_graphic()) {
            let cure = format!("use {least} to {most} printable ASCII characters without spaces");
            self.add(path, "SMPP cannot carry this", cure);
        }
    }

    /// Sender ids: exact, or a prefix that ends in `*`.
    fn senders(&mut self, path: &str, senders: &[String]) {
        for (index, pattern) in senders.iter().enumerate() {
            let sender = pattern.strip_suffix('*').unwrap_or(pattern);
            let path = format!("{path}[{index}]");
            if sender.contains('*') || pattern.is_empty() {
                self.add(path, "not a sender id", "write it exactly, or a prefix with a final `*`");
            } else if sender.len() > ADDRESS_MAX || sender.starts_with('+') {
                let cure = format!("use {ADDRESS_MAX} characters at most, numbers without `+`");
                self.add(path, "no sender id looks like this", cure);
            }
        }
    }

    /// No two equal names. `of` says whose name it is.
    fn unique<'a>(&mut self, of: &str, names: impl Iterator<Item = (String, &'a str)>) {
        let mut seen: HashMap<&str, String> = HashMap::new();
        for (path, name) in names {
            if let Some(first) = seen.get(name) {
                self.add(path, format!("{of} `{name}` is also at {first}"), "rename one of them");
            } else {
                seen.insert(name, path);
            }
        }
    }
}
