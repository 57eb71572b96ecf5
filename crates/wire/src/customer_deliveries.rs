//! `customer-deliveries` and, the same record for one edge node, `edge-deliveries`: receipts and
//! handsets' messages for customers. Key: message id.

use domain::address::Address;
use domain::id::{CustomerId, DeliveryId, MessageId, PartId, ProviderId};
use domain::message::{Envelope, Message, Part, ReferenceKind, asks_for_failure};
use domain::receipts::{CustomerReceipt, MessageState, NetworkError};
use serde::{Deserialize, Serialize};

use crate::version::V;

/// Something for a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerDelivery {
    /// Version.
    pub v: V<1>,
    /// The same at every run.
    pub id: DeliveryId,
    /// To whom.
    pub customer: CustomerId,
    /// The message that it is about, or that it is.
    pub message: MessageId,
    /// What is delivered.
    pub what: Delivered,
    /// When it came to be, Unix milliseconds; given up 72 h later.
    pub at_ms: u64,
    /// How many edge nodes gave it back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u8,
}

/// What is delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivered {
    /// A receipt about a part of the customer's message.
    Receipt(Receipt),
    /// A handset's message.
    Message(HandsetMessage),
}

/// A receipt for one part, as the customer gets it (`deliver_sm` swaps the addresses).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The part, by the id that the customer was given.
    pub part: PartId,
    /// The sender of the message.
    pub source: Address,
    /// Its handset.
    pub destination: Address,
    /// What became of the part.
    pub state: MessageState,
    /// Nothing follows; else an intermediate notification.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// `err`: the provider's, or the gateway's own ([`Failure::error`]).
    pub error: String,
    /// TLV `network_error_code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_error: Option<NetworkError>,
    /// When the part was accepted, Unix milliseconds.
    pub accepted_ms: u64,
    /// When the state was reached, Unix milliseconds.
    pub done_ms: u64,
}

/// A handset's message for a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandsetMessage {
    /// Who brought it.
    pub provider: ProviderId,
    /// The handset.
    pub source: Address,
    /// The number it was written to.
    pub destination: Address,
    /// SMPP `service_type`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// SMPP `protocol_id`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pid: u8,
    /// SMPP `esm_class` without the UDH indicator.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub esm: u8,
    /// SMPP `data_coding`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub coding: u8,
    /// How its parts refer to each other; none for a message of one part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<ReferenceKind>,
    /// One or more, in the order of their index.
    pub parts: Vec<Part>,
    /// How many parts it should have, if some did not come in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_of: Option<u8>,
    /// The keyword that found the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyword: Option<String>,
}

/// Why a part ended without a provider's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Other parts did not come in time.
    Incomplete,
    /// No route leads to its destination.
    Unroutable,
    /// The customer may not send this.
    Refused,
    /// Its validity ran out.
    Expired,
    /// The handset wants no messages from this sender.
    OptedOut,
    /// Providers refused it, and none is left.
    Rejected,
    /// Its fate at a provider is unknown, and it was given up.
    Unknown,
    /// The customer took it back.
    Cancelled,
}

impl Failure {
    /// The name in events, metrics and ids.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Unroutable => "unroutable",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::OptedOut => "opted_out",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }

    /// What the customer is told became of the part.
    #[must_use]
    pub fn state(self) -> MessageState {
        match self {
            Self::Incomplete | Self::Unroutable => MessageState::Undeliverable,
            Self::Refused | Self::OptedOut | Self::Rejected => MessageState::Rejected,
            Self::Expired => MessageState::Expired,
            Self::Unknown => MessageState::Unknown,
            Self::Cancelled => MessageState::Deleted,
        }
    }

    /// The gateway's own codes for `err`, told to customers in README.
    #[must_use]
    pub fn error(self) -> &'static str {
        match self {
            Self::Incomplete => "901",
            Self::Unroutable => "902",
            Self::Refused => "903",
            Self::Expired => "904",
            Self::OptedOut => "905",
            Self::Rejected => "906",
            Self::Unknown => "907",
            Self::Cancelled => "908",
        }
    }
}

impl CustomerDelivery {
    /// The receipts of `message` that failed as a whole at `at_ms`: for each part that asked to be told, under
    /// each id that the customer was given for it.
    pub fn failures(
        message: &Message,
        failure: Failure,
        at_ms: u64,
    ) -> impl Iterator<Item = Self> + '_ {
        let asking = message.parts.iter().filter(|part| asks_for_failure(part.receipt));
        let ids = asking.flat_map(|part| std::iter::once(&part.id).chain(&part.aliases));
        ids.map(move |id| Self::failure(message.id, &message.envelope, *id, failure, at_ms))
    }

    /// The receipt for a part of `message` that failed at `at_ms` without a provider's word.
    #[must_use]
    pub fn failure(
        message: MessageId,
        envelope: &Envelope,
        part: PartId,
        failure: Failure,
        at_ms: u64,
    ) -> Self {
        let receipt = Receipt {
            part,
            source: envelope.source.clone(),
            destination: envelope.destination.clone(),
            state: failure.state(),
            is_final: true,
            error: failure.error().to_owned(),
            network_error: None,
            // A resend was accepted at another time than its part; its id says when.
            accepted_ms: if part.unix_ms() == 0 { envelope.accepted_ms } else { part.unix_ms() },
            done_ms: at_ms,
        };
        Self {
            v: V,
            id: part.delivery(failure.as_str()),
            customer: envelope.customer.clone(),
            message,
            what: Delivered::Receipt(receipt),
            at_ms,
            hops: 0,
        }
    }

    /// What a provider's receipt says, for the customer of the part.
    #[must_use]
    pub fn receipt(
        customer: CustomerId,
        message: MessageId,
        [source, destination]: [Address; 2],
        told: CustomerReceipt,
        at_ms: u64,
    ) -> Self {
        let receipt = Receipt {
            part: told.part,
            source,
            destination,
            state: told.state,
            is_final: told.is_final,
            error: told.error,
            network_error: told.network_error,
            accepted_ms: told.submitted_ms,
            done_ms: told.done_ms,
        };
        let what = Delivered::Receipt(receipt);
        Self { v: V, id: told.id, customer, message, what, at_ms, hops: 0 }
    }
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}
