//! Requests that wait for Kafka, and what each is answered when all of its records have ended.

use std::collections::HashMap;

use domain::id::PartId;
use platform::kafka::Outcome;
use smpp::Address;
use smpp::CommandStatus;
use smpp::pdu::Failed;

/// Records of `submit_multi` are numbered from here on, where no sequence number is (SMPP 3.4 §3.2).
const MEMBERS: u32 = 0x8000_0000;

/// Those of one connection. A record is numbered by the sequence of its request; one of several by
/// a number of its own.
#[derive(Debug, Default)]
pub(super) struct Pending {
    requests: HashMap<u32, Request>,
    members: HashMap<u32, (u32, Address)>,
    numbered: u32,
}

#[derive(Debug)]
struct Request {
    answer: Answer,
    /// Records that have not ended.
    records: usize,
    /// One is on Kafka.
    stored: bool,
}

/// What a request is answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// The id that the customer is given.
    pub(super) id: PartId,
    /// Of the whole.
    pub(super) status: CommandStatus,
    /// Of `submit_multi`, where the whole is answered OK: destinations that it did not reach.
    pub(super) failed: Option<Vec<Failed>>,
}

impl Pending {
    /// A request of one record, which was published.
    pub(super) fn one(&mut self, sequence: u32, id: PartId) {
        let answer = Answer { id, status: CommandStatus::EsmeRok, failed: None };
        self.requests.insert(sequence, Request { answer, records: 1, stored: false });
    }

    /// A request of several records, which [`Self::member`] adds. `failed`: destinations that are
    /// none.
    pub(super) fn several(&mut self, sequence: u32, id: PartId, failed: Vec<Failed>) {
        let answer = Answer { id, status: CommandStatus::EsmeRok, failed: Some(failed) };
        self.requests.insert(sequence, Request { answer, records: 0, stored: false });
    }

    /// One more record of a request, for `destination`: the number to publish it under.
    pub(super) fn member(&mut self, sequence: u32, destination: Address) -> u32 {
        let number = MEMBERS | self.numbered;
        self.numbered = self.numbered.wrapping_add(1);
        if let Some(request) = self.requests.get_mut(&sequence) {
            request.records += 1;
            self.members.insert(number, (sequence, destination));
        }
        number
    }

    /// A record ended, or was not taken. If it was the last one, the request and its answer.
    pub(super) fn ended(&mut self, number: u32, outcome: Outcome) -> Option<(u32, Answer)> {
        let status = match outcome {
            Outcome::Stored { .. } => CommandStatus::EsmeRok,
            Outcome::NeverLeft => CommandStatus::EsmeRthrottled,
            Outcome::Unknown => CommandStatus::EsmeRsyserr,
        };
        let (sequence, address) = match self.members.remove(&number) {
            Some((sequence, address)) => (sequence, Some(address)),
            None => (number, None),
        };
        let request = self.requests.get_mut(&sequence)?;
        request.records = request.records.saturating_sub(1);
        if status == CommandStatus::EsmeRok {
            request.stored = true;
        } else {
            // That one may be on Kafka says more than that others are not.
            if request.answer.status != CommandStatus::EsmeRsyserr {
                request.answer.status = status;
            }
            if let (Some(failed), Some(address)) = (&mut request.answer.failed, address) {
                failed.push(Failed { address, status: status.into() });
            }
        }
        if request.records > 0 {
            return None;
        }
        self.answer(sequence)
    }

    /// Ends a request of which no record was published.
    pub(super) fn answer(&mut self, sequence: u32) -> Option<(u32, Answer)> {
        let Request { mut answer, stored, .. } = self.requests.remove(&sequence)?;
        // Whoever was told that the whole failed would send it again to those that it reached.
        if answer.failed.is_some() && stored {
            answer.status = CommandStatus::EsmeRok;
        }
        Some((sequence, answer))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use smpp::Octets;
    use smpp::pdu::{Npi, Ton};

    use super::*;

    const STORED: Outcome = Outcome::Stored { partition: 0, offset: 1 };
    const SEQUENCE: u32 = 7;

    fn id() -> PartId {
        PartId::new(1, [7; 10])
    }

    fn address(number: &str) -> Address {
        Address { ton: Ton::International, npi: Npi::Isdn, addr: Octets::from(number) }
    }

    fn failed(number: &str, status: CommandStatus) -> Failed {
        Failed { address: address(number), status: status.into() }
    }

    /// What a `submit_multi` to as many destinations is answered.
    fn several(outcomes: &[Outcome]) -> Answer {
        let mut pending = Pending::default();
        pending.several(SEQUENCE, id(), Vec::new());
        let number = |index: usize| pending.member(SEQUENCE, address(&index.to_string()));
        let numbers: Vec<u32> = (0..outcomes.len()).map(number).collect();
        let (last, before) = numbers.split_last().unwrap();
        for (number, outcome) in before.iter().zip(outcomes) {
            assert_eq!(pending.ended(*number, *outcome), None);
        }
        let (sequence, answer) = pending.ended(*last, *outcomes.last().unwrap()).unwrap();
        assert_eq!(sequence, SEQUENCE);
        assert!(pending.requests.is_empty() && pending.members.is_empty());
        answer
    }

    #[test]
    fn one_record_is_answered_as_it_ended() {
        let statuses = [
            (STORED, CommandStatus::EsmeRok),
            (Outcome::NeverLeft, CommandStatus::EsmeRthrottled),
            (Outcome::Unknown, CommandStatus::EsmeRsyserr),
        ];
        for (outcome, status) in statuses {
            let mut pending = Pending::default();
            pending.one(SEQUENCE, id());
            let answer = Answer { id: id(), status, failed: None };
            assert_eq!(pending.ended(SEQUENCE, outcome), Some((SEQUENCE, answer)));
            assert_eq!(pending.ended(SEQUENCE, outcome), None, "it is answered once");
        }
    }

    #[test]
    fn of_several_those_that_failed_are_named_if_any_was_stored() {
        let answer = several(&[STORED, Outcome::NeverLeft, STORED, Outcome::Unknown]);
        assert_eq!(answer.status, CommandStatus::EsmeRok);
        let expected =
            [failed("1", CommandStatus::EsmeRthrottled), failed("3", CommandStatus::EsmeRsyserr)];
        assert_eq!(answer.failed.unwrap(), expected);
        assert_eq!(several(&[STORED, STORED]).failed, Some(Vec::new()));
    }

    #[test]
    fn several_of_which_none_was_stored_fail_as_one() {
        let throttled = several(&[Outcome::NeverLeft, Outcome::NeverLeft]);
        assert_eq!(throttled.status, CommandStatus::EsmeRthrottled);
        let unknown = several(&[Outcome::NeverLeft, Outcome::Unknown]);
        assert_eq!(unknown.status, CommandStatus::EsmeRsyserr, "some may be on Kafka");
        let unknown = several(&[Outcome::Unknown, Outcome::NeverLeft]);
        assert_eq!(unknown.status, CommandStatus::EsmeRsyserr, "in whatever order");
    }

    #[test]
    fn several_of_which_none_was_published_name_those_that_are_no_destinations() {
        let mut pending = Pending::default();
        let bad = vec![failed("x", CommandStatus::EsmeRinvdstadr)];
        pending.several(SEQUENCE, id(), bad.clone());
        let answer = Answer { id: id(), status: CommandStatus::EsmeRok, failed: Some(bad) };
        assert_eq!(pending.answer(SEQUENCE), Some((SEQUENCE, answer)));
    }
}
