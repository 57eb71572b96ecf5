//! From a customer's PDU to a record, or the status that refuses it. Pure: id, time and
//! configuration version are passed in.

use domain::address::Address;
use domain::id::PartId;
use domain::message::{Concatenation, Envelope, Message, Part, Priority, ReferenceKind};
use domain::octets::Octets;
use smpp::pdu::{self, Submit};
use smpp::udh::{self, Kind};
use smpp::{CommandStatus, address, time_format};
use wire::V;
use wire::customer_incoming::{IncomingMessage, IncomingPart, part_key};
use wire::topics;

use crate::accounts::Account;

/// Octets that the parts of one message may hold together (design, section 5).
const MESSAGE_OCTETS_MAX: usize = 64 * 1024;
const HOUR_MS: u64 = 3_600_000;
/// How far ahead a message can be scheduled.
const SCHEDULE_MAX_MS: u64 = 30 * 24 * HOUR_MS;
/// Bits of `esm_class` that an ESME may set beside the UDH indicator: mode and reply path
/// (SMPP 3.4, section 5.2.12).
const ESM_KEPT: u8 = 0xbf;

/// What the edge adds to a submit.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// The part's id, that of one sent at once: a scheduled one gets its own ([`PartId::scheduled`]).
    pub id: PartId,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// Configuration version in force.
    pub config: u64,
    /// Longest validity.
    pub validity_max_h: u32,
    /// The id stands for this message alone: by it a scheduled one can be cancelled.
    pub is_one: bool,
}

impl Stamp {
    /// The longest validity, milliseconds.
    pub(crate) fn validity_max_ms(&self) -> u64 {
        u64::from(self.validity_max_h) * HOUR_MS
    }
}

/// A record for Kafka.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// One of several parts.
    Part(Box<IncomingPart>),
    /// A message of one part.
    Message(Box<IncomingMessage>),
}

impl Incoming {
    /// The id that the customer is given.
    #[must_use]
    pub fn id(&self) -> PartId {
        match self {
            Self::Part(part) => part.id(),
            Self::Message(message) => message.message.id.into(),
        }
    }

    /// Topic, key and value.
    #[must_use]
    pub fn record(&self) -> (&'static str, String, Vec<u8>) {
        match self {
            Self::Part(part) => {
                let key = part_key(&part.envelope, &part.concatenation);
                (topics::CUSTOMER_INCOMING_MESSAGE_PARTS, key, wire::encode(part.as_ref()))
            }
            // Without a key the messages of a moment share a partition, and so a request.
            Self::Message(message) => {
                let value = wire::encode(message.as_ref());
                (topics::CUSTOMER_INCOMING_MESSAGES, String::new(), value)
            }
        }
    }
}

/// Turns a `submit_sm` or `data_sm` into a record.
///
/// # Errors
/// The status that SMPP names for what is wrong with it.
pub fn incoming(
    account: &Account,
    submit: &Submit,
    stamp: &Stamp,
) -> Result<Incoming, CommandStatus> {
    let envelope = envelope(account, submit, stamp)?;
    let found = udh::concatenation(submit).map_err(udh::UdhError::status)?;
    // A long message is known by its first part.
    let is_first = stamp.is_one && found.is_none_or(|place| place.index == 1);
    let id = match envelope.schedule_ms {
        Some(_) if is_first => stamp.id.scheduled(&envelope.customer, &envelope.source),
        _ => stamp.id,
    };
    let stamp = &Stamp { id, ..*stamp };
    let part = part(submit, id)?;
    let total = found.map_or(1, |place| usize::from(place.total));
    if part.octets.0.len() * total > MESSAGE_OCTETS_MAX {
        return Err(CommandStatus::EsmeRinvmsglen);
    }
    Ok(match found.filter(|place| place.total > 1) {
        Some(place) => Incoming::Part(Box::new(IncomingPart {
            v: V,
            envelope,
            concatenation: concatenation(&place),
            part,
        })),
        None => Incoming::Message(Box::new(whole(envelope, part, stamp))),
    })
}

fn whole(envelope: Envelope, part: Part, stamp: &Stamp) -> IncomingMessage {
    let message = Message {
        id: stamp.id.into(),
        envelope,
        split: None,
        parts: vec![part],
        attempt: 0,
        attempt_ms: stamp.now_ms,
        tried: Vec::new(),
    };
    IncomingMessage { v: V, message }
}

