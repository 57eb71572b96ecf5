//! When two spellings of a handset's number mean the same handset.

use std::borrow::Cow;

use crate::address::Address;

/// SMPP type of number: unknown and national (SMPP 3.4, section 5.2.5).
const UNKNOWN: u8 = 0;
const NATIONAL: u8 = 2;

/// True if both addresses are the same handset's. `+` and international `00` do not matter, nor do
/// type of number and numbering plan; where the provider rewrites numbers to the national form,
/// `country_code` makes them whole again (`0170…`, or `170…` of type 2, with `49` is `49170…`).
#[must_use]
pub fn same_handset(a: &Address, b: &Address, country_code: Option<&str>) -> bool {
    international(a, country_code) == international(b, country_code)
}

fn international<'a>(address: &'a Address, country_code: Option<&str>) -> Cow<'a, str> {
    let digits = address.digits();
    match country_code {
        Some(code)
            if address.ton == NATIONAL || (address.ton == UNKNOWN && digits.starts_with('0')) =>
        {
            format!("{code}{}", digits.trim_start_matches('0')).into()
        }
        _ => digits.into(),
    }
}
