//! The join of results and receipts, as a state machine (design, section 7).
//!
//! **Append, then look; look, append, and look again.** A result is appended and then receipts that
//! wait are looked for; a receipt whose result is not there is appended and its result is looked for
//! once more. Reads are consistent, so whoever comes second sees the other. What is found is told
//! again at each run: under the same ids.
//!
//! Both looks are batch reads of items with fixed names, or they would cost a query for each message:
//! - The first result under a key has a fixed name. Only results that come later under the same key
//!   (the provider uses its ids again) have names of their own, and a mark says that there are some.
//!   Which is the first is read before the append: all records of a key are in one partition, so that
//!   nobody appends another first one meanwhile; a run that repeats this one appends the same.
//! - Results under one key are appended one after the other, in the order of the log: whoever sees one
//!   sees those before it. Otherwise a receipt that fits two might see the wrong one alone.
//! - A mark says that receipts wait under a key. In which order receipt and mark are written does not
//!   matter: both are, before the second look.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use domain::config::{ReceiptSettings, ReceiptsByProvider, receipts_of};
use domain::id::PartId;
use domain::receipts::{Decision, decide_each, fits};
use platform::correlations::{self, Item};
use platform::function::{Outputs, Place, Shell};
use wire::correlations::{MORE, RESULT, WAITING, WaitingReceipt};
use wire::provider_events::{ProviderReceipt, SubmitResult};
use wire::topics::PROVIDER_EVENTS;

use crate::key::{Key, place};

/// What is to be done next; the machine goes on when it is told that it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Read these items consistently, then [`Run::found`].
    Get(Vec<correlations::Place>),
    /// Read all items under these keys consistently, then [`Run::found`].
    Query(Vec<String>),
    /// Write these, in whatever order, then [`Run::written`].
    Put(Vec<Item>),
    /// Load these configuration versions, then [`Run::configured`] for each.
    Configure(BTreeSet<u64>),
    /// Done: [`Run::joined`].
    Done,
}

/// Runs pure code over the record at a place; an error says why the record is poison.
pub trait Guard {
    /// Runs `pure`.
    ///
    /// # Errors
    /// It failed, panicked, or was stuck here before.
    fn pure<T>(
        &self,
        place: Place<'_>,
        pure: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String>;
}

impl<O: Outputs> Guard for Shell<O> {
    fn pure<T>(
        &self,
        place: Place<'_>,
        pure: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        Self::pure(self, place, pure)
    }
}

/// What became of a receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined<'e> {
    /// Where its record lies.
    pub place: Place<'e>,
    /// The receipt.
    pub receipt: ProviderReceipt,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a receipt that does not wait.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It is this result's.
    Matched(Box<SubmitResult>),
    /// It is nobody's, for this reason.
    Dead(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Read,
    ReadMore,
    Judge,
    Append(usize),
    Look,
    LookMore,
    JudgeAgain,
    Done,
}

/// The way of one batch.
#[derive(Debug, Clone)]
pub struct Run<'e> {
    keys: BTreeMap<String, Key<'e>>,
    versions: HashMap<u64, Arc<ReceiptsByProvider>>,
    phase: Phase,
    joined: Vec<Joined<'e>>,
}

impl Default for Run<'_> {
    fn default() -> Self {
        let (keys, versions) = (BTreeMap::new(), HashMap::new());
        Self { keys, versions, phase: Phase::Read, joined: Vec::new() }
    }
}

impl<'e> Run<'e> {
    /// A result of the batch for which a receipt may come: accepted, and with a provider's id.
    /// Results under one key are to be added in the order of the log.
    pub fn result(&mut self, place: Place<'e>, result: SubmitResult) {
        let key = self.keys.entry(result.key()).or_default();
        if !key.sent.iter().any(|(_, sent, _)| is_same(sent, &result)) {
            key.sent.push((place, result, String::new()));
        }
    }

    /// A receipt of the batch.
    pub fn receipt(&mut self, place: Place<'e>, receipt: ProviderReceipt) {
        self.keys.entry(receipt.key()).or_default().open.push((place, receipt));
    }

