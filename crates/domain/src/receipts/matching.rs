//! Whose receipt is it? Results and receipts under one key (provider and canonical id) are compared
//! pair by pair (design, section 7): providers reuse ids after a restart, so an equal id says little.
//!
//! **The same from either side.** [`fits`] looks at one pair only and [`decide`] at a receipt and
//! all results under its key, in any order. A receipt that arrives, a result that arrives and finds
//! receipts waiting, and a batch that holds both call the same function with all that they see.
//! Whoever comes last of a receipt and the only result that fits it finds that result, and nobody
//! finds another: fewer results seen can leave a receipt waiting, never matched elsewhere than to
//! one that fits.

use super::address::same_handset;
use super::date::{ReceiptDate, is_near};
use crate::address::Address;
use crate::config::{AddressCheck, ReceiptSettings};
use crate::id::PartId;

/// A receipt may come before its response, by this much at most, milliseconds: response time-outs
/// are 5 minutes at most, the rest is for a sender that stood still. A receipt that waits longer is
/// not that of a message under a reused id.
pub const AHEAD_MAX_MS: u64 = 3_600_000;

/// What a receipt tells of whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// `source_addr` of the PDU: usually the handset.
    pub source: &'a Address,
    /// `destination_addr` of the PDU: usually the message's sender.
    pub destination: &'a Address,
    /// Its submit date, if it has one that can be read.
    pub submitted: Option<ReceiptDate>,
    /// When we received it, Unix milliseconds (kept with it: every run sees the same).
    pub arrived_ms: u64,
}

/// A submit result under the receipt's key.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Whose result.
    pub part: PartId,
    /// The handset, as sent.
    pub destination: &'a Address,
    /// When the provider answered, Unix milliseconds.
    pub answered_ms: u64,
}

/// What becomes of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is this part's.
    Matched(PartId),
    /// None of the results is its own; that may still come. After 72 h: a dead letter.
    Waits(Misfit),
    /// Several results fit, in order of their ids: nobody is told. A dead letter.
    Ambiguous(Vec<PartId>),
    /// No result could ever fit it. A dead letter.
    Refused(Refusal),
}

/// Why a receipt and a result do not belong together; the later, the closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Misfit {
    /// There is no result.
    #[error("no submit result has its id (`ids` says how the provider writes ids)")]
    NoResult,
    /// Other handsets.
    #[error("its address is not the destination (`addresses` and `country_code` say which)")]
    OtherAddress,
    /// It was there long before the answer.
    #[error("the answer came more than an hour after it: the id was used again")]
    EarlierMessage,
    /// Other times.
    #[error("its submit date is not the answer's time (`utc_offsets_min`, `date_within_min`)")]
    OtherDate,
}

/// Why a receipt cannot be anybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither address nor date.
    #[error("the address check is off and it has no submit date; use `strict` or `swapped`")]
    NoDate,
    /// A date that says nothing.
    #[error("the address check is off and the time zone is not known; set `utc_offsets_min`")]
    NoTimeZone,
}

/// Whether a receipt can be that of a result under the same key.
///
/// # Errors
/// What speaks against it.
pub fn fits(
    claim: &Claim<'_>,
    candidate: &Candidate<'_>,
    settings: &ReceiptSettings,
) -> Result<(), Misfit> {
    let handset = match settings.addresses {
        AddressCheck::Strict => Some(claim.source),
        AddressCheck::Swapped => Some(claim.destination),
        AddressCheck::Off => None,
    };
    let code = settings.country_code.as_deref();
    if handset.is_some_and(|handset| !same_handset(handset, candidate.destination, code)) {
        return Err(Misfit::OtherAddress);
    }
    if candidate.answered_ms > claim.arrived_ms.saturating_add(AHEAD_MAX_MS) {
        return Err(Misfit::EarlierMessage);
    }
    match claim.submitted {
        Some(date) if !is_near(date, candidate.answered_ms, settings) => Err(Misfit::OtherDate),
        _ => Ok(()),
    }
}

/// What becomes of a receipt, given all results under its key (several results of one part, as a
/// repeated run writes them, are one). Which side asks, and in what order the results stand, does
/// not matter.
#[must_use]
pub fn decide(
    claim: &Claim<'_>,
    candidates: &[Candidate<'_>],
    settings: &ReceiptSettings,
) -> Decision {
    if let Some(refusal) = refusal(claim, settings) {
        return Decision::Refused(refusal);
    }
    judged(candidates.iter().map(|candidate| (candidate.part, fits(claim, candidate, settings))))
}

/// The same, where each result is judged by settings of its own: those of the configuration version
/// that it was sent under. Under settings that could not believe the receipt no result fits it;
/// refused is what no result's settings believe.
#[must_use]
pub fn decide_each(
    claim: &Claim<'_>,
    candidates: &[(Candidate<'_>, &ReceiptSettings)],
) -> Decision {
    let refused = |settings: &ReceiptSettings| refusal(claim, settings);
    let refusals: Vec<_> = candidates.iter().filter_map(|(_, its)| refused(its)).collect();
    if let Some(refusal) = refusals.first()
        && refusals.len() == candidates.len()
    {
        return Decision::Refused(*refusal);
    }
    let believing = candidates.iter().filter(|(_, its)| refused(its).is_none());
    judged(believing.map(|(candidate, its)| (candidate.part, fits(claim, candidate, its))))
}

fn judged(results: impl Iterator<Item = (PartId, Result<(), Misfit>)>) -> Decision {
    let mut closest = Misfit::NoResult;
    let mut fitting = Vec::new();
    for (part, fit) in results {
        match fit {
            Ok(()) => fitting.push(part),
            Err(misfit) => closest = closest.max(misfit),
        }
    }
    fitting.sort_unstable();
    fitting.dedup();
    match fitting[..] {
        [] => Decision::Waits(closest),
        [part] => Decision::Matched(part),
        _ => Decision::Ambiguous(fitting),
    }
}

/// With the address check off only the date is left, and it has to say something.
fn refusal(claim: &Claim<'_>, settings: &ReceiptSettings) -> Option<Refusal> {
    if settings.addresses != AddressCheck::Off {
        return None;
    }
    match claim.submitted {
        None => Some(Refusal::NoDate),
        Some(date) if date.utc_offset_min.is_none() && settings.utc_offsets_min.is_empty() => {
            Some(Refusal::NoTimeZone)
        }
        Some(_) => None,
    }
}
