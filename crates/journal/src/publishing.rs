//! What `provider-events` has confirmed (rule 8: `published_to`).

use std::collections::VecDeque;

use wire::submit_journal::At;

/// Numbers publications and knows up to which journal record all are confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Publishing {
    next_number: u64,
    /// Journal offset and the last publication that it caused.
    records: VecDeque<(u64, u64)>,
    summaries: VecDeque<(u64, At)>,
}

impl Publishing {
    /// Nothing of an earlier ownership counts; its numbers are not used again.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.summaries.clear();
    }

    /// The number of a publication that a journal record caused.
    pub(super) fn of_record(&mut self, offset: u64) -> u64 {
        let number = self.number();
        match self.records.back_mut() {
            Some((last, up_to)) if *last == offset => *up_to = number,
            _ => self.records.push_back((offset, number)),
        }
        number
    }

    /// The number of a summary: a position lists its message until it is confirmed.
    pub(super) fn of_summary(&mut self, at: At) -> u64 {
        let number = self.number();
        self.summaries.push_back((number, at));
        number
    }

    /// Confirmed up to this number. The messages whose summaries are among them.
    pub(super) fn confirm(&mut self, up_to: u64) -> impl Iterator<Item = At> + use<> {
        while self.records.front().is_some_and(|&(_, last)| last <= up_to) {
            self.records.pop_front();
        }
        let confirmed = self.summaries.partition_point(|&(number, _)| number <= up_to);
        let mut rest = self.summaries.split_off(confirmed);
        std::mem::swap(&mut self.summaries, &mut rest);
        rest.into_iter().map(|(_, at)| at)
    }

    /// Everything before it is confirmed, given that the journal is known up to `known_to`.
    pub(super) fn published_to(&self, known_to: u64) -> u64 {
        self.records.front().map_or(known_to, |&(offset, _)| offset)
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }
}
