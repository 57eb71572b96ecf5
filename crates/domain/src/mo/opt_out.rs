//! What follows from STOP: which later messages a handset's wish refuses (design, section 7, last
//! line). Pure: the shell reads and writes, and tells the time.
//!
//! **A repeated run decides as the first did.** A wish counts for a message only if it was in force
//! before the message's attempt began. [`in_force_ms`] puts that time behind the moment at which
//! the table surely has the wish. So a wish that was in force before an attempt is seen by every run
//! for that attempt, since all of them come after its beginning; and a wish that is not yet in
//! force counts for none of them, seen or not. Among the wishes that count, the one the handset
//! wrote last decides, whatever order they were worked off in. That is why the table keeps a
//! handset's wishes, not only the last.
//!
//! The beginning of the attempt stands in the message. Its Kafka timestamp would not do: a message
//! may stand on its topic twice (`assemble` or `retry` died and published again), with two of them,
//! and would be sent under one and refused under the other (docs/adr/0003).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Wished;
use crate::config::{CountsFor, Document, Wish};
use crate::id::{CustomerId, MessageId};

/// How long after the clock was read a wish comes into force, milliseconds: the longest that one
/// write may take, and clocks may differ. A write that takes longer is given up and made anew.
pub const SETTLING_MS: u64 = 10_000;

/// Wishes of one handset about one subject that are kept; more are no person's doing.
pub const CHANGES_MAX: usize = 50;

/// What an opt-out is recorded under, with the handset: messages of one customer, from one sender
/// or from any. Always one customer's, so that no opt-out of one reaches another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject<'a> {
    /// Whose messages.
    pub customer: &'a CustomerId,
    /// From which sender id or number; none: from any.
    pub sender: Option<&'a str>,
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sender = self.sender.map_or("any", |_| "one");
        f.debug_struct("Subject").field("customer", self.customer).field("sender", &sender).finish()
    }
}

impl Wished<'_> {
    /// What the wish is recorded under, each once; nothing for a request for help.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        if self.wish == Wish::Help {
            return Vec::new();
        }
        let mut senders: Vec<Option<&str>> = match self.counts_for {
            CountsFor::Number => vec![Some(self.number)],
            CountsFor::Senders(named) => {
                named.iter().map(String::as_str).chain([self.number]).map(Some).collect()
            }
            CountsFor::Customer => vec![None],
        };
        senders.sort_unstable();
        senders.dedup();
        let of = |customer| senders.iter().map(move |&sender| Subject { customer, sender });
        self.customers.iter().copied().flat_map(of).collect()
    }
}

/// From when on a wish counts that is written to the table now, Unix milliseconds.
#[must_use]
pub fn in_force_ms(now_ms: u64) -> u64 {
    now_ms.saturating_add(SETTLING_MS)
}

/// A wish as the table keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The handset's message: a repeated run finds its own change.
    pub by: MessageId,
    /// True: no more messages. False: messages again.
    pub stop: bool,
    /// When that message came to the gateway, Unix milliseconds: the order of the handset's wishes.
    pub wrote_ms: u64,
    /// [`in_force_ms`] of the run that recorded it.
    pub in_force_ms: u64,
}

/// Customers that have a number with opt-out words: only of their messages anything is looked up.
#[derive(Debug, Clone, Default)]
pub struct Customers(HashSet<CustomerId>);

impl Customers {
    /// Those of one configuration.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let with_words = document.numbers.iter().filter(|number| number.opt_out.is_some());
        Self(with_words.flat_map(|number| number.customers().cloned()).collect())
    }

    /// What to look up before a message of this customer from this sender
    /// ([`crate::address::Address::digits`]) goes to a handset: the histories under both subjects
    /// together decide ([`refuses`]). None: nothing needs to be read.
    #[must_use]
    pub fn subjects<'a>(
        &self,
        customer: &'a CustomerId,
        sender: &'a str,
    ) -> Option<[Subject<'a>; 2]> {
        self.0.contains(customer).then_some([
            Subject { customer, sender: Some(sender) },
            Subject { customer, sender: None },
        ])
    }
}

/// True if a message whose attempt began then (Unix milliseconds) must not be sent. `histories` are
/// those of its [`Customers::subjects`]: of the wishes in force before the attempt, the last is STOP.
/// Both count as one, so that START ends a STOP that was recorded while the setting `counts_for` was
/// another.
#[must_use]
pub fn refuses<'h>(histories: impl IntoIterator<Item = &'h History>, message_ms: u64) -> bool {
    let changes = histories.into_iter().flat_map(|history| &history.changes);
    let counting = changes.filter(|change| change.in_force_ms < message_ms);
    counting.max_by_key(|change| change.place()).is_some_and(|last| last.stop)
}

/// A handset's wishes about one subject; the table's item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History {
    /// In the order in which the handset wrote them.
    changes: Vec<Change>,
}

impl History {
    /// Adds a wish. False: there is nothing to write, a run before has done it, or it can never
    /// decide anything. No message older than `oldest_message_ms` is routed any more (retention).
    pub fn add(&mut self, change: Change, oldest_message_ms: u64) -> bool {
        if self.changes.iter().any(|known| known.by == change.by) {
            return false;
        }
        let before = self.changes.clone();
        self.changes.push(change);
        self.changes.sort_by_key(Change::place);
        self.forget_overtaken(oldest_message_ms);
        while self.changes.len() > CHANGES_MAX {
            self.forget_one();
        }
        self.changes != before
    }

    /// Takes the wish of a message out again: its write was not confirmed in time, and it is made anew.
    pub fn withdraw(&mut self, by: MessageId) {
        self.changes.retain(|change| change.by != by);
    }

    /// The wishes, in the order in which the handset wrote them.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// A wish never decides if one that was written later counts whenever it does.
    fn forget_overtaken(&mut self, oldest_message_ms: u64) {
        let mut earliest = u64::MAX;
        let mut kept = Vec::with_capacity(self.changes.len());
        for change in self.changes.iter().rev() {
            let always = earliest < oldest_message_ms;
            if !always && change.in_force_ms < earliest {
                earliest = change.in_force_ms;
                kept.push(*change);
            }
        }
        kept.reverse();
        self.changes = kept;
    }

    /// Out of room: forgets what makes the handset get less rather than more.
    fn forget_one(&mut self) {
        let start = self.changes.iter().position(|change| !change.stop);
        // Without a START the first STOP says the same as the one behind it.
        let place = start.filter(|place| place + 1 < self.changes.len()).unwrap_or(1);
        self.changes.remove(place);
    }
}

impl Change {
    fn place(&self) -> (u64, MessageId) {
        (self.wrote_ms, self.by)
    }
}
