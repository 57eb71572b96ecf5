//! Numbers that would belong to two rows. What the order of look-up settles on purpose (an exact
//! number within a range, a short code of one provider beside that of any) is no overlap.

use std::collections::HashMap;

use super::Mistakes;
use crate::config::{Number, NumberAddress, NumberRange, ShortCode};
use crate::id::ProviderId;

const CURE: &str = "a number is one row's: take it out of one of them, or share it by `keywords`";

/// A row as messages name it.
fn row(index: usize, number: &Number) -> String {
    let mut customers: Vec<&str> = number.customers().map(|customer| customer.as_str()).collect();
    customers.sort_unstable();
    customers.dedup();
    format!("numbers[{index}], {} of {}", number.address, shortened(&customers))
}

fn shortened(customers: &[&str]) -> String {
    const SHOWN: usize = 5;
    match customers {
        [] => "nobody".to_owned(),
        few if few.len() <= SHOWN => few.join(", "),
        many => format!("{} and {} more", many[..SHOWN].join(", "), many.len() - SHOWN),
    }
}

pub(super) fn check(numbers: &[Number], mistakes: &mut Mistakes) {
    let mut overlaps = Overlaps { numbers, mistakes };
    overlaps.singles();
    overlaps.ranges();
}

struct Overlaps<'a, 'm> {
    numbers: &'a [Number],
    mistakes: &'m mut Mistakes,
}

impl<'a> Overlaps<'a, '_> {
    fn add(&mut self, first: usize, second: usize) {
        let what = format!(
            "{} overlaps with {}",
            row(second, &self.numbers[second]),
            row(first, &self.numbers[first])
        );
        self.mistakes.add(format!("numbers[{second}].address"), what, CURE);
    }

    /// Exact numbers and short codes: each once. A short code is also refused where the same
    /// digits are a number, which would always go first.
    fn singles(&mut self) {
        let mut exact: HashMap<&str, usize> = HashMap::new();
        let mut codes: HashMap<(&str, Option<&ProviderId>), usize> = HashMap::new();
        let numbers = self.numbers;
        for (index, number) in numbers.iter().enumerate() {
            let first = match &number.address {
                NumberAddress::Exact(number) => exact.insert(number.as_str(), index),
                NumberAddress::ShortCode(ShortCode { code, provider }) => {
                    codes.insert((code.as_str(), provider.as_ref()), index)
                }
                NumberAddress::Range(_) => None,
            };
            if let Some(first) = first {
                self.add(first, index);
            }
        }
        for (index, code) in short_codes(numbers) {
            if let Some(&number) = exact.get(code) {
                self.add(number, index);
            }
        }
    }

    /// Ranges do not touch each other, and none covers a short code.
    fn ranges(&mut self) {
        let mut ranges: Vec<(Place<'a>, Place<'a>, usize)> = self
            .numbers
            .iter()
            .enumerate()
            .filter_map(|(index, number)| match &number.address {
                NumberAddress::Range(NumberRange { from, to }) if from.len() == to.len() => {
                    Some((place(from), place(to), index))
                }
                _ => None,
            })
            .collect();
        ranges.sort_unstable();
        // The range that reaches furthest so far: a later one overlaps with some earlier one if
        // and only if it begins before that one's end.
        let mut furthest: Option<(Place<'a>, usize)> = None;
        for &(from, to, index) in &ranges {
            if let Some((_, before)) = furthest.filter(|(end, _)| from <= *end) {
                self.add(before.min(index), before.max(index));
            }
            if furthest.is_none_or(|(end, _)| end < to) {
                furthest = Some((to, index));
            }
        }
        for (index, code) in short_codes(self.numbers) {
            let code = place(code);
            let before = ranges[..ranges.partition_point(|(from, _, _)| *from <= code)].last();
            if let Some((_, _, range)) = before.filter(|(_, to, _)| code <= *to) {
                self.add(*range, index);
            }
        }
    }
}

/// Digits in the order of their numbers: first by how many they are.
type Place<'a> = (usize, &'a str);

fn place(digits: &str) -> Place<'_> {
    (digits.len(), digits)
}

fn short_codes(numbers: &[Number]) -> impl Iterator<Item = (usize, &str)> {
    numbers.iter().enumerate().filter_map(|(index, number)| match &number.address {
        NumberAddress::ShortCode(short) => Some((index, short.code.as_str())),
        _ => None,
    })
}
