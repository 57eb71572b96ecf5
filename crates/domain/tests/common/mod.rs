//! A document with one value changed: what tables of mistakes are made of.

use serde_json::Value;

/// `all` with the value at a JSON pointer replaced, or with a row added (`-`).
pub(crate) fn changed(mut all: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match all.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Value::Array(rows) if name == "-" => rows.push(value),
        Value::Array(rows) => rows[name.parse::<usize>().unwrap()] = value,
        other => panic!("{other}"),
    }
    all
}
