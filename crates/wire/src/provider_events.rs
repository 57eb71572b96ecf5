//! `provider-events`: what became of parts at a provider, what its receipts say, and the summary of an
//! attempt.

use std::borrow::Cow;

use domain::address::Address;
use domain::id::{CustomerId, MessageId, PartId, ProviderId};
use domain::receipts::{
    Candidate, CanonicalId, Claim, MessageState, NetworkError, ReceiptDate, Said,
};
use serde::{Deserialize, Serialize};

use crate::provider_outgoing::Origin;
use crate::submit_journal::Ending;
use crate::version::{Undecodable, V};

/// A record of `provider-events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ProviderEvent {
    /// The outcome of one part's submit.
    Result(SubmitResult),
    /// What the provider says later of a part.
    Receipt(ProviderReceipt),
    /// The fate of a submit is unknown.
    Doubt(Doubt),
    /// How a message's attempt ended.
    Summary(Summary),
}

/// The outcome of one part. Key: provider + the provider's id in canonical form; without one the
/// part's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmitResult {
    /// Version.
    pub v: V<1>,
    /// Who answered.
    pub provider: ProviderId,
    /// The provider's id as it gave it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider_message_id: String,
    /// The id in its canonical form, where that is another: a receipt comes under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<CanonicalId>,
    /// Whose.
    pub customer: CustomerId,
    /// The message.
    pub message: MessageId,
    /// The part.
    pub part: PartId,
    /// Ids of the customer's resends of the part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<PartId>,
    /// The attempt, from 0.
    pub attempt: u32,
    /// What became of it.
    pub outcome: Ending,
    /// SMPP command status of the answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub status: u32,
    /// The sender, as sent.
    pub source: Address,
    /// The handset, as sent: a receipt matches only if its address is this one.
    pub destination: Address,
    /// Receipts that the customer asked for.
    #[serde(default)]
    pub receipt: u8,
    /// How many parts the message has.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub parts: u16,
    /// When the message was accepted, Unix milliseconds.
    #[serde(default)]
    pub accepted_ms: u64,
    /// Not to be sent after this, Unix milliseconds.
    #[serde(default)]
    pub valid_until_ms: u64,
    /// The configuration version on the message: by it a receipt is judged, whenever it comes.
    #[serde(default)]
    pub config: u64,
    /// Where the accepted message lies.
    pub origin: Origin,
    /// When the answer came, Unix milliseconds.
    pub at_ms: u64,
}

/// A receipt as the provider sent it, its text and TLVs taken apart by the provider's settings. Key:
/// as the result's, provider + canonical id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderReceipt {
    /// Version.
    pub v: V<1>,
    /// Who sent it.
    pub provider: ProviderId,
    /// Which part it speaks of.
    pub canonical: CanonicalId,
    /// `source_addr` as it came: usually the handset.
    pub source: Address,
    /// `destination_addr` as it came: usually the message's sender.
    pub destination: Address,
    /// What became of the part; none: nothing that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<MessageState>,
    /// `err` of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// TLV `network_error_code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_error: Option<NetworkError>,
    /// `submit date` as it came, in the provider's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submit_date: Option<String>,
    /// `done date` as it came, in the provider's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_date: Option<String>,
    /// When we received it, Unix milliseconds: decisions use this, never a clock.
    pub arrived_ms: u64,
}

impl ProviderReceipt {
    /// The key of its record.
    #[must_use]
    pub fn key(&self) -> String {
        receipt_key(&self.provider, &self.canonical)
    }

