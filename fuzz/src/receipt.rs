//! Any octets as a receipt's text: reading is total and every value is the text's own; what we write
//! ourselves reads the same.
//!
//! Input: the text; with line feeds in it, also the fields of a receipt to be written.

use smpp::{
    Octets,
    receipt::{self, Receipt},
};

pub fn check(input: &[u8]) {
    read(&Octets::copy_from(input));
    write(input);
}

fn read(text: &Octets) {
    let receipt = receipt::parse(text);
    let _any = receipt.state();
    let Receipt { id, submit_date, done_date, stat, err, text: excerpt, .. } = &receipt;
    // Read from UTF-16, values are UTF-8.
    let narrow = !text.contains(&0) && !matches!(text[..], [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..]);
    for value in [id, submit_date, done_date, stat, err, excerpt].into_iter().flatten() {
        assert!(!value.is_empty() && value.trim_ascii().len() == value.len());
        let within = || text.windows(value.len()).any(|window| window == &value[..]);
        assert!(!narrow || within(), "a value is a part of the text");
    }
}

/// With a colon in it a text could be another field, and with a blank a value is two: those are not
/// ours to write.
fn write(input: &[u8]) {
    let mut values = input.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii);
    let mut checked = |ours: fn(&[u8]) -> bool| {
        let value = values.next().filter(|value| !value.is_empty() && ours(value))?;
        Some(Octets::copy_from(value))
    };
    let word = |value: &[u8]| value.iter().all(|octet| octet.is_ascii_alphanumeric());
    let excerpt = |value: &[u8]| !value.contains(&b':') && !value.ends_with(b"\0");
    let mut value = || checked(word);
    let (id, sub, dlvrd) = (value(), value(), value());
    let number = |octets: Option<Octets>| Some(octets?.iter().map(|octet| u32::from(*octet)).sum());
    let receipt = Receipt {
        id,
        sub: number(sub),
        dlvrd: number(dlvrd),
        submit_date: value(),
        done_date: value(),
        stat: value(),
        err: value(),
        text: checked(excerpt),
    };
    assert!(receipt::parse(&receipt::write(&receipt)) == receipt, "it reads the same");
}
