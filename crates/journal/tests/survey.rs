//! The doubts of a slot, as an operator is told them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use journal::{JournalRecord, OpenDoubt, Survey, Unsurveyed};
use uuid::Uuid;
use wire::submit_journal::{
    At, Body, Doubt, DoubtState, Doubted, Ending, Fate, Intended, Listed, ListedPart, Outcome,
    Outcomes, OwnerId, Part, PartAt, Position, Resolution, Unknown, Word, Writer,
};

/// A journal in memory: a record's time is its offset times ten.
#[derive(Default)]
struct Journal {
    records: Vec<JournalRecord>,
    /// Records before it were removed by retention.
    begins: u64,
}

impl Journal {
    /// With the position that `configure` writes.
    fn founded() -> Self {
        let mut journal = Self::default();
        journal.add(None, Body::Position(Box::default()));
        journal
    }

    fn add(&mut self, writer: Option<Writer>, body: Body) -> u64 {
        let offset = self.records.len() as u64;
        let body = Some(Arc::new(body));
        self.records.push(JournalRecord { offset, time_ms: offset * 10, writer, body });
        offset
    }

    fn take_over(&mut self, task: u64) -> Owner {
        let owner = OwnerId { task, term: 1 };
        let takeover =
            self.add(Some(Writer { owner, takeover: None, sequence: 0 }), Body::Takeover);
        Owner { owner, takeover }
    }

    fn survey(&self) -> Result<Vec<OpenDoubt>, Unsurveyed> {
        let mut survey = Survey::new(self.records.len() as u64);
        while let Some(wanted) = survey.wants() {
            let from = wanted.start.max(self.begins);
            for record in &self.records[usize::try_from(from).unwrap()..] {
                survey.record(record);
            }
            survey.stretch_read(from);
        }
        survey.doubts()
    }

    /// Part, intent and state of each doubt.
    fn told(&self) -> Vec<(u64, u64, DoubtState)> {
        let doubts = self.survey().unwrap();
        doubts.iter().map(|doubt| (doubt.part.at.offset, doubt.intent, doubt.state)).collect()
    }
}

#[derive(Clone, Copy)]
struct Owner {
    owner: OwnerId,
    takeover: u64,
}

impl Owner {
    fn writes(self, journal: &mut Journal, body: Body) -> u64 {
        let writer = Writer { owner: self.owner, takeover: Some(self.takeover), sequence: 1 };
        journal.add(Some(writer), body)
    }

    fn intends(self, journal: &mut Journal, offsets: &[u64]) -> u64 {
        self.writes(journal, Body::Intent(offsets.iter().copied().map(part).collect()))
    }

    fn doubts(self, journal: &mut Journal, intent: u64, offsets: &[u64], hold: bool) -> u64 {
        let parts = offsets.iter().map(|&offset| Doubt { intent, part: part(offset) }).collect();
        self.writes(journal, Body::Unknown(Unknown { hold, parts }))
    }

    fn learns(self, journal: &mut Journal, intent: u64, offset: u64, fate: Fate) {
        let parts = vec![Outcome { at: part(offset).at, fate, result: None }];
        self.writes(journal, Body::Outcomes(vec![Outcomes { intent, parts }]));
    }
}

/// A message of one part at this offset of the normal queue.
fn part(offset: u64) -> Part {
    let at = PartAt { at: At { priority: 1, offset }, part: 0 };
    Part { at, message: Uuid::from_u128(u128::from(offset) + 1), attempt: 0 }
}

/// An owner died after an intent of two messages; its successor doubts both.
fn two_doubts(hold: bool) -> (Journal, Owner, u64) {
    let mut journal = Journal::founded();
    let intent = journal.take_over(1).intends(&mut journal, &[0, 1]);
    let successor = journal.take_over(2);
    successor.doubts(&mut journal, intent, &[0, 1], hold);
    (journal, successor, intent)
}

fn resolve(journal: &mut Journal, intent: u64, part: Option<PartAt>, word: Word) {
    journal.add(None, Body::Resolution(Resolution { intent, part, word }));
}

#[test]
fn a_doubt_is_told_with_its_message_intent_and_time() {
    let (journal, _, intent) = two_doubts(true);
    let doubts = journal.survey().unwrap();
    assert_eq!(doubts.len(), 2);
    let expected = OpenDoubt {
        part: part(1).at,
        message: part(1).message,
        attempt: 0,
        intent,
        state: DoubtState::Held,
        since_ms: Some(40),
    };
    assert_eq!(doubts[1], expected);
}

#[test]
fn what_nobody_doubted_is_no_doubt() {
    let mut journal = Journal::default();
    assert_eq!(journal.survey(), Ok(vec![]));
    journal = Journal::founded();
    journal.take_over(1).intends(&mut journal, &[0]);
    assert_eq!(journal.told(), []);
}

