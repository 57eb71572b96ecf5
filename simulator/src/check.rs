//! What was acknowledged, what arrived and what is on record as doubt: do they agree?
//!
//! The promise under test: a message that was acknowledged arrives; it arrives more than once only
//! as often as a doubt names it. A message that got no answer may arrive once or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

/// A part of a load message: its number, and which part (from 1).
pub type Key = (u64, u8);

/// What became of one submit of the load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub number: u64,
    pub part: u8,
    pub parts: u8,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With the id that the gateway gave to this part.
    Acknowledged(String),
    /// With this `command_status`, for good.
    Refused(u32),
    /// Written, or perhaps written, and never answered.
    Unanswered,
}

impl Sent {
    /// Reads a load's file of outcomes: a line of JSON each. Errors: a line that is none.
    pub fn from_lines(lines: &str) -> serde_json::Result<Vec<Self>> {
        lines.lines().map(serde_json::from_str).collect()
    }
}

/// One recorded *unknown*. Several may name the same part: each allows one more copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// One part, by the id that the gateway gave to it.
    Part(String),
    /// Every part of a message, by the message's id, which is its first part's.
    Message(String),
}

/// Where the three do not agree. Only [`lost`](Self::lost),
/// [`doubled_without_doubt`](Self::doubled_without_doubt) and [`unexpected`](Self::unexpected)
/// break the promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub acknowledged: u64,
    pub unanswered: u64,
    /// Parts that arrived at least once.
    pub arrived: u64,
    /// Acknowledged, never arrived.
    pub lost: Vec<Key>,
    /// Arrived more often than once and once for each doubt: with how often it arrived.
    pub doubled_without_doubt: Vec<(Key, u32)>,
    pub doubled_with_doubt: Vec<(Key, u32)>,
    /// Arrived though refused, or never sent.
    pub unexpected: Vec<(Key, u32)>,
}

impl Report {
    pub fn promise_is_kept(&self) -> bool {
        self.lost.is_empty() && self.doubled_without_doubt.is_empty() && self.unexpected.is_empty()
    }
}

/// Compares. A part that was submitted more than once (resent after a refusal) counts by its best
/// outcome: acknowledged, else unanswered, else refused.
///
/// The id of what was never answered is not known to the load. A doubt that names an id which the
/// load does not know can only be of such a part, and excuses one copy of one of them.
pub fn check(sent: &[Sent], arrivals: &BTreeMap<Key, u32>, doubts: &[Doubt]) -> Report {
    let outcomes = Outcomes::of(sent);
    let mut doubts = Doubts::of(doubts, &outcomes);
    let mut report = Report {
        acknowledged: outcomes.ids.len() as u64,
        unanswered: outcomes.unanswered.len() as u64,
        ..Report::default()
    };
    for (key, times) in arrivals.iter().filter(|(_, times)| **times > 0) {
        report.arrived += 1;
        if !outcomes.knows(key) {
            report.unexpected.push((*key, *times));
        } else if *times > 1 && doubts.excuse(*key, u64::from(*times) - 1, &outcomes) {
            report.doubled_with_doubt.push((*key, *times));
        } else if *times > 1 {
            report.doubled_without_doubt.push((*key, *times));
        }
    }
    let arrived = |key: &&Key| arrivals.get(*key).is_some_and(|times| *times > 0);
    report.lost = outcomes.ids.keys().filter(|key| !arrived(key)).copied().collect();
    report
}

struct Outcomes<'a> {
    /// The ids of what was acknowledged.
    ids: BTreeMap<Key, &'a str>,
    unanswered: BTreeSet<Key>,
}

impl<'a> Outcomes<'a> {
    fn of(sent: &'a [Sent]) -> Self {
        let mut ids = BTreeMap::new();
        let mut unanswered = BTreeSet::new();
        for Sent { number, part, outcome, .. } in sent {
            match outcome {
                Outcome::Acknowledged(id) => drop(ids.insert((*number, *part), id.as_str())),
                Outcome::Unanswered => drop(unanswered.insert((*number, *part))),
                Outcome::Refused(_) => {}
            }
        }
        unanswered.retain(|key| !ids.contains_key(key));
        Self { ids, unanswered }
    }

