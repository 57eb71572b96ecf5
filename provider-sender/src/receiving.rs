//! What a provider delivers in `deliver_sm` or `data_sm`: a receipt, a handset's message, or a part
//! of one. Pure: id, time and configuration version are passed in. How a provider differs is in its
//! settings (`domain::config::ReceiptSettings`).

use domain::address::Address;
use domain::config::{IdPlace, Provider, ReceiptSettings};
use domain::id::PartId;
use domain::message::{Concatenation, Part, ReferenceKind};
use domain::octets::Octets;
use domain::receipts::{
    self, CanonicalId, MessageState, NetworkError, Side, Signs, canonical_id, is_receipt,
};
use smpp::pdu::{self, Submit};
use smpp::receipt::{self, Receipt};
use smpp::udh::{self, Kind};
use smpp::{CommandStatus, pdu::Tlvs};
use wire::provider_events::{ProviderEvent, ProviderReceipt};
use wire::provider_incoming::{HandsetEnvelope, ProviderMessage, ProviderPart, part_key};
use wire::{V, topics};

/// Octets that the parts of one message may hold together (design, section 5).
const MESSAGE_OCTETS_MAX: usize = 64 * 1024;
/// Longest canonical id: SMPP has 64 characters (SMPP 3.4, section 5.3.2.12), and it becomes a key.
const ID_MAX: usize = 255;
/// Longest date or error code that is kept: any that means something is shorter.
const WORD_MAX: usize = 64;

/// What the gateway adds.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// The id of a handset's message or part. SMPP has nothing that names a repeat, so each arrival
    /// gets its own.
    pub id: PartId,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// Configuration version in force.
    pub config: u64,
}

/// What it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// A receipt.
    Receipt(Box<ProviderReceipt>),
    /// A handset's message of one part.
    Message(Box<ProviderMessage>),
    /// One part of several.
    Part(Box<ProviderPart>),
    /// A receipt that names no message, as it came: a dead letter, for a repeat would say no more.
    Nameless(Box<ProviderMessage>),
}

/// Tells apart what `provider` delivered.
///
/// # Errors
/// The status to refuse it with: its header or its place among the parts cannot be.
pub fn received(
    provider: &Provider,
    submit: &Submit,
    stamp: &Stamp,
) -> Result<Received, CommandStatus> {
    let settings = &provider.receipts;
    let Submit { esm_class, tlvs, .. } = submit;
    let receipt_tlv = tlvs.receipted_message_id.is_some() || tlvs.message_state.is_some();
    let mut text = None;
    let reads_as_receipt = || {
        let text = text.insert(receipt::parse(&receipt_text(submit)));
        text.id.is_some() && text.stat.is_some()
    };
    let signs = Signs { esm_class: *esm_class, receipt_tlv };
    if !is_receipt(signs, settings.recognition, reads_as_receipt) {
        return from_handset(provider, submit, stamp);
    }
    let text = text.unwrap_or_else(|| receipt::parse(&receipt_text(submit)));
    Ok(match id(settings, tlvs, &text) {
        Some(canonical) => {
            Received::Receipt(Box::new(receipt_of(provider, submit, &text, canonical, stamp)))
        }
        None => Received::Nameless(Box::new(ProviderMessage {
            v: V,
            id: stamp.id.into(),
            envelope: envelope(provider, submit, stamp),
            split: None,
            parts: vec![part(submit.message.to_vec(), Vec::new(), stamp)],
            incomplete_of: None,
        })),
    })
}

impl Received {
    /// Topic, key (empty: none) and value of its record; none for [`Received::Nameless`], which has
    /// no record of its own.
    #[must_use]
    pub fn record(&self) -> Option<(&'static str, String, Vec<u8>)> {
        Some(match self {
            Self::Receipt(receipt) => {
                let event = ProviderEvent::Receipt(receipt.as_ref().clone());
                (topics::PROVIDER_EVENTS, receipt.key(), wire::encode(&event))
            }
            Self::Message(message) => {
                let value = wire::encode(message.as_ref());
                (topics::PROVIDER_INCOMING_MESSAGES, String::new(), value)
            }
            Self::Part(part) => {
                let key = part_key(&part.envelope, &part.concatenation);
                (topics::PROVIDER_INCOMING_MESSAGE_PARTS, key, wire::encode(part.as_ref()))
            }
            Self::Nameless(_) => return None,
        })
    }
}

/// The text behind a user data header, if there is one that can be.
fn receipt_text(submit: &Submit) -> smpp::Octets {
    udh::payload(submit).unwrap_or_else(|_| submit.message.clone())
}

