//! Every spelling of a delivery receipt in `receipts/corpus.json` is read as its entry says, and so
//! are the entry's fields in other orders, with other blanks and separators, in other cases, and
//! with one of them missing.
//!
//! An entry has the receipt, what is expected of each field (absent: `None`), the state that `stat`
//! names, where the spelling is from, and `why` where the expectation needs a reason. A character of
//! a receipt is one octet (U+0000 to U+00FF), or one unit of the UTF-16 that `coding` names.
//!
//! `source` is an address, or a repository and a path in it; "public code index, file N" is a public
//! file that was found by its text, without the repository's name. An entry that no source has word
//! for word says so: "composed", "template". Numbers of people are exchanged or taken out.

use std::collections::HashSet;

use rusmpp::values::MessageState;
use serde_json::{Map, Value};
use smpp::{
    Octets,
    receipt::{Receipt, parse},
};

struct Form {
    receipt: Octets,
    expected: Receipt,
    state: Option<String>,
    source: String,
}

const FIELDS: [&str; 8] = ["id", "sub", "dlvrd", "submit_date", "done_date", "stat", "err", "text"];
const NAMES: [[&str; 8]; 4] = [
    ["id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text"],
    ["ID", "SUB", "DLVRD", "SUBMIT DATE", "DONE DATE", "STAT", "ERR", "TEXT"],
    ["Id", "Sub", "Dlvrd", "Submit_Date", "Done_Date", "Stat", "Err", "Text"],
    ["id", "sub", "dlvrd", "submitDate", "doneDate", "stat", "err", "text"],
];
const BLANKS: [&str; 4] = [" ", "   ", "\t", "\r\n"];
/// A text before them would keep them.
const SEPARATORS: [&str; 5] = [",", ", ", ";", " ; ", " | "];
const HOSTILE: &str = "id:EVIL sub:666 dlvrd:666 submit date:6 done date:6 stat:EVIL err:EVIL";

fn corpus() -> Vec<Form> {
    let entries: Vec<Map<String, Value>> =
        serde_json::from_str(include_str!("receipts/corpus.json")).expect("a list of entries");
    entries.iter().map(form).collect()
}

fn form(entry: &Map<String, Value>) -> Form {
    let known = ["receipt", "coding", "state", "why", "source"];
    let unknown = entry.keys().find(|key| ![&known[..], &FIELDS].concat().contains(&key.as_str()));
    assert_eq!(unknown, None);
    let text = |key: &str| Some(entry.get(key)?.as_str().expect(key).to_owned());
    let coding = text("coding").unwrap_or_default();
    let receipt = octets(&text("receipt").expect("a receipt"), &coding);
    let octets = |key| {
        let value = text(key)?;
        Some(if coding.is_empty() { octets(&value, "") } else { value.into() })
    };
    let number = |key: &str| Some(u32::try_from(entry.get(key)?.as_u64()?).expect("a count"));
    let expected = Receipt {
        id: octets("id"),
        sub: number("sub"),
        dlvrd: number("dlvrd"),
        submit_date: octets("submit_date"),
        done_date: octets("done_date"),
        stat: octets("stat"),
        err: octets("err"),
        text: octets("text"),
    };
    Form { receipt, expected, state: text("state"), source: text("source").expect("a source") }
}

