//! Which generation a part belongs to, and what becomes whole by it (design, section 5).
//!
//! The outcome depends on the log alone: on the order of the parts and on the times at which the
//! broker appended them. So neither the borders of batches nor a second run change it.

use domain::message::Message;
use wire::V;
use wire::customer_incoming::{IncomingMessage, IncomingPart};

use crate::held::{Held, handset_message};
use crate::item::{Generation, Item};
use crate::output::Output;

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// From the first part of a message to the deadline for its others, milliseconds.
    pub patience_ms: u64,
    /// How long finished ids are known, milliseconds: longer than Kafka keeps the parts.
    pub keep_ms: u64,
    /// Open parts of one key take at most this, in octets of the item (DynamoDB: 400 KB an item).
    pub open_octets_max: usize,
    /// Ids of finished parts that one item keeps at most.
    pub finished_ids_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            patience_ms: 5 * 60 * 1000,
            keep_ms: 21 * 24 * 3_600 * 1000,
            open_octets_max: 280_000,
            finished_ids_max: 4_096,
        }
    }
}

/// A part as it was read from the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// Partition of the parts topic.
    pub partition: i32,
    /// When the broker appended it, Unix milliseconds.
    pub append_ms: u64,
    /// The part.
    pub part: Held,
}

/// When a generation is due, and where its parts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Unix milliseconds.
    pub due_ms: u64,
    /// Partition of the parts topic.
    pub partition: i32,
}

/// What the arrival of some parts leads to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Joined {
    /// The item after it.
    pub item: Item,
    /// False if all parts were known: nothing is to be done.
    pub changed: bool,
    /// What became whole, in the order of the log, as it is published.
    pub whole: Vec<Output>,
    /// Deadlines of generations that were opened here and stay open.
    pub deadlines: Vec<Deadline>,
    /// Places in the input of parts that the item has no room for.
    pub refused: Vec<usize>,
}

/// Joins `arrived`, all of one key and in the order of their offsets, to what is known.
#[must_use]
pub fn join(item: &Item, arrived: &[Arrived], settings: &Settings) -> Joined {
    let mut joined = Joined { item: item.clone(), ..Joined::default() };
    for (place, part) in arrived.iter().enumerate() {
        if joined.item.knows(part.part.id()) {
            continue;
        }
        match accept(&mut joined.item, part, settings) {
            Some(generation) => {
                joined.changed = true;
                joined.whole.extend(finish(&mut joined.item, generation, part.append_ms));
            }
            None => joined.refused.push(place),
        }
    }
    if joined.changed {
        let latest_ms = arrived.last().map_or(0, |part| part.append_ms);
        forget(&mut joined.item, latest_ms, settings);
    }
    joined.deadlines = opened(item, &joined.item);
    joined
}

/// Puts the part where it belongs and tells the place of that generation; none if there is no room.
fn accept(item: &mut Item, arrived: &Arrived, settings: &Settings) -> Option<usize> {
    let oldest = item.open.iter().position(|generation| can_join(generation, arrived));
    let completes = oldest.is_some_and(|place| completes(&item.open[place], &arrived.part));
    if !completes && weight(item) + part_weight(&arrived.part) > settings.open_octets_max {
        return None;
    }
    let place = oldest.unwrap_or_else(|| {
        let deadline_ms = arrived.append_ms + settings.patience_ms;
        item.open.push(Generation { deadline_ms, partition: arrived.partition, parts: Vec::new() });
        item.open.len() - 1
    });
    let generation = &mut item.open[place];
    match same_index(generation, &arrived.part) {
        Some(held) => {
            let id = arrived.part.id();
            generation.parts[held].part_mut().aliases.push(id);
        }
        None => generation.parts.push(arrived.part.clone()),
    }
    Some(place)
}

/// In time, and its index is free or holds the same content: the customer's resend.
fn can_join(generation: &Generation, arrived: &Arrived) -> bool {
    arrived.append_ms < generation.deadline_ms
        && same_index(generation, &arrived.part)
            .is_none_or(|held| same_content(&generation.parts[held], &arrived.part))
}

/// It is the last one missing: the generation leaves the item, and makes room.
fn completes(generation: &Generation, part: &Held) -> bool {
    generation.parts.len() + 1 == usize::from(part.concatenation().total)
        && same_index(generation, part).is_none()
}

fn same_index(generation: &Generation, part: &Held) -> Option<usize> {
    let index = part.concatenation().index;
    generation.parts.iter().position(|held| held.concatenation().index == index)
}

fn same_content(held: &Held, part: &Held) -> bool {
    held.part().octets == part.part().octets
        && held.part().udh == part.part().udh
        && held.coding() == part.coding()
}

/// If nothing is missing in the generation, its message; its ids stay.
fn finish(item: &mut Item, place: usize, at_ms: u64) -> Option<Output> {
    if !item.open[place].is_whole() {
        return None;
    }
    let generation = item.open.remove(place);
    item.finished.push(generation.finished(at_ms));
    whole(generation, at_ms)
}

/// The message of a generation that misses nothing; its id and envelope are those of index 1.
fn whole(generation: Generation, at_ms: u64) -> Option<Output> {
    let of_customer = |held: Held| match held {
        Held::Customer(part) => Some(part),
        Held::Handset(_) => None,
    };
    // The parts of one key are all of one kind.
    match handset_message(&generation.parts) {
        Some(message) => Some(Output::Handset(message)),
        None => customers(generation.parts.into_iter().filter_map(of_customer).collect(), at_ms),
    }
}

fn customers(mut parts: Vec<IncomingPart>, at_ms: u64) -> Option<Output> {
    parts.sort_by_key(|held| held.concatenation.index);
    let first = parts.first()?;
    let message = Message {
        id: first.part.id.into(),
        envelope: first.envelope.clone(),
        split: Some(first.concatenation.kind),
        attempt: 0,
        attempt_ms: at_ms,
        tried: Vec::new(),
        parts: parts.into_iter().map(|held| held.part).collect(),
    };
    Some(Output::Message(IncomingMessage { v: V, message }))
}

/// Forgets ids that no replay can bring back any more, and the oldest where there are too many.
fn forget(item: &mut Item, now_ms: u64, settings: &Settings) {
    item.finished.retain(|finished| finished.at_ms + settings.keep_ms >= now_ms);
    let mut ids: usize = item.finished.iter().map(|finished| finished.ids.len()).sum();
    while ids > settings.finished_ids_max && item.finished.len() > 1 {
        ids -= item.finished.remove(0).ids.len();
    }
}

/// Deadlines of generations that `after` has and `before` has not.
fn opened(before: &Item, after: &Item) -> Vec<Deadline> {
    let is_new = |generation: &&Generation| {
        generation.parts.first().is_some_and(|opener| !before.knows(opener.id()))
    };
    let deadline = |generation: &Generation| Deadline {
        due_ms: generation.deadline_ms,
        partition: generation.partition,
    };
    after.open.iter().filter(is_new).map(deadline).collect()
}

/// What open and closed parts take in the item, in octets: estimated, from above.
fn weight(item: &Item) -> usize {
    let parts = |generation: &Generation| generation.parts.iter().map(part_weight).sum::<usize>();
    item.open.iter().chain(&item.closed).map(parts).sum()
}

fn part_weight(held: &Held) -> usize {
    /// Names of the fields, ids, numbers.
    const FIXED: usize = 640;
    const ALIAS: usize = 40;
    let part = held.part();
    let base64 = (part.octets.0.len() + part.udh.0.len()).div_ceil(3) * 4;
    FIXED + base64 + ALIAS * part.aliases.len() + held.envelope_octets()
}