/// The id that the receipt speaks of: from the place that settings name, else from the other.
fn id(settings: &ReceiptSettings, tlvs: &Tlvs, text: &Receipt) -> Option<CanonicalId> {
    let read = |id: &Option<smpp::Octets>| {
        let canonical = canonical_id(&id.as_ref()?.to_text(), Side::Receipt, &settings.ids)?;
        (canonical.as_str().len() <= ID_MAX).then_some(canonical)
    };
    let in_tlv = || read(&tlvs.receipted_message_id);
    let in_text = || read(&text.id);
    match settings.ids.receipt_place {
        IdPlace::Tlv => in_tlv().or_else(in_text),
        IdPlace::Text => in_text().or_else(in_tlv),
    }
}

fn receipt_of(
    provider: &Provider,
    submit: &Submit,
    text: &Receipt,
    canonical: CanonicalId,
    stamp: &Stamp,
) -> ProviderReceipt {
    let network_error = submit.tlvs.network_error_code;
    ProviderReceipt {
        v: V,
        provider: provider.id.clone(),
        canonical,
        source: address(&submit.source),
        destination: address(&submit.destination),
        state: state(&provider.receipts, &submit.tlvs, text),
        error: word(text.err.as_ref()),
        network_error: network_error.and_then(|code| NetworkError::from_tlv(&code)),
        submit_date: word(text.submit_date.as_ref()),
        done_date: word(text.done_date.as_ref()),
        arrived_ms: stamp.now_ms,
    }
}

/// TLVs go before the text, the provider's own words before both.
fn state(settings: &ReceiptSettings, tlvs: &Tlvs, text: &Receipt) -> Option<MessageState> {
    let word = word(text.stat.as_ref());
    let named = text.state().map(u8::from);
    receipts::state(&settings.words, word.as_deref(), tlvs.message_state, named)
}

fn word(octets: Option<&smpp::Octets>) -> Option<String> {
    octets.filter(|octets| octets.len() <= WORD_MAX).map(|octets| octets.to_text().into_owned())
}

fn from_handset(
    provider: &Provider,
    submit: &Submit,
    stamp: &Stamp,
) -> Result<Received, CommandStatus> {
    let found = udh::concatenation(submit).map_err(udh::UdhError::status)?;
    let octets = udh::payload(submit).map_err(udh::UdhError::status)?;
    let part = part(octets.to_vec(), other_elements(submit)?, stamp);
    let envelope = envelope(provider, submit, stamp);
    let Some(place) = found.filter(|place| place.total > 1) else {
        return Ok(Received::Message(Box::new(ProviderMessage {
            v: V,
            id: stamp.id.into(),
            envelope,
            split: None,
            parts: vec![part],
            incomplete_of: None,
        })));
    };
    if part.octets.0.len() * usize::from(place.total) > MESSAGE_OCTETS_MAX {
        return Err(CommandStatus::EsmeRinvmsglen);
    }
    let concatenation = concatenation(&place);
    Ok(Received::Part(Box::new(ProviderPart { v: V, envelope, concatenation, part })))
}

/// What the handset or its operator asks of receipts (`registered_delivery`) is not kept: nobody
/// answers a handset.
fn part(octets: Vec<u8>, udh: Vec<u8>, stamp: &Stamp) -> Part {
    let (octets, udh) = (Octets(octets), Octets(udh));
    Part { id: stamp.id, aliases: Vec::new(), octets, udh, receipt: 0 }
}

fn envelope(provider: &Provider, submit: &Submit, stamp: &Stamp) -> HandsetEnvelope {
    HandsetEnvelope {
        provider: provider.id.clone(),
        source: address(&submit.source),
        destination: address(&submit.destination),
        service: submit.service_type.to_text().into_owned(),
        pid: submit.protocol_id,
        esm: submit.esm_class & !Submit::UDHI,
        coding: submit.data_coding,
        arrived_ms: stamp.now_ms,
        config: stamp.config,
    }
}

/// The user data header's elements other than concatenation, as they stood.
fn other_elements(submit: &Submit) -> Result<Vec<u8>, CommandStatus> {
    let mut others = Vec::new();
    if submit.has_udh() {
        let header = udh::header(&submit.message).map_err(udh::UdhError::status)?;
        for element in udh::elements(header) {
            let (id, data) = element.map_err(udh::UdhError::status)?;
            if !matches!(id, udh::CONCATENATION_8 | udh::CONCATENATION_16) {
                // The length came from one octet.
                others.extend([id, u8::try_from(data.len()).unwrap_or(u8::MAX)]);
                others.extend_from_slice(data);
            }
        }
    }
    Ok(others)
}

fn concatenation(place: &udh::Concatenation) -> Concatenation {
    let kind = match place.kind {
        Kind::Udh8 => ReferenceKind::Udh8,
        Kind::Udh16 => ReferenceKind::Udh16,
        Kind::Sar => ReferenceKind::Sar,
    };
    Concatenation { kind, reference: place.reference, total: place.total, index: place.index }
}

fn address(address: &pdu::Address) -> Address {
    Address {
        ton: address.ton.into(),
        npi: address.npi.into(),
        number: address.addr.to_text().into_owned(),
    }
}
