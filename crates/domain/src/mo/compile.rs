//! From the document to the [`MoRouter`]. The document is taken to be valid; what could only come
//! from an invalid one (a number of letters, a provider that is not there) matches nothing, and of
//! two rows for one number the first counts.

use std::collections::HashMap;

use super::opt_out::Customers;
use super::{ANY_PROVIDER, Digits, Keyword, MoRouter, OptOut, Range, Row, Word};
use crate::config::{
    self, Document, Number, NumberAddress, NumberRange, OptOutWords, ShortCode, Wish, folded,
};
use crate::id::{CustomerId, ProviderId};

impl MoRouter {
    /// Makes the look-up structure of a document.
    #[must_use]
    pub fn compile(document: &Document) -> Self {
        let providers = document.providers.iter().map(|provider| provider.id.clone());
        let mut router = Self {
            customers: Vec::new(),
            opt_out_customers: Customers::of(document),
            providers: providers.zip(0..ANY_PROVIDER).collect(),
            exact: Vec::new(),
            ranges: Vec::new(),
            short_codes: Vec::new(),
            rows: Vec::with_capacity(document.numbers.len()),
            opt_outs: Vec::new(),
        };
        let mut interned = Interned::default();
        for (number, row) in document.numbers.iter().zip(0..) {
            router.add_address(&number.address, row);
            router.rows.push(interned.row(number));
        }
        router.customers = interned.customers.names.into_iter().cloned().collect();
        router.opt_outs = interned.opt_outs.names.into_iter().map(opt_out).collect();
        router.order();
        router
    }

    fn add_address(&mut self, address: &NumberAddress, row: u32) {
        match address {
            NumberAddress::Exact(number) => {
                self.exact.extend(Digits::parse(number).map(|digits| (digits, row)));
            }
            NumberAddress::Range(NumberRange { from, to }) => {
                let ends = Digits::parse(from).zip(Digits::parse(to));
                // Between numbers of several lengths there are others that nobody meant.
                let ends = ends.filter(|(from, to)| from.len == to.len);
                self.ranges.extend(ends.map(|(from, to)| Range { from, to, row }));
            }
            NumberAddress::ShortCode(ShortCode { code, provider }) => {
                let of = |provider: &ProviderId| self.providers.get(provider).copied();
                let provider = provider.as_ref().map_or(Some(ANY_PROVIDER), of);
                let code = Digits::parse(code).zip(provider);
                self.short_codes.extend(code.map(|(code, provider)| (code, provider, row)));
            }
        }
    }

    fn order(&mut self) {
        // Rows are numbered in the document's order: of equal ones the first stays.
        self.exact.sort_unstable();
        self.exact.dedup_by_key(|(number, _)| *number);
        self.short_codes.sort_unstable();
        self.short_codes.dedup_by_key(|(code, provider, _)| (*code, *provider));
        self.ranges.sort_unstable_by_key(|range| (range.from, range.row));
    }
}

/// What many rows have in common, each once.
#[derive(Default)]
struct Interned<'d> {
    customers: Table<'d, CustomerId>,
    opt_outs: Table<'d, OptOutWords>,
}

struct Table<'d, T> {
    names: Vec<&'d T>,
    places: HashMap<&'d T, u32>,
}

impl<T> Default for Table<'_, T> {
    fn default() -> Self {
        Self { names: Vec::new(), places: HashMap::new() }
    }
}

impl<'d, T: Eq + std::hash::Hash> Table<'d, T> {
    fn place(&mut self, name: &'d T) -> u32 {
        *self.places.entry(name).or_insert_with(|| {
            self.names.push(name);
            u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

impl<'d> Interned<'d> {
    fn row(&mut self, number: &'d Number) -> Row {
        let words = number.keywords.iter().zip(0..);
        let words = words.flat_map(|(k, of)| k.words.iter().map(move |word| (word.as_str(), of)));
        Row {
            default: number.customer.as_ref().map(|customer| self.customers.place(customer)),
            words: ordered(words),
            keywords: number.keywords.iter().map(|keyword| self.keyword(keyword)).collect(),
            opt_out: number.opt_out.as_ref().map(|words| self.opt_outs.place(words)),
        }
    }

    fn keyword(&mut self, keyword: &'d config::Keyword) -> Keyword {
        Keyword {
            customer: self.customers.place(&keyword.customer),
            second: ordered(keyword.sub_keywords.iter().map(|word| (word.as_str(), 0))),
        }
    }
}

fn opt_out(words: &OptOutWords) -> OptOut {
    let all = Wish::ALL.into_iter().zip(0..);
    OptOut {
        words: ordered(all.flat_map(|(wish, of)| words.words(wish).map(move |word| (word, of)))),
        answers: Wish::ALL.map(|wish| words.reply(wish).answer.clone()),
        counts_for: words.counts_for.clone(),
    }
}

/// Words as they are looked up; of equal ones the first stays.
fn ordered<'d>(words: impl Iterator<Item = (&'d str, u32)>) -> Vec<(Box<str>, Word)> {
    let mut words: Vec<(Box<str>, Word)> = words
        .map(|(word, of)| (folded(word).into_boxed_str(), Word { written: word.into(), of }))
        .collect();
    words.sort_by(|(one, _), (other, _)| one.cmp(other));
    words.dedup_by(|(later, _), (kept, _)| later == kept);
    words
}