    /// What is to be done now; the same until it is answered.
    pub fn step(&mut self, guard: &impl Guard) -> Step {
        loop {
            match self.phase {
                Phase::Read if self.keys.is_empty() => self.phase = Phase::Done,
                Phase::Read => return Step::Get(self.first_places()),
                Phase::ReadMore => match self.keys_where(|key| key.more && !key.open.is_empty()) {
                    keys if keys.is_empty() => self.phase = Phase::Judge,
                    keys => return Step::Query(keys),
                },
                Phase::Judge | Phase::JudgeAgain => match self.unknown_versions() {
                    unknown if unknown.is_empty() => self.judge(guard),
                    unknown => return Step::Configure(unknown),
                },
                Phase::Append(rank) => match self.items(rank) {
                    items if items.is_empty() => self.phase = Phase::Look,
                    items => return Step::Put(items),
                },
                Phase::Look => match self.second_places() {
                    places if places.is_empty() => self.phase = Phase::Done,
                    places => return Step::Get(places),
                },
                Phase::LookMore => match self.keys_where(Key::looks_for_more) {
                    keys if keys.is_empty() => self.phase = Phase::JudgeAgain,
                    keys => return Step::Query(keys),
                },
                Phase::Done => return Step::Done,
            }
        }
    }

    /// What a [`Step::Get`] or [`Step::Query`] found.
    pub fn found(&mut self, items: Vec<Item>) {
        for item in items {
            if let Some(key) = self.keys.get_mut(&item.place.key) {
                key.absorb(&item);
            }
        }
        self.phase = match self.phase {
            Phase::Read => Phase::ReadMore,
            Phase::ReadMore => Phase::Judge,
            Phase::Look => Phase::LookMore,
            Phase::LookMore => Phase::JudgeAgain,
            phase => phase,
        };
    }

    /// Everything of a [`Step::Put`] is written.
    pub fn written(&mut self) {
        if let Phase::Append(rank) = self.phase {
            self.phase = Phase::Append(rank + 1);
        }
    }

    /// What a configuration version says; nothing if it was never written.
    pub fn configured(&mut self, version: u64, receipts: Arc<ReceiptsByProvider>) {
        self.versions.insert(version, receipts);
    }

    /// What became of receipts, those of the batch and those that had waited. The others wait.
    #[must_use]
    pub fn joined(&self) -> &[Joined<'e>] {
        &self.joined
    }

    /// By what a result's receipts are judged: the version that it was sent under. Where that says
    /// nothing of the provider, the strictest test.
    #[must_use]
    pub fn settings(&self, result: &SubmitResult) -> &ReceiptSettings {
        let known = self.versions.get(&result.config).map(AsRef::as_ref);
        receipts_of(known, &result.provider)
    }

    fn first_places(&self) -> Vec<correlations::Place> {
        let places = |(name, key): (&String, &Key<'_>)| {
            let more = (!key.open.is_empty()).then_some(MORE);
            [Some(RESULT), more].map(|item| item.map(|item| place(name, item)))
        };
        self.keys.iter().flat_map(places).flatten().collect()
    }

    fn second_places(&self) -> Vec<correlations::Place> {
        let places = |(name, key): (&String, &Key<'_>)| {
            let waiting = (!key.sent.is_empty()).then_some(WAITING);
            let [result, more] = [RESULT, MORE].map(|it| (!key.open.is_empty()).then_some(it));
            [waiting, result, more].map(|item| item.map(|item| place(name, item)))
        };
        self.keys.iter().flat_map(places).flatten().collect()
    }

