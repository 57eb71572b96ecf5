//! From a delivery to the PDUs that carry it: one or more `deliver_sm`, in the order of their parts.
//! Pure.

use domain::address::Address;
use domain::config::LongMessages;
use domain::message::{Part, ReferenceKind};
use domain::segmentation;
use smpp::pdu::{self, Submit, Tlv, Tlvs};
use smpp::udh::{self, Concatenation, Kind};
use smpp::{Octets, receipt, time_format};
use wire::customer_deliveries::{CustomerDelivery, Delivered, HandsetMessage, Receipt};

/// `esm_class` of a delivery receipt and of an intermediate notification (SMPP 3.4, section 5.2.12).
const RECEIPT: u8 = 0x04;
const INTERMEDIATE: u8 = 0x20;
/// Of a handset's message the reply path stays; its type is none: it is a message.
const REPLY_PATH: u8 = Submit::REPLY_PATH;
/// A `short_message` holds this many octets (SMPP 3.4, section 5.2.21).
const SHORT_MESSAGE_MAX: usize = 254;
/// TLVs from this interface version on.
const V34: u8 = 0x34;
/// In the range that SMPP 3.4 (section 5.3.1) leaves to SMSC vendors: the delivery's id, by which a
/// repeat is known; and of an incomplete message how many parts it should have.
const TLV_DELIVERY: u16 = 0x1500;
const TLV_INCOMPLETE_OF: u16 = 0x1501;

/// How a customer wants what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Long messages from handsets.
    pub long_messages: LongMessages,
    /// With our own TLVs.
    pub vendor_tlvs: bool,
    /// The session's interface version.
    pub version: u8,
}

/// The PDUs of a delivery; none: it cannot be written (a header that is too long).
#[must_use]
pub fn pdus(delivery: &CustomerDelivery, form: Form) -> Option<Vec<Submit>> {
    let mut pdus = match &delivery.what {
        Delivered::Receipt(receipt) => vec![told(receipt)],
        Delivered::Message(message) => parts(delivery, message, form)?,
    };
    if form.vendor_tlvs {
        let id = Tlv { tag: TLV_DELIVERY, value: Octets::from(delivery.id.to_string()) };
        pdus.iter_mut().for_each(|pdu| pdu.tlvs.other.push(id.clone()));
    }
    Some(pdus)
}

fn told(receipt: &Receipt) -> Submit {
    let id = Octets::from(receipt.part.to_string());
    let error = if receipt.error.is_empty() { "000" } else { receipt.error.as_str() };
    let is_delivered = receipt.state == domain::receipts::MessageState::Delivered;
    let text = receipt::Receipt {
        id: Some(id.clone()),
        sub: Some(1),
        dlvrd: Some(u32::from(is_delivered)),
        submit_date: Some(date(receipt.accepted_ms)),
        done_date: Some(date(receipt.done_ms)),
        stat: Some(Octets::from(receipt.state.word())),
        err: Some(Octets::from(error)),
        text: Some(Octets::new()),
    };
    let network_error = receipt.network_error.map(|error| {
        let [high, low] = error.code.to_be_bytes();
        [error.network, high, low]
    });
    Submit {
        source: address(&receipt.destination),
        destination: address(&receipt.source),
        esm_class: if receipt.is_final { RECEIPT } else { INTERMEDIATE },
        message: receipt::write(&text),
        tlvs: Tlvs {
            receipted_message_id: Some(id),
            message_state: Some(receipt.state.smpp()),
            network_error_code: network_error,
            ..Tlvs::default()
        },
        ..Submit::default()
    }
}

/// `YYMMDDhhmm`, UTC: the beginning of SMPP's absolute time.
fn date(unix_ms: u64) -> Octets {
    let absolute = time_format::absolute(unix_ms).unwrap_or_default();
    Octets::from(absolute.get(..10).unwrap_or("0001010000"))
}

