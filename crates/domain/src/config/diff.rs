//! What a new version changes, and what that touches in the running gateway. Pure.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Customer, Document, Provider};

/// What happened to a row of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Some of its fields differ.
    Changed,
    /// It stands before or behind others that it stood behind or before.
    Moved,
}

/// A row that the new version changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happened.
    pub kind: Kind,
    /// `customer acme`, `provider alpha`, `route de`.
    pub row: String,
    /// Fields that differ, where the row is in both versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// What follows for what is running.
    pub touches: Vec<String>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// `link.smpp.port`.
    pub field: String,
    /// Before and after, in words; hashes are hidden, long lists counted.
    pub change: String,
}

/// What differs between two versions; nothing: they say the same.
#[must_use]
pub fn diff(old: Option<&Document>, new: &Document) -> Vec<Change> {
    let nothing = Document::default();
    let old = old.unwrap_or(&nothing);
    let mut changes = rows(
        "customer",
        &old.customers,
        &new.customers,
        |c| c.id.as_str().into(),
        customer_touches,
    );
    changes.extend(rows(
        "provider",
        &old.providers,
        &new.providers,
        |provider| provider.id.as_str().into(),
        provider_touches,
    ));
    changes.extend(rows(
        "route",
        &old.routes,
        &new.routes,
        |r| (&r.id).into(),
        |_| route_touches(),
    ));
    changes.extend(rows(
        "number",
        &old.numbers,
        &new.numbers,
        |n| n.address.to_string().into(),
        |_| number_touches(),
    ));
    changes.extend(moved(old, new));
    changes
}

/// A row in the old and in the new version, and the paths of what differs.
struct Pair<'a, T> {
    old: Option<&'a T>,
    new: Option<&'a T>,
    fields: &'a [FieldChange],
}

