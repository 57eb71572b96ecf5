//! Receipt settings: ids that can meet, checks that leave something to check, rules that can apply.

use std::collections::HashMap;

use super::Mistakes;
use crate::config::{
    AddressCheck, IdForm, ReceiptConditions, ReceiptRule, ReceiptSettings, RuleMeaning,
};
use crate::receipts::{ERROR_MAX, MessageState, error_pattern, network_pattern};

/// More than a clock that changes in summer needs.
const OFFSETS_MAX: usize = 2;
const DATE_WITHIN_MAX_MIN: u32 = 60;
const WORD_MAX: usize = 20;
const RULES_MAX: usize = 1_000;

pub(super) fn check(path: &str, receipts: &ReceiptSettings, mistakes: &mut Mistakes) {
    let ids = receipts.ids;
    if (ids.response == IdForm::AsIs) != (ids.receipt == IdForm::AsIs) {
        let what = "ids are text on one side and numbers on the other: they never meet";
        let cure = "say `decimal` or `hexadecimal` for both sides, or `as_is` for both";
        mistakes.add(format!("{path}.ids"), what, cure);
    }
    if let Some(code) = &receipts.country_code {
        let digits = code.bytes().all(|b| b.is_ascii_digit());
        if !digits || !(1..=3).contains(&code.len()) || code.starts_with('0') {
            let cure = "use 1 to 3 digits, no `+`, no `00`";
            mistakes.add(format!("{path}.country_code"), "not a country code", cure);
        }
    }
    check_dates(path, receipts, mistakes);
    check_words(&format!("{path}.words"), receipts, mistakes);
    check_rules(&format!("{path}.rules"), &receipts.rules, mistakes);
}

fn check_dates(path: &str, receipts: &ReceiptSettings, mistakes: &mut Mistakes) {
    let offsets = &receipts.utc_offsets_min;
    let field = format!("{path}.utc_offsets_min");
    if offsets.is_empty() && receipts.addresses == AddressCheck::Off {
        let what = "nothing is left to check: neither the address nor a date of a known clock";
        let cure = "name the clock of the provider's dates, or use `addresses: strict`";
        mistakes.add(&field, what, cure);
    }
    if offsets.len() > OFFSETS_MAX {
        let cure = "name one, or two where the clock changes in summer";
        mistakes.add(&field, format!("{} offsets", offsets.len()), cure);
    }
    for (index, offset) in offsets.iter().enumerate() {
        if !(-720..=840).contains(offset) {
            let what = "no place on earth has this time";
            mistakes.add(format!("{field}[{index}]"), what, "use minutes, -720 to 840");
        }
    }
    let within = receipts.date_within_min;
    mistakes.range(format!("{path}.date_within_min"), within, 1, DATE_WITHIN_MAX_MIN);
}

fn check_words(path: &str, receipts: &ReceiptSettings, mistakes: &mut Mistakes) {
    for word in receipts.words.keys() {
        let plain = |b: u8| b.is_ascii_graphic() && !b.is_ascii_lowercase();
        if word.is_empty() || word.len() > WORD_MAX || !word.bytes().all(plain) {
            let cure = format!("use 1 to {WORD_MAX} characters in upper case, without spaces");
            mistakes.add(format!("{path}.{word}"), "not a word of a receipt", cure);
        }
    }
}

fn check_rules(path: &str, rules: &[ReceiptRule], mistakes: &mut Mistakes) {
    if rules.len() > RULES_MAX {
        let cure = format!("use {RULES_MAX} at most, with ranges of codes");
        mistakes.add(path, format!("{} rules", rules.len()), cure);
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut for_all = None;
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("{path}[{index}]");
        check_codes(&path, &rule.when, mistakes);
        check_meaning(&format!("{path}.then"), rule, mistakes);
        let same = seen.get(&format!("{:?}", rule.when)).copied();
        if let Some(first) = for_all.or(same) {
            let what = format!("never applies: rule {first} takes all that it would");
            mistakes.add(format!("{path}.when"), what, "make them differ, or put it first");
        }
        seen.entry(format!("{:?}", rule.when)).or_insert(index);
        if rule.when == ReceiptConditions::default() {
            for_all = for_all.or(Some(index));
        }
    }
}

fn check_codes(path: &str, when: &ReceiptConditions, mistakes: &mut Mistakes) {
    for (index, pattern) in when.errors.iter().enumerate() {
        if error_pattern(pattern).is_none() {
            let path = format!("{path}.when.errors[{index}]");
            let cure = "write letters and digits (`001`), or two numbers with `-` between";
            mistakes.add(path, "no code of a receipt looks like this", cure);
        }
    }
    for (index, pattern) in when.network_errors.iter().enumerate() {
        if network_pattern(pattern).is_none() {
            let path = format!("{path}.when.network_errors[{index}]");
            let cure = "write `27`, `10-13`, or with the network's number `3/27`";
            mistakes.add(path, "no code of a network looks like this", cure);
        }
    }
}

fn check_meaning(path: &str, rule: &ReceiptRule, mistakes: &mut Mistakes) {
    let then = &rule.then;
    if *then == RuleMeaning::default() {
        mistakes.add(path, "says nothing", "say what the receipts mean, or take the rule out");
    }
    if let Some(error) = &then.error {
        let plain = error.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain || !(1..=ERROR_MAX).contains(&error.len()) {
            let cure = format!("use 1 to {ERROR_MAX} letters and digits");
            mistakes.add(format!("{path}.error"), "a receipt cannot carry this", cure);
        }
    }
    let states = told(rule);
    let other = |is_final: bool| {
        states.iter().find(|state| state.is_final().is_some_and(|says| says != is_final))
    };
    if let Some((is_final, state)) = then.is_final.and_then(|is| Some((is, other(is)?))) {
        let what = format!(
            "`{}` is never {}",
            state.as_str(),
            if is_final { "final" } else { "intermediate" }
        );
        let cure = "leave it out, or say another `state` for the customer";
        mistakes.add(format!("{path}.final"), what, cure);
    }
    if then.retry == Some(true) {
        check_retry(path, then, &states, mistakes);
    }
}

/// What is on its way, or there, is not sent again.
fn check_retry(path: &str, then: &RuleMeaning, states: &[MessageState], mistakes: &mut Mistakes) {
    let is_final = |state: &MessageState| state.is_final().or(then.is_final).unwrap_or(false);
    if let Some(state) = states.iter().find(|state| state.is_success() || !is_final(state)) {
        let what = format!("a message that is `{}` would be sent twice", state.as_str());
        let cure = "name `states` that surely failed, or say which `state` these are";
        mistakes.add(format!("{path}.retry"), what, cure);
    }
}

/// The states that a customer may be told by this rule.
fn told(rule: &ReceiptRule) -> Vec<MessageState> {
    match (rule.then.state, &rule.when.states[..]) {
        (Some(state), _) => vec![state],
        (None, []) => MessageState::ALL.to_vec(),
        (None, states) => states.to_vec(),
    }
}
