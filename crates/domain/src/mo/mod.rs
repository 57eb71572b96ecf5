//! Whose message is it that a handset wrote (MO): a pure function of the provider that brought it,
//! the number it was written to, its text and one version of the configuration, so that every
//! replay decides the same.
//!
//! **The rule.** One row of `numbers` answers for a number, the first of:
//! 1. the exact number;
//! 2. a range that holds it;
//! 3. the short code, of the provider that brought the message;
//! 4. the short code, of any provider.
//!
//! Within the row the first word decides, as [`crate::config::folded`] compares words: an opt-out
//! word is the handset's wish; a keyword leads to its customer; anything else to the row's default
//! customer; without one it is nobody's. No other row is asked then.
//!
//! **A valid document leaves no choice**: each number has one row and each first word one meaning,
//! so the order of rows never matters, and what one customer has changes nothing for another's
//! messages. [`opt_out`] says what follows from STOP.

mod compile;
mod explain;
pub mod opt_out;

pub use explain::{Candidate, Claim, Explanation, Verdict, explain};
pub use opt_out::Subject;

use std::collections::HashMap;
use std::fmt;

use crate::config::{CountsFor, Wish, first_word};
use crate::id::{CustomerId, ProviderId};

/// What a decision depends on, besides the configuration.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The provider that brought it.
    pub provider: &'a ProviderId,
    /// The number it was written to ([`crate::address::Address::digits`]).
    pub destination: &'a str,
    /// Its text, all parts joined; empty for what is no text.
    pub text: &'a str,
}

impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("provider", self.provider).finish_non_exhaustive()
    }
}

/// What becomes of a handset's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It is a customer's.
    Customer(Owner<'a>),
    /// It is a wish about messages to the handset.
    Wish(Wished<'a>),
    /// It is nobody's: a dead letter.
    Nobody(Nobody<'a>),
}

/// Whose message it is, and by what.
#[derive(Clone, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The customer.
    pub customer: &'a CustomerId,
    /// How the number was found.
    pub by: By,
    /// The keyword, as the configuration writes it; none: the number's own or default customer.
    pub keyword: Option<&'a str>,
    /// The second word, if it is one of the customer's.
    pub sub_keyword: Option<&'a str>,
    /// The text behind these words; without a keyword the whole text.
    pub rest: &'a str,
}

impl fmt::Debug for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner")
            .field("customer", self.customer)
            .field("by", &self.by)
            .field("keyword", &self.keyword)
            .field("sub_keyword", &self.sub_keyword)
            .field("rest_octets", &self.rest.len())
            .finish()
    }
}

/// A wish, and whom it concerns.
#[derive(Clone, PartialEq, Eq)]
pub struct Wished<'a> {
    /// Stop, start or help.
    pub wish: Wish,
    /// How the number was found.
    pub by: By,
    /// The word, as the configuration writes it.
    pub word: &'a str,
    /// The keyword that was written behind it: the wish concerns that customer only.
    pub keyword: Option<&'a str>,
    /// What the handset is answered, from the number it wrote to.
    pub answer: Option<&'a str>,
    /// Whom it concerns, by name, each once: the keyword's customer, else all of the number's.
    pub customers: Vec<&'a CustomerId>,
    /// Which messages it refuses or allows again.
    pub counts_for: &'a CountsFor,
    /// The number it was written to, as asked.
    pub number: &'a str,
}

impl fmt::Debug for Wished<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wished")
            .field("wish", &self.wish)
            .field("by", &self.by)
            .field("word", &self.word)
            .field("keyword", &self.keyword)
            .field("customers", &self.customers)
            .finish_non_exhaustive()
    }
}

/// What found the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// An exact number.
    Exact,
    /// A range.
    Range,
    /// A short code of the provider.
    ProviderShortCode,
    /// A short code of any provider.
    ShortCode,
}

