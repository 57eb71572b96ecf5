//! Rules of section 5 left out, one at a time: the model has to notice each.

use assemble::item::Item;
use assemble::join::{Arrived, Joined, Settings, join};

/// What is done wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
    /// The item is written before its messages are published.
    PublishAfterWrite,
    /// The item is written before its deadlines are scheduled.
    ScheduleAfterWrite,
    /// Deadlines are not scheduled.
    NeverSchedule,
    /// The item is written whatever its version is.
    WriteWithoutCondition,
    /// What becomes whole within one batch is published and not written.
    NoWriteWhenWhole,
    /// The batch is reported as done before the item is written.
    DoneBeforeWrite,
    /// Parts are joined in another order than that of their offsets.
    NotInLogOrder,
    /// The time of a part is when it is processed, not when it was appended.
    TimeOfArrival,
    /// Parts are not looked for among the finished ids.
    FinishedNotKnown,
    /// A part joins the newest generation that it can.
    NewestGeneration,
    /// A part joins a generation whose deadline has passed.
    DeadlineNotLookedAt,
    /// A resend is not taken for one.
    NoAliases,
    /// A deadline closes when it is ripe by the clock, however far the parts were read.
    NoProgressCheck,
    /// What is found closed is not reported again.
    NoSecondReport,
    /// A closed generation is forgotten before the customer is told.
    ForgetBeforeReport,
}

impl Mutant {
    /// All of them. That the customer is told only after the generation is closed is not among them:
    /// what a deadline finds due has been read to its end by then, so it would be told the same before
    /// (two faults, exhaustively: nothing notices). It stays the order because it needs no such argument.
    pub(crate) const ALL: [Self; 15] = [
        Self::PublishAfterWrite,
        Self::ScheduleAfterWrite,
        Self::NeverSchedule,
        Self::WriteWithoutCondition,
        Self::NoWriteWhenWhole,
        Self::DoneBeforeWrite,
        Self::NotInLogOrder,
        Self::TimeOfArrival,
        Self::FinishedNotKnown,
        Self::NewestGeneration,
        Self::DeadlineNotLookedAt,
        Self::NoAliases,
        Self::NoProgressCheck,
        Self::NoSecondReport,
        Self::ForgetBeforeReport,
    ];

    /// The function that joins, wrongly where the mutant is about joining.
    pub(crate) fn join(mutant: Option<Self>) -> fn(&Item, &[Arrived], &Settings) -> Joined {
        match mutant {
            Some(Self::FinishedNotKnown) => finished_not_known,
            Some(Self::NewestGeneration) => newest_generation,
            Some(Self::DeadlineNotLookedAt) => deadline_not_looked_at,
            Some(Self::NoAliases) => no_aliases,
            _ => join,
        }
    }
}

fn finished_not_known(item: &Item, arrived: &[Arrived], settings: &Settings) -> Joined {
    let item = Item { finished: Vec::new(), ..item.clone() };
    join(&item, arrived, settings)
}

fn newest_generation(item: &Item, arrived: &[Arrived], settings: &Settings) -> Joined {
    one_by_one(item, arrived, |item, part| {
        let mut item = item.clone();
        item.open.reverse();
        let mut joined = join(&item, part, settings);
        // What was opened stands at the end; the rest is turned back.
        let opened = joined.item.open.len() > item.open.len();
        let kept = joined.item.open.len() - usize::from(opened);
        joined.item.open[..kept].reverse();
        joined
    })
}

fn deadline_not_looked_at(item: &Item, arrived: &[Arrived], settings: &Settings) -> Joined {
    const EVER_MS: u64 = 1 << 50;
    one_by_one(item, arrived, |item, part| {
        let mut item = item.clone();
        item.open.iter_mut().for_each(|generation| generation.deadline_ms += EVER_MS);
        let mut joined = join(&item, part, settings);
        for generation in &mut joined.item.open {
            generation.deadline_ms %= EVER_MS;
        }
        joined
    })
}

fn no_aliases(item: &Item, arrived: &[Arrived], settings: &Settings) -> Joined {
    let mut arrived = arrived.to_vec();
    for part in &mut arrived {
        let id = part.part.id().as_u128().to_be_bytes();
        part.part.part_mut().octets.0.extend_from_slice(&id);
    }
    join(item, &arrived, settings)
}

/// Joins each part by a function of its own.
fn one_by_one(
    item: &Item,
    arrived: &[Arrived],
    mut join: impl FnMut(&Item, &[Arrived]) -> Joined,
) -> Joined {
    let mut all = Joined { item: item.clone(), ..Joined::default() };
    for part in arrived {
        let one = join(&all.item, std::slice::from_ref(part));
        all.item = one.item;
        all.changed |= one.changed;
        all.whole.extend(one.whole);
        all.deadlines.extend(one.deadlines);
    }
    all
}
