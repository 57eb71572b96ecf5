//! What follows from a matched receipt: the message is tried at another provider, or the customer
//! is told, or nobody is.

use super::{Meaning, MessageState, NetworkError};
use crate::id::{DeliveryId, PartId};

/// The attempt that a receipt speaks of, as the gateway knows it.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The part, by the id that the customer was given.
    pub part: PartId,
    /// Ids of the customer's resends of the part: they get the same receipt.
    pub aliases: &'a [PartId],
    /// `registered_delivery` of the customer's submit (SMPP 3.4, section 5.2.17).
    pub registered_delivery: u8,
    /// How many parts the message has.
    pub parts: usize,
    /// The message is not to be sent after this, Unix milliseconds.
    pub valid_until_ms: u64,
    /// Routing has a provider left that is open and was not tried.
    pub provider_left: bool,
    /// When the customer's submit was accepted, Unix milliseconds.
    pub accepted_ms: u64,
    /// When the receipt arrived, Unix milliseconds: from its record, not from a clock, so that each
    /// run decides the same.
    pub arrived_ms: u64,
    /// When the state was reached, Unix milliseconds ([`super::done_ms`]).
    pub done_ms: u64,
}

/// What follows from a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consequence {
    /// The next attempt begins; the customer hears of the last one only.
    Retry,
    /// One receipt for each id that the customer was given for the part.
    Tell(Vec<CustomerReceipt>),
    /// The customer did not ask for this.
    NotAskedFor,
}

/// A receipt as the customer gets it, in text and TLVs (`smpp` writes both).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerReceipt {
    /// The same at every run and for every repeat of the state: part and state name it.
    pub id: DeliveryId,
    /// The id that the customer was given: `id` and `receipted_message_id`.
    pub part: PartId,
    /// `stat` and `message_state`.
    pub state: MessageState,
    /// False: an intermediate notification (`esm_class` 0x20 instead of 0x04, SMPP 3.4, section
    /// 5.2.12).
    pub is_final: bool,
    /// `err`.
    pub error: String,
    /// TLV `network_error_code`.
    pub network_error: Option<NetworkError>,
    /// `sub`: always 1, each part has a receipt of its own.
    pub submitted: u32,
    /// `dlvrd`: 1 once the handset has it.
    pub delivered: u32,
    /// `submit date`, Unix milliseconds.
    pub submitted_ms: u64,
    /// `done date`, Unix milliseconds.
    pub done_ms: u64,
}

/// Why a message is not tried elsewhere after a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRetry {
    /// Another provider would do no better, or the handset may have it.
    #[error("what the receipt says is not to be tried again")]
    Meaning,
    /// The other parts may have arrived.
    #[error("the message has several parts")]
    SeveralParts,
    /// Too late.
    #[error("its validity has run out")]
    Expired,
    /// No provider left.
    #[error("no provider is left that is open and was not tried")]
    NobodyLeft,
}

/// Whether the message is tried at the next provider after this receipt: only one of a single part
/// (of a long one others may have arrived), only within its validity, only if somebody is left.
///
/// # Errors
/// Why not.
pub fn retry(meaning: &Meaning, attempt: &Attempt<'_>) -> Result<(), NoRetry> {
    if !meaning.retry {
        Err(NoRetry::Meaning)
    } else if attempt.parts != 1 {
        Err(NoRetry::SeveralParts)
    } else if attempt.arrived_ms >= attempt.valid_until_ms {
        Err(NoRetry::Expired)
    } else if !attempt.provider_left {
        Err(NoRetry::NobodyLeft)
    } else {
        Ok(())
    }
}

/// What follows from a receipt that was matched with this attempt.
#[must_use]
pub fn consequence(meaning: &Meaning, attempt: &Attempt<'_>) -> Consequence {
    if retry(meaning, attempt).is_ok() {
        return Consequence::Retry;
    }
    if !meaning.is_asked_for(attempt.registered_delivery) {
        return Consequence::NotAskedFor;
    }
    let parts = std::iter::once(&attempt.part).chain(attempt.aliases);
    Consequence::Tell(parts.map(|part| told(meaning, attempt, *part)).collect())
}

fn told(meaning: &Meaning, attempt: &Attempt<'_>, part: PartId) -> CustomerReceipt {
    let Meaning { state, is_final, error, network_error, .. } = meaning.clone();
    CustomerReceipt {
        id: part.delivery(&format!("receipt {}", state.as_str())),
        part,
        state,
        is_final,
        error,
        network_error,
        submitted: 1,
        delivered: u32::from(is_final && state.is_success()),
        submitted_ms: attempt.accepted_ms,
        done_ms: attempt.done_ms,
    }
}

impl Meaning {
    /// True if `registered_delivery` asks for this receipt (SMPP 3.4, section 5.2.17): bits 1 and 0
    /// for the final one (01 always, 10 on failure, and by SMPP 5.0, section 4.7.21, 11 on
    /// success), bit 4 for intermediate ones.
    #[must_use]
    pub fn is_asked_for(&self, registered_delivery: u8) -> bool {
        if !self.is_final {
            return registered_delivery & INTERMEDIATE != 0;
        }
        match registered_delivery & FINAL {
            1 => true,
            2 => !self.state.is_success(),
            3 => self.state.is_success(),
            _ => false,
        }
    }
}

const FINAL: u8 = 0b11;
const INTERMEDIATE: u8 = 0b1_0000;