    fn knows(&self, key: &Key) -> bool {
        self.ids.contains_key(key) || self.unanswered.contains(key)
    }
}

struct Doubts<'a> {
    counts: HashMap<&'a Doubt, u64>,
    /// Those of ids that the load does not know, not used up yet.
    of_unknown: u64,
}

impl<'a> Doubts<'a> {
    fn of(doubts: &'a [Doubt], outcomes: &Outcomes<'_>) -> Self {
        let known: HashSet<&str> = outcomes.ids.values().copied().collect();
        let mut counts = HashMap::new();
        let mut of_unknown = 0;
        for doubt in doubts {
            let (Doubt::Part(id) | Doubt::Message(id)) = doubt;
            if known.contains(id.as_str()) {
                *counts.entry(doubt).or_insert(0) += 1;
            } else {
                of_unknown += 1;
            }
        }
        Self { counts, of_unknown }
    }

    /// Whether doubts allow for `copies` more than one of this part.
    fn excuse(&mut self, key: Key, copies: u64, outcomes: &Outcomes<'_>) -> bool {
        let count = |doubt: Doubt| self.counts.get(&doubt).copied().unwrap_or(0);
        let id = |part| outcomes.ids.get(&(key.0, part)).map(|id| (*id).to_owned());
        let named = id(key.1).map_or(0, |id| count(Doubt::Part(id)))
            + id(1).map_or(0, |id| count(Doubt::Message(id)));
        if outcomes.ids.contains_key(&key) {
            return copies <= named;
        }
        let missing = copies.saturating_sub(named);
        let excused = missing <= self.of_unknown;
        self.of_unknown -= if excused { missing } else { 0 };
        excused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(number: u64, part: u8, outcome: Outcome) -> Sent {
        Sent { number, part, parts: 2, outcome }
    }

    fn acknowledged(number: u64, part: u8) -> Sent {
        sent(number, part, Outcome::Acknowledged(format!("id-{number}-{part}")))
    }

    fn all_once(sent: &[Sent]) -> BTreeMap<Key, u32> {
        sent.iter().map(|sent| ((sent.number, sent.part), 1)).collect()
    }

    fn ten_messages() -> Vec<Sent> {
        (0..10).flat_map(|number| [acknowledged(number, 1), acknowledged(number, 2)]).collect()
    }

    #[test]
    fn what_arrives_once_keeps_the_promise() {
        let sent = ten_messages();
        let report = check(&sent, &all_once(&sent), &[]);
        assert!(report.promise_is_kept());
        assert_eq!((report.acknowledged, report.arrived), (20, 20));
    }

    #[test]
    fn a_planted_loss_is_found() {
        let sent = ten_messages();
        let mut arrivals = all_once(&sent);
        arrivals.remove(&(3, 2));
        arrivals.insert((7, 1), 0);
        let report = check(&sent, &arrivals, &[]);
        assert_eq!(report.lost, [(3, 2), (7, 1)]);
        assert!(!report.promise_is_kept());
    }

    #[test]
    fn a_doubt_excuses_a_copy_but_never_a_loss() {
        let sent = ten_messages();
        let mut arrivals = all_once(&sent);
        arrivals.remove(&(3, 2));
        let report = check(&sent, &arrivals, &[Doubt::Part("id-3-2".into())]);
        assert_eq!(report.lost, [(3, 2)]);
    }

    #[test]
    fn a_planted_doubling_without_a_doubt_is_found() {
        let sent = ten_messages();
        let mut arrivals = all_once(&sent);
        arrivals.insert((5, 1), 2);
        // A doubt of the other part does not excuse it.
        let report = check(&sent, &arrivals, &[Doubt::Part("id-5-2".into())]);
        assert_eq!(report.doubled_without_doubt, [((5, 1), 2)]);
        assert!(!report.promise_is_kept());
    }

    #[test]
    fn each_doubt_excuses_one_copy_and_no_more() {
        let sent = ten_messages();
        let mut arrivals = all_once(&sent);
        arrivals.insert((5, 1), 3);
        let doubt = Doubt::Part("id-5-1".to_owned());
        let one = check(&sent, &arrivals, std::slice::from_ref(&doubt));
        assert_eq!(one.doubled_without_doubt, [((5, 1), 3)]);
        let two = check(&sent, &arrivals, &[doubt.clone(), doubt]);
        assert_eq!(two.doubled_with_doubt, [((5, 1), 3)]);
        assert!(two.promise_is_kept());
    }

    #[test]
    fn a_doubt_of_a_message_covers_its_parts() {
        let sent = ten_messages();
        let mut arrivals = all_once(&sent);
        arrivals.insert((5, 2), 2);
        let report = check(&sent, &arrivals, &[Doubt::Message("id-5-1".into())]);
        assert_eq!(report.doubled_with_doubt, [((5, 2), 2)]);
        // A message's id is its first part's: an id of another part is no message.
        let report = check(&sent, &arrivals, &[Doubt::Message("id-5-2".into())]);
        assert_eq!(report.doubled_without_doubt, [((5, 2), 2)]);
    }

    #[test]
    fn what_got_no_answer_may_arrive_once_or_not_at_all() {
        let sent = [sent(1, 1, Outcome::Unanswered), sent(2, 1, Outcome::Unanswered)];
        let report = check(&sent, &BTreeMap::from([((1, 1), 1)]), &[]);
        assert!(report.promise_is_kept());
        assert_eq!(report.unanswered, 2);
        let twice = check(&sent, &BTreeMap::from([((1, 1), 2)]), &[]);
        assert_eq!(twice.doubled_without_doubt, [((1, 1), 2)]);
    }

    #[test]
    fn a_doubt_of_an_id_the_load_never_learnt_excuses_one_unanswered_copy() {
        let sent =
            [sent(1, 1, Outcome::Unanswered), sent(2, 1, Outcome::Unanswered), acknowledged(3, 1)];
        let arrivals = BTreeMap::from([((1, 1), 2), ((2, 1), 2), ((3, 1), 2)]);
        let report = check(&sent, &arrivals, &[Doubt::Part("never-learnt".into())]);
        assert_eq!(report.doubled_with_doubt, [((1, 1), 2)]);
        assert_eq!(report.doubled_without_doubt, [((2, 1), 2), ((3, 1), 2)]);
    }

    #[test]
    fn what_was_refused_or_never_sent_must_not_arrive() {
        let sent = [sent(1, 1, Outcome::Refused(0x58)), acknowledged(2, 1)];
        let arrivals = BTreeMap::from([((1, 1), 1), ((2, 1), 1), ((3, 1), 1)]);
        let report = check(&sent, &arrivals, &[]);
        assert_eq!(report.unexpected, [((1, 1), 1), ((3, 1), 1)]);
        assert!(!report.promise_is_kept());
    }

    #[test]
    fn a_part_that_was_resent_after_a_refusal_counts_as_acknowledged() {
        let sent = [sent(1, 1, Outcome::Refused(0x58)), acknowledged(1, 1)];
        let report = check(&sent, &BTreeMap::from([((1, 1), 1)]), &[]);
        assert!(report.promise_is_kept());
        assert_eq!(check(&sent, &BTreeMap::new(), &[]).lost, [(1, 1)]);
    }

    #[test]
    fn the_loads_lines_are_read_back() {
        let line = r#"{"number":7,"part":1,"parts":1,"acknowledged":"0192f"}"#;
        let read = Sent::from_lines(line).unwrap().remove(0);
        assert_eq!(read.outcome, Outcome::Acknowledged("0192f".into()));
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
        let line = r#"{"number":7,"part":1,"parts":1,"refused":88}"#;
        assert_eq!(serde_json::from_str::<Sent>(line).unwrap().outcome, Outcome::Refused(88));
        let unanswered = sent(7, 1, Outcome::Unanswered);
        let line = serde_json::to_string(&unanswered).unwrap();
        assert_eq!(line, r#"{"number":7,"part":1,"parts":2,"unanswered":null}"#);
    }
}