    fn keys_where(&self, holds: impl Fn(&Key<'e>) -> bool) -> Vec<String> {
        self.keys.iter().filter(|(_, key)| holds(key)).map(|(name, _)| name.clone()).collect()
    }

    /// Versions by which something is to be judged now.
    fn unknown_versions(&self) -> BTreeSet<u64> {
        let judging = |key: &&Key<'e>| !key.open.is_empty() || !key.waiting.is_empty();
        let results = self.keys.values().filter(judging).flat_map(Key::results);
        let versions = results.map(|result| result.config);
        versions.filter(|version| !self.versions.contains_key(version)).collect()
    }

    fn judge(&mut self, guard: &impl Guard) {
        let mut keys = std::mem::take(&mut self.keys);
        for key in keys.values_mut() {
            for (place, receipt) in std::mem::take(&mut key.open) {
                match self.fate(guard, place, &receipt, key) {
                    Some((fate, _)) => self.joined.push(Joined { place, receipt, fate }),
                    None => key.open.push((place, receipt)),
                }
            }
            if self.phase == Phase::JudgeAgain {
                self.judge_waiting(guard, key);
            } else {
                key.name_results();
            }
        }
        self.keys = keys;
        self.phase = if self.phase == Phase::Judge { Phase::Append(0) } else { Phase::Done };
    }

    /// Receipts that had come before results of this batch.
    fn judge_waiting(&mut self, guard: &impl Guard, key: &Key<'e>) {
        let Some((sent_at, ..)) = key.sent.first() else { return };
        for waiting in key.waiting.values() {
            let WaitingReceipt { receipt, origin, .. } = waiting;
            // What follows from other results alone was others' to tell.
            let is_known = |known: &Joined<'_>| known.receipt == *receipt;
            if let Some((fate, true)) = self.fate(guard, *sent_at, receipt, key)
                && !self.joined.iter().any(is_known)
            {
                let place = Place { topic: PROVIDER_EVENTS, origin: *origin };
                self.joined.push(Joined { place, receipt: receipt.clone(), fate });
            }
        }
    }

    /// What becomes of a receipt, and whether a result of this batch has a part in it; none: it waits.
    fn fate(
        &self,
        guard: &impl Guard,
        place: Place<'_>,
        receipt: &ProviderReceipt,
        key: &Key<'e>,
    ) -> Option<(Fate, bool)> {
        let decided = guard.pure(place, || Ok(self.decide(receipt, key)));
        let ours = |part: &PartId| key.sent.iter().any(|(_, sent, _)| sent.part == *part);
        match decided {
            Ok((Decision::Waits(_), _)) => None,
            Ok((Decision::Matched(part), Some(result))) => {
                Some((Fate::Matched(Box::new(result)), ours(&part)))
            }
            Ok((Decision::Matched(_), None)) => None,
            Ok((Decision::Ambiguous(parts), _)) => {
                let reason = "several submit results fit it".to_owned();
                Some((Fate::Dead(reason), parts.iter().any(ours)))
            }
            Ok((Decision::Refused(why), _)) => Some((Fate::Dead(why.to_string()), true)),
            Err(reason) => Some((Fate::Dead(reason), true)),
        }
    }

    fn decide(&self, receipt: &ProviderReceipt, key: &Key<'e>) -> (Decision, Option<SubmitResult>) {
        let claim = receipt.claim();
        let of = |result| (SubmitResult::candidate(result), self.settings(result));
        let candidates: Vec<_> = key.results().map(of).collect();
        let decision = decide_each(&claim, &candidates);
        let Decision::Matched(part) = decision else { return (decision, None) };
        let fits = |result: &&SubmitResult| {
            let settings = self.settings(result);
            result.part == part && fits(&claim, &result.candidate(), settings).is_ok()
        };
        let last = key.results().filter(fits).max_by_key(|result| result.attempt);
        (decision, last.cloned())
    }

    /// What is written after `rank` writes: of each key the result that is next in the order of the
    /// log; at first also the receipts that wait.
    fn items(&self, rank: usize) -> Vec<Item> {
        let mut items = Vec::new();
        for (name, key) in &self.keys {
            items.extend(key.result_items(name, rank));
            if rank == 0 {
                items.extend(key.waiting_items(name));
            }
        }
        items
    }
}

fn is_same(a: &SubmitResult, b: &SubmitResult) -> bool {
    (a.part, a.attempt) == (b.part, b.attempt)
}