/// Why it is nobody's; the reason in the dead letter. Tells neither number nor text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Nobody<'a> {
    /// No row of `numbers` has the number.
    #[error("no customer has the number")]
    UnknownNumber,
    /// The short code is another provider's only.
    #[error("no customer has the short code at provider {provider}, only at another")]
    OtherProvider {
        /// The provider that brought it.
        provider: &'a ProviderId,
    },
    /// The number is shared, and its first word is no customer's.
    #[error("no keyword of the number matches, and it has no default customer")]
    NoKeyword,
}

/// The numbers of one configuration version, made for look-up.
#[derive(Debug)]
pub struct MoRouter {
    customers: Vec<CustomerId>,
    opt_out_customers: opt_out::Customers,
    providers: HashMap<ProviderId, u32>,
    /// Ascending, each once.
    exact: Vec<(Digits, u32)>,
    /// Ascending by their first number; they do not overlap.
    ranges: Vec<Range>,
    /// Ascending by code, then provider; [`ANY_PROVIDER`] last.
    short_codes: Vec<(Digits, u32, u32)>,
    rows: Vec<Row>,
    /// Equal settings of many rows are kept once.
    opt_outs: Vec<OptOut>,
}

const ANY_PROVIDER: u32 = u32::MAX;

/// Longest number (SMPP 3.4, section 5.2.9: 21 octets with the terminator).
const MAX_DIGITS: usize = 20;

/// A number, in the order of how many digits it has, then of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Digits {
    len: u8,
    value: u128,
}

#[derive(Debug)]
struct Range {
    from: Digits,
    to: Digits,
    row: u32,
}

/// A row of `numbers`.
#[derive(Debug)]
struct Row {
    default: Option<u32>,
    keywords: Vec<Keyword>,
    /// Folded first words, ascending, each once, and their keyword.
    words: Vec<(Box<str>, Word)>,
    opt_out: Option<u32>,
}

/// A first or second word.
#[derive(Debug)]
struct Word {
    /// As the configuration writes it.
    written: Box<str>,
    /// What it belongs to: a keyword of the row, a wish of the opt-out settings.
    of: u32,
}

#[derive(Debug)]
struct Keyword {
    customer: u32,
    /// Folded second words, ascending, each once.
    second: Vec<(Box<str>, Word)>,
}

#[derive(Debug)]
struct OptOut {
    /// Folded first words, ascending, each once; `of` is the place in [`Wish::ALL`].
    words: Vec<(Box<str>, Word)>,
    answers: [Option<String>; 3],
    counts_for: CountsFor,
}

impl Digits {
    fn parse(number: &str) -> Option<Self> {
        if number.is_empty() || number.len() > MAX_DIGITS {
            return None;
        }
        let value = number.bytes().try_fold(0_u128, |value, octet| {
            octet.is_ascii_digit().then(|| value * 10 + u128::from(octet - b'0'))
        })?;
        Some(Self { len: u8::try_from(number.len()).ok()?, value })
    }
}

impl MoRouter {
    /// What becomes of this message. A few microseconds with 100,000 numbers (example
    /// `mo_lookup`); total on any text.
    #[must_use]
    pub fn decide<'a>(&'a self, query: &Query<'a>) -> Decision<'a> {
        let (by, row) = match self.find(query) {
            Ok(found) => found,
            Err(nobody) => return Decision::Nobody(nobody),
        };
        if let Some((word, rest)) = first_word(query.text) {
            if let Some(wished) = self.wished(by, row, (&word, rest), query.destination) {
                return Decision::Wish(wished);
            }
            if let Some(found) = lookup(&row.words, &word) {
                return Decision::Customer(self.owner(by, row, found, rest));
            }
        }
        match row.default {
            Some(customer) => Decision::Customer(Owner {
                customer: &self.customers[customer as usize],
                by,
                keyword: None,
                sub_keyword: None,
                rest: query.text,
            }),
            None => Decision::Nobody(Nobody::NoKeyword),
        }
    }