fn octets(text: &str, coding: &str) -> Octets {
    let octet = |letter: char| u8::try_from(u32::from(letter)).expect("an octet");
    match coding {
        "" => text.chars().map(octet).collect::<Vec<_>>().into(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>().into(),
        "utf-16be-bom" => octets(&format!("\u{FEFF}{text}"), "utf-16be"),
        other => {
            assert_eq!(other, "utf-16le");
            text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().into()
        }
    }
}

/// The octets of each field that is there, by its place in `FIELDS`.
fn values(receipt: &Receipt) -> Vec<(usize, Vec<u8>)> {
    let Receipt { id, sub, dlvrd, submit_date, done_date, stat, err, text } = receipt;
    let octets = |value: &Option<Octets>| value.as_ref().map(|value| value.to_vec());
    let number = |value: &Option<u32>| value.map(|value| format!("{value:03}").into_bytes());
    let all = [
        octets(id),
        number(sub),
        number(dlvrd),
        octets(submit_date),
        octets(done_date),
        octets(stat),
        octets(err),
        octets(text),
    ];
    all.into_iter().enumerate().filter_map(|(field, value)| Some((field, value?))).collect()
}

fn without(receipt: &Receipt, field: usize) -> Receipt {
    let mut less = receipt.clone();
    match FIELDS[field] {
        "id" => less.id = None,
        "sub" => less.sub = None,
        "dlvrd" => less.dlvrd = None,
        "submit_date" => less.submit_date = None,
        "done_date" => less.done_date = None,
        "stat" => less.stat = None,
        "err" => less.err = None,
        _ => less.text = None,
    }
    less
}

fn written(values: &[(usize, Vec<u8>)], names: &[&str; 8], separator: &str) -> Octets {
    let field = |(field, value): &(usize, Vec<u8>)| {
        [names[*field].as_bytes(), b":", value.as_slice()].concat()
    };
    values.iter().map(field).collect::<Vec<_>>().join(separator.as_bytes()).into()
}

/// Every rotation, forwards and backwards, and every exchange of two.
fn orders<T: Clone>(values: &[T]) -> Vec<Vec<T>> {
    let mut orders = Vec::new();
    for first in 0..values.len() {
        let mut order = values.to_vec();
        order.rotate_left(first);
        orders.push(order.clone());
        order.reverse();
        orders.push(order);
        for second in 0..first {
            let mut order = values.to_vec();
            order.swap(first, second);
            orders.push(order);
        }
    }
    orders
}

/// Of a receipt's fields in another order: how they are written does not matter.
fn assert_read(order: &[(usize, Vec<u8>)], expected: &Receipt, form: &Form) {
    let text_is_last = order.iter().rev().skip(1).all(|(field, _)| FIELDS[*field] != "text");
    let separators = if text_is_last { &SEPARATORS[..] } else { &[] };
    for (turn, separator) in BLANKS.iter().chain(separators).enumerate() {
        let names = &NAMES[turn % NAMES.len()];
        let receipt = written(order, names, separator);
        assert!(
            parse(&receipt) == *expected,
            "{}\n{:?}",
            form.source,
            String::from_utf8_lossy(&receipt)
        );
    }
}

#[test]
fn the_corpus_is_large_and_says_where_each_form_is_from() {
    let corpus = corpus();
    let distinct: HashSet<&[u8]> = corpus.iter().map(|form| &form.receipt[..]).collect();
    let sources: HashSet<&str> = corpus.iter().map(|form| form.source.as_str()).collect();
    assert_eq!(distinct.len(), corpus.len(), "no form twice");
    assert!(distinct.len() >= 250 && sources.len() >= 100);
    assert!(!sources.contains(""));
}

#[test]
fn every_form_is_read_as_its_entry_says() {
    for form in corpus() {
        let receipt = parse(&form.receipt);
        let shown = |receipt: &Receipt| {
            let lossy = |(field, value): (usize, Vec<u8>)| {
                format!("{}:{:?}", FIELDS[field], String::from_utf8_lossy(&value))
            };
            values(receipt).into_iter().map(lossy).collect::<Vec<_>>()
        };
        assert_eq!(shown(&receipt), shown(&form.expected), "{}", form.source);
        let state = receipt.state().map(|state| format!("{state:?}"));
        assert_eq!(state, form.state, "{}", form.source);
    }
}

#[test]
fn the_order_the_case_and_what_stands_between_fields_do_not_matter() {
    for form in corpus() {
        for order in orders(&values(&form.expected)) {
            assert_read(&order, &form.expected, &form);
        }
    }
}

#[test]
fn all_orders_of_all_fields_are_read() {
    let full = |form: &Form| values(&form.expected).len() == FIELDS.len();
    let form = corpus().into_iter().find(full).expect("a form with all fields");
    let mut fields = values(&form.expected);
    permute(&mut fields, 0, &mut |order| assert_read(order, &form.expected, &form));
}

fn permute<T>(items: &mut [T], fixed: usize, each: &mut impl FnMut(&[T])) {
    if fixed == items.len() {
        return each(items);
    }
    for next in fixed..items.len() {
        items.swap(fixed, next);
        permute(items, fixed + 1, each);
        items.swap(fixed, next);
    }
}

#[test]
fn what_is_missing_is_none_and_takes_nothing_else_along() {
    for form in corpus() {
        let all = values(&form.expected);
        let names_a_field = |text: &Octets| parse(text) != Receipt::default();
        if form.expected.text.as_ref().is_some_and(names_a_field) {
            continue;
        }
        for (missing, _) in &all {
            let rest: Vec<_> = all.iter().filter(|(field, _)| field != missing).cloned().collect();
            for order in orders(&rest) {
                assert_read(&order, &without(&form.expected, *missing), &form);
            }
        }
    }
}

#[test]
fn a_message_that_reads_like_a_receipt_speaks_for_no_field_that_is_there() {
    for form in corpus() {
        let text = form.expected.text.clone().unwrap_or_default();
        for hostile in [
            [HOSTILE.as_bytes(), b" ", &text].concat(),
            [&text, b" ".as_slice(), HOSTILE.as_bytes()].concat(),
            [HOSTILE.as_bytes(), b" text:", HOSTILE.as_bytes()].concat(),
        ] {
            let hostile = hostile.trim_ascii();
            let mut fields = values(&without(&form.expected, 7));
            fields.push((7, hostile.to_vec()));
            for order in orders(&fields) {
                let read = values(&parse(&written(&order, &NAMES[0], " ")));
                for field in fields.iter().filter(|(field, _)| FIELDS[*field] != "text") {
                    assert!(read.contains(field), "{}", form.source);
                }
            }
        }
    }
}

#[test]
fn cut_off_repeated_and_endless_receipts_are_read() {
    for form in corpus() {
        for ends in 0..form.receipt.len() {
            let _any = parse(&Octets::copy_from(&form.receipt[..ends])).state();
        }
    }
    for piece in
        ["id:", "id:x ", "#id:x", "text:", " text:id:x", ",a", ",sub", "submit ", "\"", "_"]
    {
        let _any = parse(&piece.repeat(20_000).into());
        let _any = parse(&format!("text: {}", piece.repeat(20_000)).into());
        let _any = parse(&format!("id:{}", piece.repeat(20_000)).into());
    }
}

#[test]
fn a_state_is_named_by_the_whole_word() {
    let read = |stat: &str| parse(&format!("stat:{stat}").into()).state();
    assert_eq!(read("delivered"), Some(MessageState::Delivered));
    assert_eq!(read("DELIVERY_FAILURE"), None);
}
