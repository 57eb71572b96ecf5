//! Numbers: addresses that handsets can write to, customers that exist, words that can be typed
//! and mean one thing.

use std::collections::{HashMap, HashSet};

use super::{ADDRESS_MAX, Mistakes, overlaps};
use crate::config::{
    BindKind, CountsFor, Document, Link, Number, NumberAddress, NumberRange, OptOutWords,
    ShortCode, Wish, first_word, folded,
};

/// Rows: what fits into the memory of a function beside the routes.
const NUMBERS_MAX: usize = 200_000;
/// Keywords and sub-keywords of all numbers together.
const WORDS_MAX: usize = 1_000_000;
/// A STOP to a shared number is recorded once for each of its customers.
const OPT_OUT_CUSTOMERS_MAX: usize = 1_000;
/// Sender ids that an opt-out counts for; each is recorded.
const OPT_OUT_SENDERS_MAX: usize = 100;
/// Digits of the shortest international number.
const NUMBER_MIN: usize = 7;
const SHORT_CODE_DIGITS: std::ops::RangeInclusive<usize> = 2..=10;
const WORD_MAX: usize = 32;
/// Characters: ten parts or so.
const ANSWER_MAX: usize = 1_000;

pub(super) fn check(document: &Document, mistakes: &mut Mistakes) {
    let customers = document.customers.iter().map(|customer| customer.id.as_str()).collect();
    let known = Known { customers, providers: bringing(document) };
    for (index, number) in document.numbers.iter().enumerate() {
        let path = format!("numbers[{index}]");
        check_address(&format!("{path}.address"), &number.address, &known, mistakes);
        check_owners(&path, number, &known, mistakes);
        check_words(&path, number, mistakes);
        if let Some(opt_out) = &number.opt_out {
            check_opt_out(&format!("{path}.opt_out"), number, opt_out, mistakes);
        }
    }
    overlaps::check(&document.numbers, mistakes);
    check_size(&document.numbers, mistakes);
}

struct Known<'a> {
    customers: HashSet<&'a str>,
    /// Providers, and whether they bring messages.
    providers: HashMap<&'a str, bool>,
}

fn bringing(document: &Document) -> HashMap<&str, bool> {
    let brings = document.providers.iter().map(|provider| {
        let Link::Smpp(link) = &provider.link;
        (provider.id.as_str(), link.bind != BindKind::Transmitter)
    });
    brings.collect()
}

fn check_address(path: &str, address: &NumberAddress, known: &Known<'_>, mistakes: &mut Mistakes) {
    match address {
        NumberAddress::Exact(number) => {
            check_number(&format!("{path}.exact"), number, mistakes);
        }
        NumberAddress::Range(NumberRange { from, to }) => {
            check_number(&format!("{path}.range.from"), from, mistakes);
            check_number(&format!("{path}.range.to"), to, mistakes);
            if from.len() != to.len() || from >= to {
                let cure =
                    "give both as many digits, the smaller first; a single number is `exact`";
                mistakes.add(format!("{path}.range"), "not a range", cure);
            }
        }
        NumberAddress::ShortCode(ShortCode { code, provider }) => {
            let digits = code.bytes().all(|b| b.is_ascii_digit());
            if !digits || !SHORT_CODE_DIGITS.contains(&code.len()) {
                let (least, most) = SHORT_CODE_DIGITS.into_inner();
                let cure = format!("use {least} to {most} digits, or `exact` for a longer number");
                mistakes.add(format!("{path}.short_code.code"), "not a short code", cure);
            }
            if let Some(provider) = provider {
                let path = format!("{path}.short_code.provider");
                check_provider(&path, provider.as_str(), known, mistakes);
            }
        }
    }
}

fn check_number(path: &str, number: &str, mistakes: &mut Mistakes) {
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    if !digits || !(NUMBER_MIN..=ADDRESS_MAX).contains(&number.len()) || number.starts_with('0') {
        let cure = format!(
            "use {NUMBER_MIN} to {ADDRESS_MAX} digits: country code first, no `+`, no `00`; a \
             national short number is a `short_code`"
        );
        mistakes.add(path, "not an international number", cure);
    }
}

fn check_provider(path: &str, provider: &str, known: &Known<'_>, mistakes: &mut Mistakes) {
    match known.providers.get(provider) {
        Some(true) => {}
        Some(false) => {
            let what = format!("provider `{provider}` is bound as transmitter and brings nothing");
            mistakes.add(path, what, "choose another, or bind as transceiver");
        }
        None => {
            let what = format!("there is no provider `{provider}`");
            mistakes.add(path, what, "add it to `providers`, or correct the name");
        }
    }
}

fn check_owners(path: &str, number: &Number, known: &Known<'_>, mistakes: &mut Mistakes) {
    if number.customers().next().is_none() {
        let cure = "name its `customer`, or its `keywords` with theirs";
        mistakes.add(format!("{path}.customer"), "the number is nobody's", cure);
    }
    let keywords = number.keywords.iter().enumerate();
    let named = keywords.map(|(n, k)| (format!("{path}.keywords[{n}].customer"), &k.customer));
    let default = number.customer.iter().map(|customer| (format!("{path}.customer"), customer));
    for (path, customer) in default.chain(named) {
        if !known.customers.contains(customer.as_str()) {
            let what = format!("there is no customer `{customer}`");
            mistakes.add(path, what, "add it to `customers`, or correct the name");
        }
    }
}

