//! For people: the decision, and for every row and keyword that came near the reason why it was
//! not chosen.
//!
//! It looks at the document row by row, without the router's structures, so that the two check
//! each other (the property test of this module).

use std::fmt;

use super::{By, Decision, MoRouter, Query};
use crate::config::{
    Document, Number, NumberAddress, NumberRange, ShortCode, Wish, first_word, folded,
};
use crate::id::CustomerId;

/// What [`explain`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// The decision, as `route-mo` makes it.
    pub decision: Decision<'a>,
    /// Every claim of the rows that have the number, the chosen one first, then the others of its
    /// row, then other rows'. None: no row has it.
    pub candidates: Vec<Candidate<'a>>,
}

/// One claim to a number's messages: a keyword, the opt-out words, or the row's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The row's place in `numbers`.
    pub row: usize,
    /// The row's number.
    pub address: &'a NumberAddress,
    /// By what.
    pub claim: Claim<'a>,
    /// What became of it.
    pub verdict: Verdict<'a>,
}

/// By what a row claims a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim<'a> {
    /// An opt-out word.
    Wish(Wish),
    /// A keyword's first word, as written.
    Keyword {
        /// The word.
        word: &'a str,
        /// Whose.
        customer: &'a CustomerId,
    },
    /// Anything else.
    Default(&'a CustomerId),
}

/// Why a claim was chosen or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It has the message.
    Chosen(By),
    /// Its word is not the first word of the text.
    OtherWord,
    /// It is the default, and the first word is somebody's.
    WordFirst(&'a str),
    /// Another row with the number goes first.
    RowFirst {
        /// That row's number.
        address: &'a NumberAddress,
        /// In what.
        because: &'static str,
    },
    /// It is for another provider's short code.
    OtherProvider,
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen(By::Exact) => f.write_str("chosen: the number itself"),
            Self::Chosen(By::Range) => f.write_str("chosen: the number lies in the range"),
            Self::Chosen(By::ProviderShortCode) => f.write_str("chosen: the provider's short code"),
            Self::Chosen(By::ShortCode) => f.write_str("chosen: a short code of any provider"),
            Self::OtherWord => f.write_str("the first word is another"),
            Self::WordFirst(word) => write!(f, "the first word is {word}"),
            Self::RowFirst { address, because } => write!(f, "{address} {because}"),
            Self::OtherProvider => f.write_str("is the short code of another provider"),
        }
    }
}

impl fmt::Display for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wish(wish) => write!(f, "opt-out words ({})", wish.as_str()),
            Self::Keyword { word, customer } => write!(f, "keyword {word} of {customer}"),
            Self::Default(customer) => write!(f, "default customer {customer}"),
        }
    }
}

/// Explains what `router`, compiled from `document`, does with a handset's message.
#[must_use]
pub fn explain<'a>(
    document: &'a Document,
    router: &'a MoRouter,
    query: &Query<'a>,
) -> Explanation<'a> {
    let rows = document.numbers.iter().enumerate();
    let mut near: Vec<(usize, &Number, Option<By>)> = rows
        .filter_map(|(index, row)| Some((index, row, nearness(&row.address, query)?)))
        .collect();
    // Stable: of equal rows, which a valid document has not, the first counts.
    near.sort_by_key(|(_, _, by)| by.map_or((1, None), |by| (0, Some(by))));
    let best = near.first().and_then(|(_, row, by)| Some((&row.address, (*by)?)));
    let mut candidates = Vec::new();
    for (place, (index, row, by)) in near.into_iter().enumerate() {
        let claims = claims(row);
        let add =
            |(claim, verdict)| Candidate { row: index, address: &row.address, claim, verdict };
        match (by, best) {
            (Some(by), _) if place == 0 => {
                candidates.extend(judged(&claims, by, query.text).into_iter().map(add));
            }
            (Some(_), Some((address, best))) => {
                let because = best.goes_first();
                let verdict = || Verdict::RowFirst { address, because };
                candidates.extend(claims.into_iter().map(|(claim, _)| add((claim, verdict()))));
            }
            _ => candidates
                .extend(claims.into_iter().map(|(claim, _)| add((claim, Verdict::OtherProvider)))),
        }
    }
    candidates.sort_by_key(|candidate| !matches!(candidate.verdict, Verdict::Chosen(_)));
    Explanation { decision: router.decide(query), candidates }
}

impl By {
    fn goes_first(self) -> &'static str {
        match self {
            Self::Exact => "is the number itself",
            Self::Range => "is a range of numbers",
            Self::ProviderShortCode => "names the provider",
            Self::ShortCode => "stands first in the document",
        }
    }
}

/// How a row has the number: outer none, not at all; inner none, at another provider only.
fn nearness(address: &NumberAddress, query: &Query<'_>) -> Option<Option<By>> {
    match address {
        NumberAddress::Exact(number) => (number == query.destination).then_some(Some(By::Exact)),
        NumberAddress::Range(NumberRange { from, to }) => {
            let digits = query.destination.bytes().all(|b| b.is_ascii_digit());
            let same_length = |end: &String| end.len() == query.destination.len();
            let between = (from.as_str()..=to.as_str()).contains(&query.destination);
            (digits && same_length(from) && same_length(to) && between).then_some(Some(By::Range))
        }
        NumberAddress::ShortCode(ShortCode { code, provider }) => {
            (code == query.destination).then(|| match provider {
                Some(provider) => (provider == query.provider).then_some(By::ProviderShortCode),
                None => Some(By::ShortCode),
            })
        }
    }
}

/// All claims of a row in the order in which they are asked, each with its word.
fn claims(row: &Number) -> Vec<(Claim<'_>, Option<&str>)> {
    let wishes = row.opt_out.iter().flat_map(|opt_out| {
        let words =
            move |wish| opt_out.words(wish).map(move |word| (Claim::Wish(wish), Some(word)));
        Wish::ALL.into_iter().flat_map(words)
    });
    let keywords = row.keywords.iter().flat_map(|keyword| {
        let claim = |word| Claim::Keyword { word, customer: &keyword.customer };
        keyword.words.iter().map(move |word| (claim(word.as_str()), Some(word.as_str())))
    });
    let default = row.customer.iter().map(|customer| (Claim::Default(customer), None));
    wishes.chain(keywords).chain(default).collect()
}

/// Of the claims of the row that answers for the number, the first whose word it is.
fn judged<'a>(
    claims: &[(Claim<'a>, Option<&'a str>)],
    by: By,
    text: &str,
) -> Vec<(Claim<'a>, Verdict<'a>)> {
    let first = first_word(text).map(|(word, _)| word);
    let is_first = |word: &str| first.as_ref().is_some_and(|first| folded(word) == *first);
    let chosen = claims.iter().position(|(_, word)| word.is_none_or(is_first));
    let first = chosen.and_then(|place| claims[place].1);
    let verdict = |place, word: Option<&str>| match first {
        _ if chosen == Some(place) => Verdict::Chosen(by),
        Some(first) if word.is_none() => Verdict::WordFirst(first),
        _ => Verdict::OtherWord,
    };
    let claims = claims.iter().enumerate();
    claims.map(|(place, (claim, word))| (*claim, verdict(place, *word))).collect()
}
