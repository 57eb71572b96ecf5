//! How an item of table `assemblies` is written.
//!
//! | attribute | holds |
//! |---|---|
//! | `key` | the part key |
//! | `version`, `writer` | count of writes; who made the last one |
//! | `v` | version of this form |
//! | `state` | open and closed generations as JSON; left out without any |
//! | `finished` | finished ids: per generation its end (8 octets), the number (2) and the ids (16 each), big-endian |
//! | `due_hour`, `due_at` | sparse index: the earliest deadline; left out without any |
//! | `ttl` | Unix seconds after which it may go; only if nothing is open |

use anyhow::Context as _;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::PartId;
use uuid::Uuid;
use wire::assembly_deadlines::due_hour;

use crate::item::{Finished, Item};
use crate::run::{Put, Stored};

/// Version of the form.
const FORM: &str = "1";

/// Attributes of an item.
pub(super) use platform::attributes::Attributes;

/// The attributes of a write. `keep_ms` after its last end a finished item may go.
pub(super) fn encode(put: &Put, writer: &str, keep_ms: u64) -> anyhow::Result<Attributes> {
    let item = &put.item;
    let mut attributes = Attributes::from([
        ("key".to_owned(), AttributeValue::S(put.key.clone())),
        ("version".to_owned(), number(put.read_version + 1)),
        ("writer".to_owned(), AttributeValue::S(writer.to_owned())),
        ("v".to_owned(), AttributeValue::N(FORM.to_owned())),
    ]);
    if !item.finished.is_empty() {
        let octets = AttributeValue::B(Blob::new(encode_finished(&item.finished)?));
        attributes.insert("finished".to_owned(), octets);
    }
    match item.due_ms() {
        Some(due_ms) => {
            let state = serde_json::to_string(item).context("an assembly cannot be written")?;
            attributes.insert("state".to_owned(), AttributeValue::S(state));
            attributes.insert("due_hour".to_owned(), AttributeValue::S(due_hour(due_ms)));
            attributes.insert("due_at".to_owned(), number(due_ms));
        }
        None => {
            let ttl_s = item.finished_ms().unwrap_or_default().saturating_add(keep_ms) / 1000;
            attributes.insert("ttl".to_owned(), number(ttl_s));
        }
    }
    Ok(attributes)
}

/// Key and content of an item that was read.
pub(super) fn decode(mut attributes: Attributes) -> anyhow::Result<(String, Stored)> {
    let form = attributes.get("v").and_then(|value| value.as_n().ok());
    anyhow::ensure!(form.map(String::as_str) == Some(FORM), "an assembly in an unknown form");
    let version = attributes.get("version").and_then(|value| value.as_n().ok());
    let version = version.context("an assembly without a version")?.parse()?;
    let mut item: Item = match attributes.get("state").and_then(|value| value.as_s().ok()) {
        // serde_json's message may show content: only the place is told.
        Some(state) => serde_json::from_str(state)
            .map_err(|error| anyhow::anyhow!("a broken assembly (column {})", error.column()))?,
        None => Item::default(),
    };
    if let Some(Ok(octets)) = attributes.get("finished").map(AttributeValue::as_b) {
        item.finished = decode_finished(octets.as_ref())?;
    }
    match attributes.remove("key") {
        Some(AttributeValue::S(key)) => Ok((key, Stored { version, item })),
        _ => anyhow::bail!("an assembly without a key"),
    }
}

/// An attribute of type number.
pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn encode_finished(generations: &[Finished]) -> anyhow::Result<Vec<u8>> {
    let mut octets = Vec::with_capacity(generations.len() * 64);
    for finished in generations {
        octets.extend_from_slice(&finished.at_ms.to_be_bytes());
        octets.extend_from_slice(&u16::try_from(finished.ids.len())?.to_be_bytes());
        for id in &finished.ids {
            octets.extend_from_slice(&id.as_u128().to_be_bytes());
        }
    }
    Ok(octets)
}

fn decode_finished(mut octets: &[u8]) -> anyhow::Result<Vec<Finished>> {
    let mut generations = Vec::new();
    while !octets.is_empty() {
        let at_ms = u64::from_be_bytes(take(&mut octets)?);
        let count = u16::from_be_bytes(take(&mut octets)?);
        let id = |_| anyhow::Ok(PartId::from(Uuid::from_bytes(take(&mut octets)?)));
        let ids = (0..count).map(id).collect::<anyhow::Result<_>>()?;
        generations.push(Finished { at_ms, ids });
    }
    Ok(generations)
}

fn take<const N: usize>(octets: &mut &[u8]) -> anyhow::Result<[u8; N]> {
    let (first, rest) = octets.split_first_chunk::<N>().context("finished ids are cut off")?;
    *octets = rest;
    Ok(*first)
}