    /// As [`opt_out::Customers::subjects`].
    #[must_use]
    pub fn opt_out_subjects<'a>(
        &self,
        customer: &'a CustomerId,
        sender: &'a str,
    ) -> Option<[Subject<'a>; 2]> {
        self.opt_out_customers.subjects(customer, sender)
    }

    fn find<'a>(&'a self, query: &Query<'a>) -> Result<(By, &'a Row), Nobody<'a>> {
        let digits = Digits::parse(query.destination).ok_or(Nobody::UnknownNumber)?;
        let row = |by, row: u32| Ok((by, &self.rows[row as usize]));
        if let Ok(at) = self.exact.binary_search_by_key(&digits, |(number, _)| *number) {
            return row(By::Exact, self.exact[at].1);
        }
        let begun = self.ranges.partition_point(|range| range.from <= digits);
        if let Some(range) = self.ranges[..begun].last().filter(|range| digits <= range.to) {
            return row(By::Range, range.row);
        }
        let from = self.short_codes.partition_point(|(code, _, _)| *code < digits);
        let codes = &self.short_codes[from..];
        let codes = &codes[..codes.partition_point(|(code, _, _)| *code == digits)];
        let of = |provider: u32| {
            let at = codes.binary_search_by_key(&provider, |(_, provider, _)| *provider).ok()?;
            Some(codes[at].2)
        };
        if let Some(own) = self.providers.get(query.provider).and_then(|provider| of(*provider)) {
            return row(By::ProviderShortCode, own);
        }
        match of(ANY_PROVIDER) {
            Some(any) => row(By::ShortCode, any),
            None if codes.is_empty() => Err(Nobody::UnknownNumber),
            None => Err(Nobody::OtherProvider { provider: query.provider }),
        }
    }

    fn wished<'a>(
        &'a self,
        by: By,
        row: &'a Row,
        (word, rest): (&str, &str),
        number: &'a str,
    ) -> Option<Wished<'a>> {
        let opt_out = &self.opt_outs[row.opt_out? as usize];
        let said = lookup(&opt_out.words, word)?;
        let wish = *Wish::ALL.get(said.of as usize)?;
        let keyword = first_word(rest).and_then(|(second, _)| lookup(&row.words, &second));
        let mut customers: Vec<&CustomerId> = match keyword {
            Some(keyword) => vec![self.customer(row, keyword)],
            None => {
                let all = row.keywords.iter().map(|keyword| keyword.customer).chain(row.default);
                all.map(|customer| &self.customers[customer as usize]).collect()
            }
        };
        customers.sort_unstable();
        customers.dedup();
        Some(Wished {
            wish,
            by,
            word: &said.written,
            keyword: keyword.map(|keyword| &*keyword.written),
            answer: opt_out.answers[said.of as usize].as_deref(),
            customers,
            counts_for: &opt_out.counts_for,
            number,
        })
    }

    fn owner<'a>(&'a self, by: By, row: &'a Row, found: &'a Word, rest: &'a str) -> Owner<'a> {
        let second = first_word(rest).and_then(|(word, behind)| {
            Some((lookup(&row.keywords[found.of as usize].second, &word)?, behind))
        });
        Owner {
            customer: self.customer(row, found),
            by,
            keyword: Some(&found.written),
            sub_keyword: second.map(|(word, _)| &*word.written),
            rest: second.map_or(rest, |(_, behind)| behind),
        }
    }

    fn customer(&self, row: &Row, word: &Word) -> &CustomerId {
        &self.customers[row.keywords[word.of as usize].customer as usize]
    }
}

fn lookup<'r>(words: &'r [(Box<str>, Word)], word: &str) -> Option<&'r Word> {
    let at = words.binary_search_by(|(folded, _)| (**folded).cmp(word)).ok()?;
    Some(&words[at].1)
}
