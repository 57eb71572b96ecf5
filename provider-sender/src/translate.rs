//! From a routed message's part to a `submit_sm` as its provider wants it, and from the answer to
//! what the journal and `provider-events` are told. Pure.

use domain::address::Address;
use domain::config::{IdSettings, LongMessages};
use domain::message::{Part, ReferenceKind};
use domain::receipts::{Side, canonical_id};
use domain::segmentation;
use smpp::pdu::{self, Submit};
use smpp::udh::{self, Concatenation, Kind};
use smpp::{CommandStatus, Octets, time_format};
use wire::V;
use wire::provider_events::SubmitResult;
use wire::provider_outgoing::OutgoingMessage;
use wire::submit_journal::{Ending, Fate};

/// A `short_message` holds this many octets; what is longer goes as `message_payload`
/// (SMPP 3.4, section 5.2.21).
const SHORT_MESSAGE_MAX: usize = 254;

/// Part `index` (from 0) of `outgoing` as a `submit_sm`; none: there is no such part, or its user
/// data header would be too long.
#[must_use]
pub fn submit(
    outgoing: &OutgoingMessage,
    index: u16,
    long: LongMessages,
    now_ms: u64,
) -> Option<Submit> {
    let message = &outgoing.message;
    let envelope = &message.envelope;
    let part = message.parts.get(usize::from(index))?;
    let place = place(outgoing, index, long);
    let octets = with_header(part, place.as_ref())?;
    let has_udh = octets.len() > part.octets.0.len();
    let remaining_ms = envelope.valid_until_ms.saturating_sub(now_ms);
    let mut submit = Submit {
        service_type: Octets::from(envelope.service.as_str()),
        source: pdu_address(&envelope.source),
        destination: pdu_address(&envelope.destination),
        esm_class: envelope.esm | if has_udh { Submit::UDHI } else { 0 },
        protocol_id: envelope.pid,
        validity: Octets::from(time_format::relative(remaining_ms)),
        registered_delivery: part.receipt,
        data_coding: envelope.coding,
        in_payload: octets.len() > SHORT_MESSAGE_MAX,
        message: Octets::from(octets),
        ..Submit::default()
    };
    if let Some(place) = place.filter(|place| place.kind == Kind::Sar) {
        place.set_sar(&mut submit.tlvs);
    }
    Some(submit)
}

/// Where the part stands in its message. The reference follows from the message's id, so it is the
/// same at every resend; the customer's width is kept.
fn place(outgoing: &OutgoingMessage, index: u16, long: LongMessages) -> Option<Concatenation> {
    let message = &outgoing.message;
    let total = u8::try_from(message.parts.len()).ok().filter(|total| *total > 1)?;
    let kind = match (long, message.split) {
        (LongMessages::Sar, _) => Kind::Sar,
        (_, Some(ReferenceKind::Udh16 | ReferenceKind::Sar)) => Kind::Udh16,
        _ => Kind::Udh8,
    };
    let reference = match (segmentation::reference(message.id), kind) {
        (reference, Kind::Udh8) => reference & 0xff,
        (reference, _) => reference,
    };
    let index = u8::try_from(index).ok()?.checked_add(1)?;
    Some(Concatenation { kind, reference, total, index })
}

/// The octets with a header of the concatenation element (if it goes there) and the customer's
/// other elements.
fn with_header(part: &Part, place: Option<&Concatenation>) -> Option<Vec<u8>> {
    let element = place.and_then(Concatenation::element);
    if element.is_none() && part.udh.is_empty() {
        return Some(part.octets.0.clone());
    }
    let first = element.as_ref().map(|(id, data)| Ok((*id, data.as_slice())));
    let elements: Result<Vec<_>, _> = first.into_iter().chain(udh::elements(&part.udh.0)).collect();
    let mut octets = udh::build(&elements.ok()?).ok()?;
    octets.extend_from_slice(&part.octets.0);
    Some(octets)
}

fn pdu_address(address: &Address) -> pdu::Address {
    pdu::Address {
        ton: address.ton.into(),
        npi: address.npi.into(),
        addr: Octets::from(address.number.as_str()),
    }
}

/// What an answer means to the journal: throttling is not final.
#[must_use]
pub fn fate(status: CommandStatus) -> Fate {
    match status {
        CommandStatus::EsmeRok => Fate::Accepted,
        CommandStatus::EsmeRthrottled | CommandStatus::EsmeRmsgqful => Fate::Returned,
        _ => Fate::Rejected,
    }
}

/// The event that tells of an answer; none for one that is not final.
#[must_use]
pub fn result(
    outgoing: &OutgoingMessage,
    index: u16,
    status: CommandStatus,
    provider_message_id: &str,
    ids: &IdSettings,
    at_ms: u64,
) -> Option<SubmitResult> {
    let outcome = match fate(status) {
        Fate::Accepted => Ending::Accepted,
        Fate::Rejected => Ending::Rejected,
        Fate::Returned | Fate::Expired => return None,
    };
    let message = &outgoing.message;
    let part = message.parts.get(usize::from(index))?;
    let canonical = canonical_id(provider_message_id, Side::Response, ids);
    Some(SubmitResult {
        v: V,
        provider: outgoing.provider.clone(),
        provider_message_id: provider_message_id.to_owned(),
        canonical: canonical.filter(|id| id.as_str() != provider_message_id),
        customer: message.envelope.customer.clone(),
        message: message.id,
        part: part.id,
        aliases: part.aliases.clone(),
        attempt: message.attempt,
        outcome,
        status: status.into(),
        source: message.envelope.source.clone(),
        destination: message.envelope.destination.clone(),
        receipt: part.receipt,
        parts: u16::try_from(message.parts.len()).unwrap_or(u16::MAX),
        accepted_ms: message.envelope.accepted_ms,
        valid_until_ms: message.envelope.valid_until_ms,
        config: message.envelope.config,
        origin: outgoing.origin,
        at_ms,
    })
}