fn envelope(account: &Account, submit: &Submit, stamp: &Stamp) -> Result<Envelope, CommandStatus> {
    address::check_source(&submit.source)?;
    address::check_destination(&submit.destination)?;
    let source = domain_address(&submit.source);
    if !account.allows_sender(&source.number) {
        return Err(CommandStatus::EsmeRinvsrcadr);
    }
    let schedule_ms = scheduled(&submit.schedule, stamp.now_ms)?;
    if submit.default_msg_id != 0 {
        return Err(CommandStatus::EsmeRinvdftmsgid);
    }
    Ok(Envelope {
        customer: account.customer.clone(),
        source,
        destination: domain_address(&submit.destination),
        service: submit.service_type.to_text().into_owned(),
        pid: submit.protocol_id,
        esm: submit.esm_class & ESM_KEPT & !Submit::UDHI,
        coding: submit.data_coding,
        priority: priority(account, submit)?,
        accepted_ms: stamp.now_ms,
        valid_until_ms: valid_until(account, submit, stamp, schedule_ms)?,
        schedule_ms,
        config: stamp.config,
    })
}

fn priority(account: &Account, submit: &Submit) -> Result<Priority, CommandStatus> {
    match submit.priority {
        0..=4 => Ok(Priority::from_smpp(submit.priority).unwrap_or(account.default_priority)),
        _ => Err(CommandStatus::EsmeRinvprtflg),
    }
}

/// `schedule_delivery_time` in Unix milliseconds; none: at once.
///
/// # Errors
/// `ESME_RINVSCHED`: no time, not ahead, or too far ahead.
pub(crate) fn scheduled(field: &[u8], now_ms: u64) -> Result<Option<u64>, CommandStatus> {
    let asked = time_format::parse(field).map_err(|_| CommandStatus::EsmeRinvsched)?;
    let Some(time_ms) = asked.map(|time| time.unix_ms(now_ms)) else { return Ok(None) };
    let is_ahead = time_ms > now_ms && time_ms - now_ms <= SCHEDULE_MAX_MS;
    if is_ahead { Ok(Some(time_ms)) } else { Err(CommandStatus::EsmeRinvsched) }
}

/// A relative validity counts from now, as SMPP says of all relative times (SMPP 3.4, section 7.1.1). The
/// default and the longest one count from when the message is sent: before, it waits in no topic.
fn valid_until(
    account: &Account,
    submit: &Submit,
    stamp: &Stamp,
    schedule_ms: Option<u64>,
) -> Result<u64, CommandStatus> {
    let sent_ms = schedule_ms.unwrap_or(stamp.now_ms);
    let asked = time_format::parse(&submit.validity).map_err(|_| CommandStatus::EsmeRinvexpiry)?;
    let until = match asked {
        Some(time) => time.unix_ms(stamp.now_ms),
        None => sent_ms + u64::from(account.default_validity_h) * HOUR_MS,
    };
    if until <= sent_ms {
        return Err(CommandStatus::EsmeRinvexpiry);
    }
    Ok(until.min(sent_ms + stamp.validity_max_ms()))
}

fn part(submit: &Submit, id: PartId) -> Result<Part, CommandStatus> {
    let octets = udh::payload(submit).map_err(udh::UdhError::status)?;
    let mut others = Vec::new();
    if submit.has_udh() {
        let header = udh::header(&submit.message).map_err(udh::UdhError::status)?;
        for element in udh::elements(header) {
            let (element, data) = element.map_err(udh::UdhError::status)?;
            if !matches!(element, udh::CONCATENATION_8 | udh::CONCATENATION_16) {
                // The length came from one octet.
                let length = u8::try_from(data.len()).unwrap_or(u8::MAX);
                others.extend([element, length]);
                others.extend_from_slice(data);
            }
        }
    }
    let receipt = submit.registered_delivery;
    Ok(Part {
        id,
        aliases: Vec::new(),
        octets: Octets(octets.to_vec()),
        udh: Octets(others),
        receipt,
    })
}

fn concatenation(place: &udh::Concatenation) -> Concatenation {
    let kind = match place.kind {
        Kind::Udh8 => ReferenceKind::Udh8,
        Kind::Udh16 => ReferenceKind::Udh16,
        Kind::Sar => ReferenceKind::Sar,
    };
    Concatenation { kind, reference: place.reference, total: place.total, index: place.index }
}

/// Addresses have been checked to be printable ASCII.
pub(crate) fn domain_address(address: &pdu::Address) -> Address {
    Address {
        ton: address.ton.into(),
        npi: address.npi.into(),
        number: address.addr.to_text().into_owned(),
    }
}
