//! One run that is under way: the real machine, and what of its present step is still to be done.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use correlate::run::{Guard, Joined, Run, Step};
use domain::config::ReceiptsByProvider;
use platform::correlations::{Item, Place};
use platform::function;
use wire::correlations::WAITING;

use crate::mutant::Mutant;

/// Time is not limited here.
#[derive(Debug)]
struct Unlimited;

impl Guard for Unlimited {
    fn pure<T>(
        &self,
        _place: function::Place<'_>,
        pure: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        pure()
    }
}

/// What is to be done of the present step: requests of many items are not atomic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Doing {
    /// These are still to be read, those were.
    Get(Vec<Place>, Vec<Item>),
    Query,
    /// These are still to be written.
    Put(Vec<Item>),
    Tell,
    Commit,
}

/// A run that is under way. `history` is what it was told, hashed: its state follows from it.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) partition: usize,
    pub(crate) to: usize,
    pub(crate) run: Run<'static>,
    pub(crate) doing: Doing,
    pub(crate) history: u64,
    /// Reads so far.
    pub(crate) gets: u8,
    /// Held back by a mutant that gets the order wrong.
    pub(crate) held: Vec<Item>,
    /// Whether a write found nothing in its place.
    pub(crate) new: bool,
    mutant: Option<Mutant>,
}

impl Actor {
    pub(crate) fn new(
        (partition, to): (usize, usize),
        run: Run<'static>,
        mutant: Option<Mutant>,
        settings: &Arc<ReceiptsByProvider>,
    ) -> Self {
        let (doing, held) = (Doing::Query, Vec::new());
        let mut actor =
            Self { partition, to, run, doing, history: 0, gets: 0, held, new: false, mutant };
        actor.go_on(settings);
        actor
    }

    pub(crate) fn note(&mut self, told: &impl Hash) {
        let mut hash = DefaultHasher::new();
        (self.history, told).hash(&mut hash);
        self.history = hash.finish();
    }

    /// The step after the one that was finished.
    pub(crate) fn go_on(&mut self, settings: &Arc<ReceiptsByProvider>) {
        self.doing = loop {
            match self.run.step(&Unlimited) {
                Step::Configure(versions) => {
                    for version in versions {
                        self.run.configured(version, settings.clone());
                    }
                }
                Step::Get(places) => {
                    if let Some(writes) = self.together() {
                        break writes;
                    }
                    self.gets += 1;
                    break Doing::Get(places, Vec::new());
                }
                Step::Query(_) => break Doing::Query,
                Step::Put(items) => match self.written_now(items) {
                    Some(items) => break Doing::Put(items),
                    None => self.run.written(),
                },
                Step::Done => {
                    let held = std::mem::take(&mut self.held);
                    break if held.is_empty() { self.end() } else { Doing::Put(held) };
                }
            }
        };
    }

    /// After its machine is done.
    fn end(&self) -> Doing {
        match self.mutant {
            Some(Mutant::DoneBeforeTold) => Doing::Commit,
            _ => Doing::Tell,
        }
    }

    /// What a mutant held back to write it together.
    fn together(&mut self) -> Option<Doing> {
        let all = self.mutant == Some(Mutant::ResultsTogether) && !self.held.is_empty();
        all.then(|| Doing::Put(std::mem::take(&mut self.held)))
    }

    /// What of a request is written at once; none: nothing.
    fn written_now(&mut self, mut items: Vec<Item>) -> Option<Vec<Item>> {
        let drop = |items: &mut Vec<Item>, name: &str| items.retain(|it| it.place.item != name);
        match self.mutant {
            Some(Mutant::AppendAfterLook | Mutant::ResultsTogether) => {
                self.held.append(&mut items);
            }
            Some(Mutant::WaitingMarkAfterLook) => {
                self.held.extend(items.extract_if(.., |it| it.place.item == WAITING));
            }
            Some(Mutant::NoWaitingMark) => drop(&mut items, WAITING),
            Some(Mutant::NoMoreMark) => drop(&mut items, wire::correlations::MORE),
            Some(Mutant::ReceiptNotAppended) => {
                items.retain(|it| !it.place.item.starts_with(wire::correlations::RECEIPT));
            }
            Some(Mutant::UnprocessedDropped) => {
                items.pop();
            }
            _ => {}
        }
        (!items.is_empty()).then_some(items)
    }

    /// What it tells.
    pub(crate) fn told(&self) -> &[Joined<'static>] {
        let nothing_new = self.mutant == Some(Mutant::ToldOnlyWhenNew) && !self.new;
        if nothing_new { &[] } else { self.run.joined() }
    }
}