fn parts(delivery: &CustomerDelivery, message: &HandsetMessage, form: Form) -> Option<Vec<Submit>> {
    let long = match form.long_messages {
        // A 3.3 client knows no TLVs.
        LongMessages::Sar | LongMessages::Payload if form.version < V34 => LongMessages::Udh,
        long => long,
    };
    let mut pdus = if long == LongMessages::Payload && message.parts.len() > 1 {
        vec![joined(message)?]
    } else {
        let numbered = message.parts.iter().enumerate();
        let pdu = |(index, part)| one(delivery, message, index, part, long);
        numbered.map(pdu).collect::<Option<_>>()?
    };
    if let Some(total) = message.incomplete_of.filter(|_| form.vendor_tlvs) {
        let tlv = Tlv { tag: TLV_INCOMPLETE_OF, value: Octets::copy_from(&[total]) };
        pdus.iter_mut().for_each(|pdu| pdu.tlvs.other.push(tlv.clone()));
    }
    Some(pdus)
}

/// All parts in one `message_payload`; elements of the first part's header that do not join stay.
fn joined(message: &HandsetMessage) -> Option<Submit> {
    let whole = message.parts.iter().flat_map(|part| part.octets.0.iter().copied()).collect();
    let first = message.parts.first()?;
    let mut pdu = with_octets(message, first, None, whole)?;
    pdu.in_payload = true;
    Some(pdu)
}

fn one(
    delivery: &CustomerDelivery,
    message: &HandsetMessage,
    index: usize,
    part: &Part,
    long: LongMessages,
) -> Option<Submit> {
    let total = u8::try_from(message.parts.len()).ok()?;
    let kind = match (long, message.split) {
        (LongMessages::Sar, _) => Kind::Sar,
        (_, Some(ReferenceKind::Udh16 | ReferenceKind::Sar)) => Kind::Udh16,
        _ => Kind::Udh8,
    };
    // The same at each repeat; the parts that came of an incomplete message are numbered as if they were
    // all: a handset's text is shown then, not kept for a part that never comes.
    let reference = segmentation::reference(delivery.message);
    let reference = if kind == Kind::Udh8 { reference & 0xff } else { reference };
    let index = u8::try_from(index + 1).ok()?;
    let place = (total > 1).then_some(Concatenation { kind, reference, total, index });
    let mut pdu = with_octets(message, part, place.as_ref(), part.octets.0.clone())?;
    if let Some(place) = place.filter(|place| place.kind == Kind::Sar) {
        place.set_sar(&mut pdu.tlvs);
    }
    Some(pdu)
}

fn with_octets(
    message: &HandsetMessage,
    part: &Part,
    place: Option<&Concatenation>,
    text: Vec<u8>,
) -> Option<Submit> {
    let element = place.and_then(Concatenation::element);
    let has_udh = element.is_some() || !part.udh.is_empty();
    let octets = if has_udh {
        let first = element.as_ref().map(|(id, data)| Ok((*id, data.as_slice())));
        let elements: Result<Vec<_>, _> =
            first.into_iter().chain(udh::elements(&part.udh.0)).collect();
        let mut octets = udh::build(&elements.ok()?).ok()?;
        octets.extend(text);
        octets
    } else {
        text
    };
    Some(Submit {
        service_type: Octets::from(message.service.as_str()),
        source: address(&message.source),
        destination: address(&message.destination),
        esm_class: (message.esm & REPLY_PATH) | if has_udh { Submit::UDHI } else { 0 },
        protocol_id: message.pid,
        data_coding: message.coding,
        in_payload: octets.len() > SHORT_MESSAGE_MAX,
        message: Octets::from(octets),
        ..Submit::default()
    })
}

fn address(address: &Address) -> pdu::Address {
    pdu::Address {
        ton: address.ton.into(),
        npi: address.npi.into(),
        addr: Octets::from(address.number.as_str()),
    }
}
