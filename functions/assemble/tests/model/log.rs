//! A parts topic with one key, written as a line of text, and what it must come to.
//!
//! `A1 B2` are parts of messages A and B, `a1` is the customer's resend of A1 under another id, a
//! second `A1` the same record once more. `<` lets the next part come just before the first one's
//! deadline, `|` just at it, `>` after the deadline has fired.

use std::collections::{BTreeMap, BTreeSet};

use assemble::closing::CLOCKS_DIFFER_MS;
use assemble::held::{Held, Source};
use assemble::join::Settings;
use assemble::records::Record;
use domain::address::Address;
use domain::id::PartId;
use domain::message::{Concatenation, Envelope, Part, Priority, ReferenceKind};
use domain::octets::Octets;
use wire::V;
use wire::customer_incoming::IncomingPart;
use wire::provider_incoming::{HandsetEnvelope, ProviderPart};

pub(crate) const START_MS: u64 = 1_760_000_000_000;

/// A record of the log.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) part: Held,
}

/// The log and the moments at which something changes: an append, or a deadline that gets ripe.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) text: String,
    /// Whose parts they are.
    pub(crate) source: Source,
    /// Their part key.
    pub(crate) key: String,
    pub(crate) total: u8,
    pub(crate) entries: Vec<Entry>,
    pub(crate) instants_ms: Vec<u64>,
    pub(crate) settings: Settings,
}

/// What became of every part: the messages by their ids, and the parts that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Outcome {
    /// Message id → its parts in order, each with its aliases.
    pub(crate) whole: BTreeMap<PartId, Vec<(PartId, Vec<PartId>)>>,
    /// Parts that the customer was told to have failed; of a handset's, that were passed on in an
    /// incomplete message.
    pub(crate) failed: BTreeSet<PartId>,
}

impl Log {
    pub(crate) fn parse(text: &str, total: u8, source: Source) -> Self {
        let settings = Settings::default();
        let mut at_ms = START_MS;
        let mut entries = Vec::new();
        for word in text.split_whitespace() {
            match word {
                "<" => at_ms = START_MS + settings.patience_ms - 1,
                "|" => at_ms = START_MS + settings.patience_ms,
                ">" => at_ms += settings.patience_ms + CLOCKS_DIFFER_MS + 1,
                word => {
                    let part = held(source, part(word, total));
                    entries.push(entry(source, entries.len(), at_ms, part));
                    at_ms += 1;
                }
            }
        }
        let instants_ms = instants(&entries, &settings);
        let key = entries.first().map(|entry| entry.part.key()).unwrap_or_default();
        Self { text: text.to_owned(), source, key, total, entries, instants_ms, settings }
    }

    /// How many records are there at `now_ms`.
    pub(crate) fn len_at(&self, now_ms: u64) -> usize {
        self.entries.iter().filter(|entry| entry.record.append_ms <= now_ms).count()
    }

    /// Where the records since `time_ms` begin; the end of what is there now, if there are none.
    pub(crate) fn first_since(&self, time_ms: u64, now_ms: u64) -> usize {
        let there = self.len_at(now_ms);
        let first = |entry: &Entry| entry.record.append_ms >= time_ms;
        self.entries[..there].iter().position(first).unwrap_or(there)
    }

