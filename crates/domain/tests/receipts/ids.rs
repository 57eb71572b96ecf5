//! Both sides of a message have the same canonical id, whatever the provider writes.

use domain::config::{IdForm, IdSettings, Letters, Zeros};
use domain::receipts::{Side, canonical_id};
use proptest::prelude::*;

fn forms(response: IdForm, receipt: IdForm) -> IdSettings {
    IdSettings { response, receipt, ..IdSettings::default() }
}

fn canonical(id: &str, side: Side, settings: &IdSettings) -> String {
    canonical_id(id, side, settings).unwrap().as_str().to_owned()
}

/// Both sides at once.
fn both(response: &str, receipt: &str, settings: &IdSettings) -> (String, String) {
    (canonical(response, Side::Response, settings), canonical(receipt, Side::Receipt, settings))
}

const HEX: IdForm = IdForm::Hexadecimal;
const DEC: IdForm = IdForm::Decimal;
const AS_IS: IdForm = IdForm::AsIs;

#[test]
fn the_sides_of_one_message_meet() {
    let table = [
        // opentelecoms-org/jsmpp issue 56: hexadecimal in the response, ten digits in the receipt.
        (HEX, DEC, "33E95179", "0870928761", "870928761"),
        // MavoCz/smscsim issue 4: padded hexadecimal in the response, decimal in the receipt.
        (HEX, DEC, "0000002a", "42", "42"),
        (DEC, HEX, "42", "2A", "42"),
        (DEC, HEX, "42", "0x2a", "42"),
        (DEC, HEX, "42", "0X002A", "42"),
        (HEX, HEX, "0xAB", "ab", "171"),
        (DEC, DEC, "007", "7", "7"),
        (DEC, DEC, "0", "000", "0"),
        (AS_IS, AS_IS, "ce5bc5a9-4f7d", "ce5bc5a9-4f7d", "ce5bc5a9-4f7d"),
        (AS_IS, AS_IS, " 12 ", "12\0", "12"),
    ];
    for (response, receipt, given, told, expected) in table {
        let settings = forms(response, receipt);
        let expected = (expected.to_owned(), expected.to_owned());
        assert_eq!(both(given, told, &settings), expected, "{given} and {told}: {settings:?}");
    }
}

#[test]
fn each_side_is_read_in_its_own_form() {
    assert_eq!(both("10", "10", &forms(HEX, DEC)), ("16".to_owned(), "10".to_owned()));
    assert_eq!(both("10", "10", &forms(DEC, HEX)), ("10".to_owned(), "16".to_owned()));
}

#[test]
fn what_is_no_number_stays_as_it_is() {
    for id in ["ce5bc5a9-4f7d", "12 34", "+12", "-7", "0x", "١٢", "0x0x12", "1e3.", "1_000"] {
        for form in [DEC, HEX] {
            let settings = forms(form, form);
            assert_eq!(both(id, id, &settings), (id.to_owned(), id.to_owned()), "{form:?}");
        }
    }
    assert_eq!(canonical("00fF", Side::Response, &forms(DEC, DEC)), "00fF");
}

#[test]
fn an_id_of_nothing_is_none() {
    for id in ["", " ", "\0\0", " \0\t\r\n"] {
        for form in [AS_IS, DEC, HEX] {
            assert_eq!(canonical_id(id, Side::Receipt, &forms(form, form)), None);
        }
    }
}

#[test]
fn zeros_and_case_of_text_matter_unless_the_settings_say_no() {
    let keep = IdSettings::default();
    let ignore = IdSettings { leading_zeros: Zeros::Ignore, case: Letters::Ignore, ..keep };
    let table = [
        ("00AB12", "00AB12", "ab12"),
        ("0000", "0000", "0"),
        ("0", "0", "0"),
        // Not digits altogether: its zeros belong to it.
        ("00-AB", "00-AB", "00-ab"),
        ("0XYZ", "0XYZ", "0xyz"),
    ];
    for (id, kept, ignored) in table {
        assert_eq!(canonical(id, Side::Receipt, &keep), kept);
        assert_eq!(canonical(id, Side::Receipt, &ignore), ignored);
    }
    let zeros = IdSettings { leading_zeros: Zeros::Ignore, ..keep };
    assert_eq!(canonical("00AB", Side::Response, &zeros), "AB");
    let case = IdSettings { case: Letters::Ignore, ..keep };
    assert_eq!(canonical("00AB", Side::Response, &case), "00ab");
}