#[test]
fn an_outcome_that_comes_late_ends_its_doubt_and_no_other() {
    let (mut journal, successor, intent) = two_doubts(true);
    successor.learns(&mut journal, intent, 0, Fate::Accepted);
    assert_eq!(journal.told(), [(1, intent, DoubtState::Held)]);
    successor.learns(&mut journal, intent, 1, Fate::Returned);
    assert_eq!(journal.told(), []);
}

#[test]
fn a_part_that_was_sent_again_and_accepted_keeps_the_doubt_about_its_first_submit() {
    let (mut journal, successor, first) = two_doubts(false);
    assert_eq!(journal.told()[0], (0, first, DoubtState::Resent));
    let second = successor.intends(&mut journal, &[0]);
    successor.learns(&mut journal, second, 0, Fate::Accepted);
    assert_eq!(journal.told()[0], (0, first, DoubtState::Ended(Ending::Accepted)));
}

#[test]
fn an_operators_word_shows_for_one_part_or_for_all_of_an_intent() {
    let (mut journal, _, intent) = two_doubts(true);
    resolve(&mut journal, intent, Some(part(0).at), Word::Drop);
    let dropped = (0, intent, DoubtState::Ended(Ending::Dropped));
    assert_eq!(journal.told(), [dropped, (1, intent, DoubtState::Held)]);
    resolve(&mut journal, intent, None, Word::Resend);
    assert_eq!(journal.told(), [dropped, (1, intent, DoubtState::Resent)]);
}

#[test]
fn what_a_fenced_owner_writes_is_not_believed() {
    let mut journal = Journal::founded();
    let ghost = journal.take_over(1);
    let intent = ghost.intends(&mut journal, &[0]);
    journal.take_over(2);
    ghost.doubts(&mut journal, intent, &[0], true);
    assert_eq!(journal.told(), []);
}

/// A position of `owner` that lists message 0 as held.
fn held_in_a_position(journal: &mut Journal, owner: Owner, intent: u64) {
    let intent = Intended { offset: intent, owner: OwnerId { task: 1, term: 1 } };
    let unknown = vec![Doubted { intent, held: true }];
    let listed = Listed {
        at: part(0).at.at,
        message: part(0).message,
        attempt: 0,
        parts: vec![ListedPart { unknown, ..ListedPart::default() }],
    };
    let as_of = journal.records.len() as u64;
    let position = Position {
        as_of,
        published_to: 1,
        repeats_from: 1,
        ground: Some(1),
        next: [0, 1, 0],
        messages: vec![listed],
        ..Position::default()
    };
    owner.writes(journal, Body::Position(Box::new(position)));
}

#[test]
fn a_doubt_older_than_the_position_is_told_although_its_records_are_gone() {
    let (mut journal, successor, intent) = two_doubts(true);
    held_in_a_position(&mut journal, successor, intent);
    journal.begins = journal.records.len() as u64 - 1;
    let doubts = journal.survey().unwrap();
    assert_eq!((doubts.len(), doubts[0].state), (1, DoubtState::Held));
    assert_eq!((doubts[0].intent, doubts[0].since_ms), (intent, None));
}

#[test]
fn a_position_is_looked_for_as_far_back_as_it_stands() {
    let (mut journal, successor, intent) = two_doubts(true);
    held_in_a_position(&mut journal, successor, intent);
    for offset in 1..30_000 {
        successor.intends(&mut journal, &[offset]);
    }
    assert_eq!(journal.told(), [(0, intent, DoubtState::Held)]);
}

#[test]
fn a_ghost_from_before_the_position_is_not_believed_after_it() {
    let (mut journal, successor, intent) = two_doubts(true);
    let ghost = Owner { owner: OwnerId { task: 1, term: 1 }, takeover: 1 };
    // The position's ground is the ghost's takeover: only its writer tells of the later one.
    held_in_a_position(&mut journal, successor, intent);
    let void = ghost.intends(&mut journal, &[7]);
    ghost.doubts(&mut journal, void, &[7], true);
    assert_eq!(journal.told(), [(0, intent, DoubtState::Held)]);
}

#[test]
fn a_journal_that_its_owner_would_refuse_is_refused() {
    let mut journal = Journal::default();
    journal.take_over(1);
    assert_eq!(journal.survey(), Err(Unsurveyed::NoPosition));
    let (mut journal, ..) = two_doubts(true);
    let offset = journal.records.len() as u64;
    journal.records.push(JournalRecord::read(offset, 0, b"", br#"{"v":2}"#));
    assert_eq!(journal.survey(), Err(Unsurveyed::NotUnderstood { offset }));
}
