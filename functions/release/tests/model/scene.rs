//! The message, what is asked, and the times at which things happen.

use domain::address::Address;
use domain::id::{CustomerId, MessageId, PartId};
use domain::message::Message;
use domain::octets::Octets;
use scheduling::change::{Change, Changing, Replacement};
use scheduling::park::Parking;
use serde_json::json;

/// Milliseconds from the acceptance to the message's time.
const WAITS_MS: u64 = 100_000;
const SHIFT_MS: u64 = 40_000;
pub(crate) const ACCEPTED_MS: u64 = 1_760_000_000_000;
pub(crate) const TIME_MS: u64 = ACCEPTED_MS + WAITS_MS;
pub(crate) const EARLIER_MS: u64 = TIME_MS - SHIFT_MS;
pub(crate) const LATER_MS: u64 = TIME_MS + SHIFT_MS;
/// The clock stands at these: after the acceptance and after each time that the message may have.
pub(crate) const CLOCK: [u64; 4] = [ACCEPTED_MS, EARLIER_MS, TIME_MS, LATER_MS];
/// The queue's longest delay: less than from one time to the next, so that hints come early.
pub(crate) const DELAY_MAX_MS: u64 = SHIFT_MS;
pub(crate) const CONFIG: u64 = 7;

/// What a customer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    Cancel,
    /// By the id of the first part's resend.
    CancelByResend,
    Replace,
    /// Another text, later.
    Later,
    /// Another text, earlier.
    Earlier,
}

/// What may go wrong with hints, and how fast all is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Manner {
    /// The queue keeps what it has; `sweep` does not run.
    HintsStay,
    /// Hints can be lost; `sweep` looks.
    HintsAreLost,
    /// Time passes only when nothing is left to be done.
    Prompt,
}

/// What is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) asks: &'static [Ask],
    pub(crate) manner: Manner,
}

pub(crate) fn customer() -> CustomerId {
    "acme".into()
}

fn source() -> Address {
    Address { ton: 5, npi: 0, number: "ACME".into() }
}

pub(crate) fn id() -> MessageId {
    MessageId::new(ACCEPTED_MS, [1; 10])
}

fn resend() -> PartId {
    PartId::new(ACCEPTED_MS, [2; 10])
}

/// Two octets, or as many as [`Ask::octets`] says.
fn message(with_resend: bool) -> Message {
    let aliases: &[PartId] = if with_resend { &[resend()] } else { &[] };
    let message = json!({
        "id": id(),
        "envelope": {
            "customer": customer(), "source": source(),
            "destination": {"ton": 1, "npi": 1, "addr": "491701"}, "accepted_ms": ACCEPTED_MS,
            "valid_until_ms": LATER_MS + 3_600_000, "schedule_ms": TIME_MS, "config": 3,
        },
        "parts": [{"id": id(), "aliases": aliases, "octets": "aGk=", "receipt": 1}],
        "attempt_ms": ACCEPTED_MS,
    });
    serde_json::from_value(message).unwrap()
}

impl Scene {
    pub(crate) fn parking(self, now_ms: u64) -> Parking {
        Parking::new(message(self.asks.contains(&Ask::CancelByResend)), TIME_MS, now_ms)
    }
}

impl Ask {
    /// How long the text is that it sets: so bodies are told apart.
    pub(crate) fn octets(self) -> Option<usize> {
        match self {
            Self::Cancel | Self::CancelByResend => None,
            Self::Replace => Some(11),
            Self::Later => Some(12),
            Self::Earlier => Some(13),
        }
    }

    /// The time that it sets.
    fn time_ms(self) -> Option<u64> {
        match self {
            Self::Later => Some(LATER_MS),
            Self::Earlier => Some(EARLIER_MS),
            _ => None,
        }
    }

    /// Whether that is not ahead any more.
    pub(crate) fn is_passed(self, now_ms: u64) -> bool {
        self.time_ms().is_some_and(|time_ms| time_ms <= now_ms)
    }

    pub(crate) fn changing(self, now_ms: u64) -> Changing {
        let time_ms = self.time_ms();
        let change = match self.octets() {
            None => Change::Cancel(None),
            Some(length) => Change::Replace(Box::new(Replacement {
                id: id().event("request", u32::try_from(length).unwrap()),
                octets: Octets(vec![7; length]),
                receipt: 1,
                time_ms,
                valid_until_ms: None,
                validity_max_ms: 86_400_000,
            })),
        };
        let asked = if self == Self::CancelByResend { resend().into() } else { id() };
        Changing::new(customer(), (asked, source()), change, now_ms)
    }
}