/// Words of one place that have to differ: folded → where it stands and whose it is.
#[derive(Default)]
struct Words(HashMap<String, (String, String)>);

impl Words {
    fn add(&mut self, path: String, word: &str, of: String, mistakes: &mut Mistakes) {
        let one_word = first_word(word).is_some_and(|(_, rest)| rest.is_empty())
            && !word.trim().contains(char::is_whitespace);
        let key = folded(word);
        if !one_word || key.chars().count() > WORD_MAX {
            let cure =
                format!("use one word with a letter or digit, {WORD_MAX} characters at most");
            mistakes.add(path, "no message can begin with this as its keyword", cure);
            return;
        }
        if let Some((first, whose)) = self.0.get(&key) {
            let what = format!("`{word}` of {of} is the same word as at {first}, of {whose}");
            let cure = "case, accents and punctuation do not count: choose another word";
            mistakes.add(path, what, cure);
            return;
        }
        self.0.insert(key, (path, of));
    }
}

/// At one number each word means one thing; below a keyword each second word does.
fn check_words(path: &str, number: &Number, mistakes: &mut Mistakes) {
    let mut words = Words::default();
    if let Some(opt_out) = &number.opt_out {
        for wish in Wish::ALL {
            let name = wish.as_str();
            for (index, word) in opt_out.words(wish).enumerate() {
                let path = format!("{path}.opt_out.{name}.words[{index}]");
                words.add(path, word, format!("the opt-out words `{name}`"), mistakes);
            }
        }
    }
    for (index, keyword) in number.keywords.iter().enumerate() {
        let path = format!("{path}.keywords[{index}]");
        let of = || format!("customer {}", keyword.customer);
        if keyword.words.is_empty() {
            mistakes.add(format!("{path}.words"), "no word", "name at least one");
        }
        for (index, word) in keyword.words.iter().enumerate() {
            words.add(format!("{path}.words[{index}]"), word, of(), mistakes);
        }
        let mut second = Words::default();
        for (index, word) in keyword.sub_keywords.iter().enumerate() {
            second.add(format!("{path}.sub_keywords[{index}]"), word, of(), mistakes);
        }
    }
}

fn check_opt_out(path: &str, number: &Number, opt_out: &OptOutWords, mistakes: &mut Mistakes) {
    for wish in Wish::ALL {
        let path = format!("{path}.{}", wish.as_str());
        if wish != Wish::Help && opt_out.words(wish).next().is_none() {
            let cure = "name a word, or leave `words` out for the usual one";
            mistakes.add(format!("{path}.words"), "handsets cannot say it", cure);
        }
        let answer = opt_out.reply(wish).answer.as_deref();
        if answer.is_some_and(|text| text.trim().is_empty() || text.chars().count() > ANSWER_MAX) {
            let cure = format!("use 1 to {ANSWER_MAX} characters, or leave it out for no answer");
            mistakes.add(format!("{path}.answer"), "no text to send", cure);
        }
    }
    if let CountsFor::Senders(senders) = &opt_out.counts_for {
        check_senders(&format!("{path}.counts_for.senders"), senders, mistakes);
    }
    let customers: HashSet<&str> = number.customers().map(|customer| customer.as_str()).collect();
    if customers.len() > OPT_OUT_CUSTOMERS_MAX {
        let what = format!("{} customers share the number", customers.len());
        let cure = format!("with opt-out words {OPT_OUT_CUSTOMERS_MAX} may");
        mistakes.add(path, what, cure);
    }
}

fn check_senders(path: &str, senders: &[String], mistakes: &mut Mistakes) {
    if senders.is_empty() || senders.len() > OPT_OUT_SENDERS_MAX {
        let cure = format!("name 1 to {OPT_OUT_SENDERS_MAX}, or use `number` or `customer`");
        mistakes.add(path, format!("{} sender ids", senders.len()), cure);
    }
    for (index, sender) in senders.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if sender.is_empty() || sender.len() > ADDRESS_MAX || sender.starts_with('+') {
            let cure = format!("use 1 to {ADDRESS_MAX} characters, numbers without `+`");
            mistakes.add(path, "no sender id looks like this", cure);
        } else if sender.contains('*') {
            mistakes.add(path, "a pattern", "write each sender id exactly, or use `customer`");
        }
    }
}

fn check_size(numbers: &[Number], mistakes: &mut Mistakes) {
    if numbers.len() > NUMBERS_MAX {
        let what = format!("{} rows; {NUMBERS_MAX} fit", numbers.len());
        mistakes.add("numbers", what, "join numbers that follow each other into ranges");
    }
    let keywords = numbers.iter().flat_map(|number| &number.keywords);
    let words = keywords.map(|k| k.words.len().saturating_add(k.sub_keywords.len()));
    let words = words.fold(0, usize::saturating_add);
    if words > WORDS_MAX {
        let what = format!("{words} keywords and sub-keywords; {WORDS_MAX} fit");
        mistakes.add("numbers", what, "use default customers where a number is one customer's");
    }
}
