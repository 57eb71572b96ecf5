//! One delivery in the node's hands.

use std::sync::Arc;

use smpp::CommandStatus;
use wire::customer_deliveries::CustomerDelivery;
use wire::message_events::Happened;

use super::partitions::Place;

/// A delivery in the hub's hands. Given to connections and to the store, which tell by it what became of
/// the delivery.
pub type Token = u64;

/// Names a bind of this node.
pub type BindId = u64;

/// What came of a delivery that was handed to a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The customer answered, all parts.
    Status(CommandStatus),
    /// It left, at least in part, and there is no answer.
    Unanswered,
    /// Nothing of it left.
    NotSent,
    /// It cannot be written as this customer wants it.
    Invalid,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The customer has it.
    Told,
    /// Again, later.
    Later,
    /// Again, now, on whichever bind.
    Again,
    /// Never again.
    NotTaken,
}

/// `ESME_RSYSERR`, `ESME_RMSGQFUL`, `ESME_RSUBMITFAIL`, `ESME_RTHROTTLED`, `ESME_RX_T_APPN`,
/// `ESME_RQUERYFAIL`, `ESME_RDELIVERYFAILURE`, `ESME_RUNKNOWNERR` (design, section 8; SMPP 3.4, 5.1.3).
const LATER: [u32; 8] = [0x08, 0x14, 0x45, 0x58, 0x64, 0x67, 0xfe, 0xff];

impl Answer {
    /// What it means.
    #[must_use]
    pub fn meaning(self) -> Meaning {
        match self {
            Self::Status(CommandStatus::EsmeRok) => Meaning::Told,
            Self::Status(status) if LATER.contains(&u32::from(status)) => Meaning::Later,
            Self::Status(_) | Self::Invalid => Meaning::NotTaken,
            Self::Unanswered | Self::NotSent => Meaning::Again,
        }
    }

    /// Why, for the record.
    #[must_use]
    pub fn detail(self) -> String {
        match self {
            Self::Status(CommandStatus::EsmeRok) => String::new(),
            Self::Status(status) => format!("status {:#010x}", u32::from(status)),
            Self::Invalid => "a field does not fit into deliver_sm".to_owned(),
            Self::Unanswered => "no answer".to_owned(),
            Self::NotSent => "not sent".to_owned(),
        }
    }
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// In its customer's queue.
    Waiting,
    /// Until its time: then in front of the queue, or given back.
    Delayed { until_ms: u64 },
    /// At a bind; without an answer by then, the bind is taken for dead.
    Sent { bind: BindId, until_ms: u64 },
    /// To `customer-deliveries`, not confirmed.
    GivingBack,
    /// Into the mailbox, not confirmed.
    Parking,
    /// Its end is told to `message-events`, not confirmed.
    Telling { happened: Happened },
    /// Its item is marked, not confirmed.
    Marking,
    /// Its item is put off, not confirmed.
    PuttingOff,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) delivery: Arc<CustomerDelivery>,
    /// Records that say it: the first and its copies.
    pub(super) places: Vec<Place>,
    /// The lease by which its mailbox item is claimed; none: it did not come from there.
    pub(super) mail: Option<u64>,
    /// How often it was tried without an end.
    pub(super) tries: u32,
    pub(super) state: State,
}

impl Entry {
    pub(super) fn new(delivery: CustomerDelivery, state: State) -> Self {
        Self { delivery: Arc::new(delivery), places: Vec::new(), mail: None, tries: 0, state }
    }

    /// It is being given back, and `copy` has gone that way already.
    pub(super) fn has_come_back_as(&self, copy: &CustomerDelivery) -> bool {
        self.state == State::GivingBack && copy.hops > self.delivery.hops
    }

    /// Nothing of it has left the hub.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Waiting | State::Delayed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_statuses_mean_later_ok_means_told_and_every_other_is_final() {
        for status in 0..0x500_u32 {
            let expected = match status {
                0 => Meaning::Told,
                0x08 | 0x14 | 0x45 | 0x58 | 0x64 | 0x67 | 0xfe | 0xff => Meaning::Later,
                _ => Meaning::NotTaken,
            };
            let answer = Answer::Status(CommandStatus::from(status));
            assert_eq!(answer.meaning(), expected, "{status:#x}");
        }
        assert_eq!(Answer::Unanswered.meaning(), Meaning::Again);
    }
}