impl<T> Pair<'_, T> {
    fn differs(&self, field: &str) -> bool {
        self.fields.iter().any(|change| {
            change
                .field
                .strip_prefix(field)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

fn rows<T: Serialize + PartialEq>(
    name: &str,
    old: &[T],
    new: &[T],
    id: impl Fn(&T) -> Cow<'_, str>,
    touches: impl Fn(&Pair<'_, T>) -> Vec<String>,
) -> Vec<Change> {
    let index = |rows: &'_ [T]| -> std::collections::HashMap<String, usize> {
        rows.iter().enumerate().map(|(n, row)| (id(row).into_owned(), n)).collect()
    };
    let (by_old, by_new) = (index(old), index(new));
    let mut changes = Vec::new();
    let mut note = |kind, row: &T, pair: Pair<'_, T>| {
        let (row, fields) = (format!("{name} {}", id(row)), pair.fields.to_vec());
        changes.push(Change { kind, row, fields, touches: touches(&pair) });
    };
    for row in old.iter().filter(|row| !by_new.contains_key(&*id(row))) {
        note(Kind::Removed, row, Pair { old: Some(row), new: None, fields: &[] });
    }
    for row in new {
        let before = by_old.get(&*id(row)).map(|n| &old[*n]);
        match before {
            None => note(Kind::Added, row, Pair { old: None, new: Some(row), fields: &[] }),
            Some(before) if before != row => {
                let fields = fields(before, row);
                note(
                    Kind::Changed,
                    row,
                    Pair { old: before.into(), new: row.into(), fields: &fields },
                );
            }
            Some(_) => {}
        }
    }
    changes
}

fn customer_touches(pair: &Pair<'_, Customer>) -> Vec<String> {
    let mut touches = Vec::new();
    if pair.new.is_none() {
        touches.push("its binds are closed".to_owned());
    } else if pair.old.is_some() && pair.differs("smpp") {
        touches.push("its binds stay; new binds are checked by what is new".to_owned());
    }
    if pair.differs("senders") {
        touches.push("messages accepted from now on".to_owned());
    }
    touches
}

fn provider_touches(pair: &Pair<'_, Provider>) -> Vec<String> {
    let (old, new) = match (pair.old, pair.new) {
        (_, None) => return vec!["nothing is read from its topics any more".to_owned()],
        (None, Some(new)) => {
            let slots = list(&new.slots);
            return vec![format!("topics are created; slots {slots} open")];
        }
        (Some(old), Some(new)) => (old, new),
    };
    let mut touches = Vec::new();
    if pair.differs("link") {
        touches.push(format!("its {} binds are closed and opened again", old.open_binds()));
    }
    let (before, after) = (old.open_binds(), new.open_binds());
    let slots = |from: u32, to: u32| {
        let (from, to) = (from as usize, to as usize);
        list(new.slots.get(from..to.min(new.slots.len())).unwrap_or_default())
    };
    if after > before {
        touches.push(format!("slots {} open", slots(before, after)));
    } else if after < before {
        let slots = slots(after, before);
        touches.push(format!("slots {slots} get nothing new, and close when they are empty"));
    }
    if ["rate_per_s", "window", "weights", "on_unknown"].iter().any(|field| pair.differs(field)) {
        touches.push("its open binds go on with the new limits".to_owned());
    }
    if pair.differs("long_messages") {
        touches.push("messages routed from now on".to_owned());
    }
    if pair.differs("receipts.ids") {
        touches.push("receipts of what it has already answered may not be matched".to_owned());
    } else if pair.differs("receipts") {
        touches.push("receipts from now on".to_owned());
    }
    touches
}

fn route_touches() -> Vec<String> {
    vec!["messages accepted from now on".to_owned()]
}

fn number_touches() -> Vec<String> {
    vec!["handsets' messages that arrive from now on".to_owned()]
}

/// Routes that stay but change places: of equally specific ones the first wins.
fn moved(old: &Document, new: &Document) -> Option<Change> {
    let ids = |document: &'_ Document, other: &'_ Document| -> Vec<String> {
        let there: BTreeSet<&str> = other.routes.iter().map(|route| route.id.as_str()).collect();
        let both = document.routes.iter().filter(|route| there.contains(route.id.as_str()));
        both.map(|route| route.id.clone()).collect()
    };
    let (before, after) = (ids(old, new), ids(new, old));
    (before != after).then(|| Change {
        kind: Kind::Moved,
        row: "order of the routes".to_owned(),
        fields: Vec::new(),
        touches: route_touches(),
    })
}

fn fields<T: Serialize>(old: &T, new: &T) -> Vec<FieldChange> {
    // Rows are plain structs with string keys: turning them into JSON cannot fail.
    let value = |row: &T| serde_json::to_value(row).unwrap_or_default();
    let mut changes = Vec::new();
    compare("", &value(old), &value(new), &mut changes);
    changes
}

fn compare(path: &str, old: &Value, new: &Value, changes: &mut Vec<FieldChange>) {
    if old == new {
        return;
    }
    if let (Value::Object(before), Value::Object(after)) = (old, new) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let of = |side: &serde_json::Map<String, Value>| side.get(name).cloned();
            let (old, new) = (of(before).unwrap_or_default(), of(after).unwrap_or_default());
            compare(&path, &old, &new, changes);
        }
        return;
    }
    changes.push(FieldChange { field: path.to_owned(), change: in_words(path, old, new) });
}

/// Longer lists are counted, not shown.
const SHOWN: usize = 5;

fn in_words(path: &str, old: &Value, new: &Value) -> String {
    if path.ends_with("password_hash") {
        return "changed".to_owned();
    }
    if let (Value::Array(before), Value::Array(after)) = (old, new)
        && before.len().max(after.len()) > SHOWN
    {
        let texts = |side: &[Value]| side.iter().map(Value::to_string).collect::<BTreeSet<_>>();
        let (before, after) = (texts(before), texts(after));
        let (gone, new) = (before.difference(&after).count(), after.difference(&before).count());
        return format!("{new} added, {gone} removed, {} now", after.len());
    }
    format!("{} → {}", shown(old), shown(new))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Object(fields) if fields.contains_key("password_hash") => "(an account)".to_owned(),
        other => other.to_string(),
    }
}

fn list(slots: &[u32]) -> String {
    slots.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
