//! Doubts on record, read from Kafka: the journals' *unknown* records and their copies on
//! `provider-events`.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context as _;
use domain::id::MessageId;
use simulator::check::{Doubt, Key, Outcome, Sent};
use wire::provider_events::ProviderEvent;
use wire::submit_journal::Body;
use wire::topics::{PROVIDER_EVENTS, SUBMIT_JOURNAL};

use crate::log::{self, Entry};

/// One submit whose fate is unknown: an intent of a slot's journal and the part that it was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recorded {
    slot: u32,
    intent: u64,
    message: MessageId,
    /// From 0.
    part: u16,
}

/// All that are on record, each once, wherever it stands.
///
/// # Errors
/// Kafka does not answer, or a record is none of its topic.
pub fn read(bootstrap: &str) -> anyhow::Result<BTreeSet<Recorded>> {
    let mut recorded = BTreeSet::new();
    for entry in log::read_all(bootstrap, SUBMIT_JOURNAL)? {
        recorded.extend(of_journal(&entry)?);
    }
    for entry in log::read_all(bootstrap, PROVIDER_EVENTS)? {
        recorded.extend(of_event(&entry)?);
    }
    Ok(recorded)
}

/// The doubts as the checker takes them: by the ids that the load was given.
#[must_use]
pub fn named(recorded: &BTreeSet<Recorded>, sent: &[Sent]) -> Vec<Doubt> {
    let ids = Ids::of(sent);
    recorded.iter().map(|doubt| Doubt::Part(ids.of_part(doubt.message, doubt.part))).collect()
}

fn of_journal(entry: &Entry) -> anyhow::Result<Vec<Recorded>> {
    let body = Body::decode(&entry.value).context(SUBMIT_JOURNAL)?;
    let Body::Unknown(unknown) = body else { return Ok(Vec::new()) };
    let slot = u32::try_from(entry.partition)?;
    let doubts = unknown.parts.iter().map(|doubt| Recorded {
        slot,
        intent: doubt.intent,
        message: MessageId::from(doubt.part.message),
        part: doubt.part.at.part,
    });
    Ok(doubts.collect())
}

fn of_event(entry: &Entry) -> anyhow::Result<Option<Recorded>> {
    let event: ProviderEvent = wire::decode(&entry.value).context(PROVIDER_EVENTS)?;
    let ProviderEvent::Doubt(doubt) = event else { return Ok(None) };
    let (slot, intent, message, part) = (doubt.slot, doubt.intent, doubt.message, doubt.part);
    Ok(Some(Recorded { slot, intent, message, part }))
}

/// What the load was given as ids, found by message and part.
struct Ids<'a> {
    by_key: HashMap<Key, &'a str>,
    /// A message's id is its first part's.
    numbers: HashMap<MessageId, u64>,
}

impl<'a> Ids<'a> {
    fn of(sent: &'a [Sent]) -> Self {
        let (mut by_key, mut numbers) = (HashMap::new(), HashMap::new());
        for one in sent {
            let Outcome::Acknowledged(id) = &one.outcome else { continue };
            by_key.insert((one.number, one.part), id.as_str());
            if let (1, Ok(message)) = (one.part, id.parse::<MessageId>()) {
                numbers.insert(message, one.number);
            }
        }
        Self { by_key, numbers }
    }

    /// The id of a part (from 0). What the load never learnt gets a name that it cannot know either.
    fn of_part(&self, message: MessageId, part: u16) -> String {
        let key = self.numbers.get(&message).zip(u8::try_from(part.saturating_add(1)).ok());
        let id = key.and_then(|(number, part)| self.by_key.get(&(*number, part)));
        id.map_or_else(|| format!("{message} part {part}"), |id| (*id).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "0192f000-0000-7000-8000-000000000001";
    const SECOND: &str = "0192f000-0000-7000-8000-000000000002";

    fn entry(value: &str) -> Entry {
        Entry { partition: 3, offset: 9, key: Vec::new(), value: value.as_bytes().to_vec() }
    }

    fn event() -> Entry {
        entry(&format!(
            r#"{{"kind":"doubt","v":1,"provider":"alpha","message":"{FIRST}","part":1,"attempt":0,
                "slot":3,"intent":7,"held":false,"at_ms":1}}"#
        ))
    }

    fn journalled() -> Entry {
        use wire::submit_journal::{At, Doubt, Part, PartAt, Unknown};
        let at = PartAt { at: At { priority: 1, offset: 5 }, part: 1 };
        let message = uuid_of(FIRST);
        let part = Part { at, message, attempt: 0 };
        let unknown = Unknown { hold: false, parts: vec![Doubt { intent: 7, part }] };
        let value = Body::Unknown(unknown).encode().unwrap();
        Entry { partition: 3, offset: 9, key: Vec::new(), value }
    }

    /// Any type that serde reads from an id will do: the journal's own is not a dependency here.
    fn uuid_of<T: serde::de::DeserializeOwned>(id: &str) -> T {
        serde_json::from_value(id.into()).unwrap()
    }

    fn sent(part: u8, outcome: Outcome) -> Sent {
        Sent { number: 4, part, parts: 2, outcome }
    }

    #[test]
    fn a_doubt_in_the_journal_and_its_event_are_one() {
        let mut recorded: BTreeSet<_> = of_journal(&journalled()).unwrap().into_iter().collect();
        recorded.extend(of_event(&event()).unwrap());
        assert_eq!(recorded.len(), 1);
    }

    #[test]
    fn a_doubt_is_named_by_the_id_that_the_load_was_given_for_that_part() {
        let recorded: BTreeSet<_> = of_event(&event()).unwrap().into_iter().collect();
        let both = [
            sent(1, Outcome::Acknowledged(FIRST.into())),
            sent(2, Outcome::Acknowledged(SECOND.into())),
        ];
        assert_eq!(named(&recorded, &both), [Doubt::Part(SECOND.into())]);
    }

    #[test]
    fn a_doubt_of_what_the_load_never_learnt_names_none_of_its_ids() {
        let recorded: BTreeSet<_> = of_event(&event()).unwrap().into_iter().collect();
        let first_only =
            [sent(1, Outcome::Acknowledged(FIRST.into())), sent(2, Outcome::Unanswered)];
        let named = named(&recorded, &first_only);
        assert_eq!(named.len(), 1);
        assert!(!named.contains(&Doubt::Part(FIRST.into())));
    }

    #[test]
    fn other_records_are_no_doubts_and_broken_ones_are_errors() {
        let takeover = entry(std::str::from_utf8(&Body::Takeover.encode().unwrap()).unwrap());
        assert_eq!(of_journal(&takeover).unwrap(), []);
        assert!(of_journal(&entry("{}")).is_err());
        assert!(of_event(&entry("{}")).is_err());
    }
}