#[test]
fn numbers_end_below_two_to_the_256() {
    let settings = forms(HEX, DEC);
    let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    let beyond = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    let (hexadecimal, decimal) = both(&"f".repeat(64), largest, &settings);
    assert_eq!((hexadecimal.as_str(), decimal.as_str()), (largest, largest));
    assert_eq!(canonical(&format!("00{beyond}"), Side::Receipt, &settings), format!("00{beyond}"));
    let long = format!("1{}", "0".repeat(64));
    assert_eq!(canonical(&long, Side::Response, &settings), long);
    let zeros = format!("{}7", "0".repeat(60_000));
    assert_eq!(canonical(&zeros, Side::Receipt, &settings), "7");
}

fn any_form() -> impl Strategy<Value = IdForm> {
    prop::sample::select(vec![DEC, HEX])
}

/// The number as a provider of that form may write it.
fn written(number: u128, form: IdForm, zeros: usize, upper: bool, prefix: bool) -> String {
    let zeros = "0".repeat(zeros);
    match form {
        HEX => {
            let digits = format!("{zeros}{number:x}");
            let digits = if upper { digits.to_uppercase() } else { digits };
            format!("{}{digits}", if prefix { "0x" } else { "" })
        }
        _ => format!("{zeros}{number}"),
    }
}

proptest! {
    #[test]
    fn one_number_has_one_canonical_id_in_all_forms_and_another_number_another(
        number: u128, other: u128, forms_of in (any_form(), any_form()), zeros in (0usize..9, 0usize..9),
        upper: (bool, bool), prefix: (bool, bool),
    ) {
        let settings = forms(forms_of.0, forms_of.1);
        let response = written(number, forms_of.0, zeros.0, upper.0, prefix.0);
        let receipt = written(number, forms_of.1, zeros.1, upper.1, prefix.1);
        let (response, receipt) = both(&response, &receipt, &settings);
        prop_assert_eq!(&response, &receipt);
        prop_assert_eq!(&response, &number.to_string());
        let stranger = written(other, forms_of.1, zeros.1, upper.1, prefix.1);
        let stranger = canonical(&stranger, Side::Receipt, &settings);
        prop_assert_eq!(stranger == response, number == other);
    }

    #[test]
    fn numbers_as_long_as_an_id_may_be_meet_too(digits in "[1-9a-f][0-9a-f]{0,63}") {
        let settings = forms(HEX, DEC);
        let decimal = canonical(&digits, Side::Response, &settings);
        prop_assert!(decimal.bytes().all(|b| b.is_ascii_digit()) && !decimal.starts_with('0'));
        prop_assert_eq!(canonical(&decimal, Side::Receipt, &settings), &decimal[..]);
        // Back to hexadecimal by repeated division of the digits, as on paper.
        prop_assert_eq!(hexadecimal(&decimal), digits);
    }

    #[test]
    fn a_canonical_number_is_never_a_canonical_text(
        number: u128, text in "[0-9a-fx-]{0,12}[g-w-]", form in any_form(), ignore: bool,
    ) {
        let mut settings = forms(form, form);
        if ignore {
            settings = IdSettings { leading_zeros: Zeros::Ignore, case: Letters::Ignore, ..settings };
        }
        let number = written(number, form, 0, false, false);
        let (number, text) = both(&number, &text, &settings);
        prop_assert_ne!(number, text);
    }

    #[test]
    fn every_text_has_an_answer_and_it_is_its_own_where_ids_are_text(
        id in ".{0,80}", response in any_form(), receipt in any_form(),
    ) {
        for side in [Side::Response, Side::Receipt] {
            let _any = canonical_id(&id, side, &forms(response, receipt));
        }
        let as_is = IdSettings::default();
        let once = canonical_id(&id, Side::Receipt, &as_is);
        prop_assert_eq!(&once, &canonical_id(&id, Side::Response, &as_is));
        if let Some(once) = once {
            prop_assert_eq!(canonical_id(once.as_str(), Side::Receipt, &as_is), Some(once));
        }
    }
}

fn hexadecimal(decimal: &str) -> String {
    let mut digits: Vec<u32> = decimal.chars().filter_map(|c| c.to_digit(10)).collect();
    let mut found = Vec::new();
    while digits.iter().any(|digit| *digit != 0) {
        let mut rest = 0;
        for digit in &mut digits {
            let here = rest * 10 + *digit;
            (*digit, rest) = (here / 16, here % 16);
        }
        found.push(char::from_digit(rest, 16).unwrap());
    }
    found.iter().rev().collect()
}