    /// The rule of section 5 again, in the plainest way: one part after the other, nothing else
    /// going on. The real thing must come to the same whatever happens.
    pub(crate) fn expected(&self) -> Outcome {
        struct Open {
            until_ms: u64,
            parts: BTreeMap<u8, (Vec<u8>, PartId, Vec<PartId>)>,
        }
        let mut seen = BTreeSet::new();
        let mut open: Vec<Open> = Vec::new();
        let mut outcome = Outcome::default();
        for Entry { record, part } in &self.entries {
            if !seen.insert(part.id()) {
                continue;
            }
            let index = part.concatenation().index;
            let octets = &part.part().octets.0;
            let fits = |open: &Open| {
                record.append_ms < open.until_ms
                    && open.parts.get(&index).is_none_or(|(held, ..)| held == octets)
            };
            let place = open.iter().position(fits).unwrap_or_else(|| {
                let until_ms = record.append_ms + self.settings.patience_ms;
                open.push(Open { until_ms, parts: BTreeMap::new() });
                open.len() - 1
            });
            let parts = &mut open[place].parts;
            match parts.get_mut(&index) {
                Some((_, _, aliases)) => aliases.push(part.id()),
                None => {
                    parts.insert(index, (octets.clone(), part.id(), Vec::new()));
                }
            }
            if parts.len() == usize::from(self.total) {
                let parts = open.remove(place).parts;
                let listed: Vec<_> =
                    parts.into_values().map(|(_, id, aliases)| (id, aliases)).collect();
                outcome.whole.insert(listed[0].0, listed);
            }
        }
        for (_, id, aliases) in open.into_iter().flat_map(|open| open.parts.into_values()) {
            outcome.failed.insert(id);
            outcome.failed.extend(aliases);
        }
        outcome
    }
}

fn entry(source: Source, offset: usize, append_ms: u64, part: Held) -> Entry {
    let record = Record {
        topic: source.topic().into(),
        partition: 0,
        offset: i64::try_from(offset).unwrap(),
        append_ms,
        key: Octets::default(),
        value: Octets(wire::encode(&part)),
    };
    Entry { record, part }
}

/// The same part, from whom it is.
fn held(source: Source, part: IncomingPart) -> Held {
    let IncomingPart { v, envelope, concatenation, part } = part;
    match source {
        Source::Customers => Held::Customer(IncomingPart { v, envelope, concatenation, part }),
        Source::Handsets => {
            let envelope = HandsetEnvelope {
                provider: "alpha".into(),
                source: envelope.source,
                destination: envelope.destination,
                service: envelope.service,
                pid: envelope.pid,
                esm: envelope.esm,
                coding: envelope.coding,
                arrived_ms: envelope.accepted_ms,
                config: envelope.config,
            };
            Held::Handset(ProviderPart { v, envelope, concatenation, part })
        }
    }
}

/// `A2`: message A, index 2. A small letter: the same content under another id.
fn part(word: &str, total: u8) -> IncomingPart {
    let letter = word.as_bytes()[0];
    let index = word.as_bytes()[1] - b'0';
    let message = letter.to_ascii_uppercase();
    let address = |number: &str| Address { ton: 1, npi: 1, number: number.into() };
    IncomingPart {
        v: V,
        envelope: Envelope {
            customer: "acme".into(),
            source: address("4670"),
            destination: address("4671"),
            service: String::new(),
            pid: 0,
            esm: 0,
            coding: 0,
            priority: Priority::Normal,
            accepted_ms: START_MS,
            valid_until_ms: START_MS + 86_400_000,
            schedule_ms: None,
            config: 1,
        },
        concatenation: Concatenation { kind: ReferenceKind::Udh8, reference: 7, total, index },
        part: Part {
            // The first octets hold the version and variant of a UUID: a and A would be one.
            id: PartId::new(START_MS, [0, 0, 0, letter, index, 0, 0, 0, 0, 0]),
            aliases: Vec::new(),
            octets: Octets(vec![message, index]),
            udh: Octets::default(),
            receipt: 1,
        },
    }
}

/// Appends, and ripe deadlines; of those that no append lies between only the last one.
fn instants(entries: &[Entry], settings: &Settings) -> Vec<u64> {
    let appends: BTreeSet<u64> = entries.iter().map(|entry| entry.record.append_ms).collect();
    let ripe = |append_ms: &u64| append_ms + settings.patience_ms + CLOCKS_DIFFER_MS;
    let ripe: BTreeSet<u64> = appends.iter().map(ripe).collect();
    let next_append = |ripe_ms: u64| appends.range(ripe_ms..).next().copied();
    let last = |ripe_ms: &&u64| {
        let next_ripe = ripe.range(**ripe_ms + 1..).next().copied();
        next_ripe.is_none_or(|next| next_append(**ripe_ms).is_some_and(|append| append <= next))
    };
    let ripe: BTreeSet<u64> = ripe.iter().filter(last).copied().collect();
    appends.union(&ripe).copied().collect()
}