    /// What it tells of whose it is.
    #[must_use]
    pub fn claim(&self) -> Claim<'_> {
        Claim {
            source: &self.source,
            destination: &self.destination,
            submitted: self.submitted(),
            arrived_ms: self.arrived_ms,
        }
    }

    /// What it says became of the part.
    #[must_use]
    pub fn said(&self) -> Said<'_> {
        Said { state: self.state, error: self.error.as_deref(), network_error: self.network_error }
    }

    /// Its submit date, if it can be read.
    #[must_use]
    pub fn submitted(&self) -> Option<ReceiptDate> {
        ReceiptDate::parse(self.submit_date.as_deref()?)
    }

    /// Its done date, if it can be read.
    #[must_use]
    pub fn done(&self) -> Option<ReceiptDate> {
        ReceiptDate::parse(self.done_date.as_deref()?)
    }
}

/// Under which results and receipts of one part meet, in `provider-events` and in `correlations`.
#[must_use]
pub fn receipt_key(provider: &ProviderId, canonical: &CanonicalId) -> String {
    format!("{provider}|{canonical}")
}

/// What names the record of a [`SubmitResult`], read without the rest of it.
#[derive(Debug, Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    provider: Cow<'a, str>,
    #[serde(borrow, default)]
    provider_message_id: Cow<'a, str>,
    #[serde(borrow, default)]
    canonical: Option<Cow<'a, str>>,
    part: PartId,
}

/// The key of a [`SubmitResult`]'s record, from its JSON: the provider and its id for the part (a
/// receipt comes under the same key); without an id the part's own.
///
/// # Errors
/// It is none.
pub fn result_key(json: &str) -> Result<String, Undecodable> {
    let Named { provider, provider_message_id: id, canonical, part } =
        crate::decode(json.as_bytes())?;
    Ok(key(&provider, canonical.as_deref().unwrap_or(&id), part))
}

fn key(provider: &str, id: &str, part: PartId) -> String {
    if id.is_empty() { part.to_string() } else { format!("{provider}|{id}") }
}

impl SubmitResult {
    /// The key of its record, as [`result_key`] finds it.
    #[must_use]
    pub fn key(&self) -> String {
        let canonical = self.canonical.as_ref().map(CanonicalId::as_str);
        key(self.provider.as_str(), canonical.unwrap_or(&self.provider_message_id), self.part)
    }

    /// What a receipt is compared with.
    #[must_use]
    pub fn candidate(&self) -> Candidate<'_> {
        Candidate { part: self.part, destination: &self.destination, answered_ms: self.at_ms }
    }
}

/// One part in a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSummary {
    /// Which.
    pub part: PartId,
    /// What became of it.
    pub outcome: Ending,
    /// Another submit of it stays unknown: the provider may have it too. Never retried elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubtful: bool,
}

/// A submit whose fate nobody can know. Key: message id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Doubt {
    /// Version.
    pub v: V<1>,
    /// Who was asked.
    pub provider: ProviderId,
    /// The message.
    pub message: MessageId,
    /// Which of its parts, from 0.
    pub part: u16,
    /// The attempt, from 0.
    pub attempt: u32,
    /// The slot, whose journal tells more.
    pub slot: u32,
    /// Offset of the intent in the slot's journal.
    pub intent: u64,
    /// Waits for an operator; otherwise it is sent again.
    pub held: bool,
    /// Unix milliseconds.
    pub at_ms: u64,
}

/// How an attempt ended. Key: message id. A message of one part that was accepted beyond doubt has
/// none: its result says all of it (docs/adr/0002). Before a receipt only a summary leads to a retry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Version.
    pub v: V<1>,
    /// The message.
    pub message: MessageId,
    /// Whose.
    pub customer: CustomerId,
    /// Who was tried.
    pub provider: ProviderId,
    /// The attempt, from 0.
    pub attempt: u32,
    /// Where the accepted message lies.
    pub origin: Origin,
    /// All its parts.
    pub parts: Vec<PartSummary>,
    /// Unix milliseconds.
    pub at_ms: u64,
}

fn one() -> u16 {
    1
}

fn is_one(parts: &u16) -> bool {
    *parts == 1
}

fn is_zero(status: &u32) -> bool {
    *status == 0
}
