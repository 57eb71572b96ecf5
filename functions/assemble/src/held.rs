//! A part of a long message, from a customer or from a handset: the same join for both.

use domain::id::PartId;
use domain::message::{Concatenation, Part};
use serde::{Deserialize, Serialize};
use wire::V;
use wire::customer_incoming::{self, IncomingPart};
use wire::provider_incoming::{self, ProviderMessage, ProviderPart};
use wire::topics::{CUSTOMER_INCOMING_MESSAGE_PARTS, PROVIDER_INCOMING_MESSAGE_PARTS};

/// Where parts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// `customer-incoming-message-parts`.
    Customers,
    /// `provider-incoming-message-parts`.
    Handsets,
}

/// Begins the keys of handsets' parts in the table. Those of customers' parts begin with the customer's
/// name, which has no such character: the two never meet.
const HANDSETS: &str = "|handsets|";

impl Source {
    /// Whose parts the item with this key holds.
    #[must_use]
    pub fn of_key(key: &str) -> Self {
        if key.starts_with(HANDSETS) { Self::Handsets } else { Self::Customers }
    }

    /// Whose parts are on this topic.
    #[must_use]
    pub fn of_topic(topic: &str) -> Self {
        if topic == PROVIDER_INCOMING_MESSAGE_PARTS { Self::Handsets } else { Self::Customers }
    }

    /// The topic of these parts.
    #[must_use]
    pub fn topic(self) -> &'static str {
        match self {
            Self::Customers => CUSTOMER_INCOMING_MESSAGE_PARTS,
            Self::Handsets => PROVIDER_INCOMING_MESSAGE_PARTS,
        }
    }
}

/// A part. In the table as on its topic: what is in the one envelope and not in the other tells them
/// apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Held {
    /// From a customer.
    Customer(IncomingPart),
    /// From a handset.
    Handset(ProviderPart),
}

impl Held {
    /// Reads a record's value.
    ///
    /// # Errors
    /// It can never be processed.
    pub fn decode(source: Source, value: &[u8]) -> Result<Self, wire::Undecodable> {
        Ok(match source {
            Source::Customers => Self::Customer(wire::decode(value)?),
            Source::Handsets => Self::Handset(wire::decode(value)?),
        })
    }

    /// The item of the table that it belongs to.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Customer(held) => {
                customer_incoming::part_key(&held.envelope, &held.concatenation)
            }
            Self::Handset(held) => {
                let key = provider_incoming::part_key(&held.envelope, &held.concatenation);
                format!("{HANDSETS}{key}")
            }
        }
    }

    /// Id and content.
    #[must_use]
    pub fn part(&self) -> &Part {
        match self {
            Self::Customer(held) => &held.part,
            Self::Handset(held) => &held.part,
        }
    }

    /// The same, to be changed.
    pub fn part_mut(&mut self) -> &mut Part {
        match self {
            Self::Customer(held) => &mut held.part,
            Self::Handset(held) => &mut held.part,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> PartId {
        self.part().id
    }

    /// Which part of what.
    #[must_use]
    pub fn concatenation(&self) -> &Concatenation {
        match self {
            Self::Customer(held) => &held.concatenation,
            Self::Handset(held) => &held.concatenation,
        }
    }

    /// SMPP `data_coding`.
    #[must_use]
    pub fn coding(&self) -> u8 {
        match self {
            Self::Customer(held) => held.envelope.coding,
            Self::Handset(held) => held.envelope.coding,
        }
    }

    /// Octets of what it has in common with the other parts, where their number is not fixed.
    #[must_use]
    pub fn envelope_octets(&self) -> usize {
        let (whose, source, destination, service) = match self {
            Self::Customer(IncomingPart { envelope, .. }) => {
                let customer = envelope.customer.as_str();
                (customer, &envelope.source, &envelope.destination, &envelope.service)
            }
            Self::Handset(ProviderPart { envelope, .. }) => {
                let provider = envelope.provider.as_str();
                (provider, &envelope.source, &envelope.destination, &envelope.service)
            }
        };
        whose.len() + source.number.len() + destination.number.len() + service.len()
    }
}

/// The handset's message of these parts, in whatever order: whole, or what came of it. Envelope and id
/// are those of index 1; where that is missing, the earliest part's envelope and an id derived from
/// its. None: there is no part of a handset.
#[must_use]
pub fn handset_message<'a>(parts: impl IntoIterator<Item = &'a Held>) -> Option<ProviderMessage> {
    let of_handset = |held: &'a Held| match held {
        Held::Handset(held) => Some(held),
        Held::Customer(_) => None,
    };
    let mut held: Vec<&ProviderPart> = parts.into_iter().filter_map(of_handset).collect();
    held.sort_by_key(|part| part.concatenation.index);
    let first = *held.first()?;
    let Concatenation { kind, total, index, .. } = first.concatenation;
    let id = if index == 1 { first.id() } else { first.id().derive("incomplete") };
    Some(ProviderMessage {
        v: V,
        id: id.into(),
        envelope: first.envelope.clone(),
        split: Some(kind),
        incomplete_of: (held.len() < usize::from(total)).then_some(total),
        parts: held.into_iter().map(|held| held.part.clone()).collect(),
    })
}
