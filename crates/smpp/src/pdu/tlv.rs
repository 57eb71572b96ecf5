//! Optional parameters (SMPP 3.4 §5.3, 5.0 §4.8): those that the gateway acts on by name, all
//! others kept as they came.

use bytes::{BufMut, BytesMut};
use rusmpp::{CommandStatus, tlvs::TlvTag};

use super::{DecodeError, EncodeError, encode::fits, read::Reader};
use crate::Octets;

/// An optional parameter that the gateway only passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlv {
    pub tag: u16,
    pub value: Octets,
}

/// The optional parameters of a message, `message_payload` excepted, which is its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tlvs {
    pub sar_msg_ref_num: Option<u16>,
    pub sar_total_segments: Option<u8>,
    pub sar_segment_seqnum: Option<u8>,
    pub user_message_reference: Option<u16>,
    /// Without its NUL.
    pub receipted_message_id: Option<Octets>,
    pub message_state: Option<u8>,
    /// Network type and two octets of error code.
    pub network_error_code: Option<[u8; 3]>,
    pub source_port: Option<u16>,
    pub dest_port: Option<u16>,
    pub dest_addr_subunit: Option<u8>,
    pub more_messages_to_send: Option<u8>,
    /// Everything else, in the order it came.
    pub other: Vec<Tlv>,
}

/// Reads the optional parameters up to the end of the body; `message_payload` apart. Of a repeated
/// parameter the last one counts.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<(Tlvs, Option<Octets>), DecodeError> {
    let mut tlvs = Tlvs::default();
    let mut payload = None;
    while let Some((tag, value)) = reader.tlv()? {
        if tag == u16::from(TlvTag::MessagePayload) {
            payload = Some(value);
        } else {
            set(&mut tlvs, tag, value)?;
        }
    }
    Ok((tlvs, payload))
}

/// Appends the optional parameters.
pub(super) fn write(out: &mut BytesMut, tlvs: &Tlvs) -> Result<(), EncodeError> {
    put_u16(out, TlvTag::SarMsgRefNum, tlvs.sar_msg_ref_num);
    put_u8(out, TlvTag::SarTotalSegments, tlvs.sar_total_segments);
    put_u8(out, TlvTag::SarSegmentSeqnum, tlvs.sar_segment_seqnum);
    put_u16(out, TlvTag::UserMessageReference, tlvs.user_message_reference);
    if let Some(id) = &tlvs.receipted_message_id {
        let tag = TlvTag::ReceiptedMessageId;
        fits("receipted_message_id", id, 64)?;
        head(out, tag.into(), id.len() + 1);
        out.put_slice(id);
        out.put_u8(0);
    }
    put_u8(out, TlvTag::MessageState, tlvs.message_state);
    if let Some(code) = &tlvs.network_error_code {
        head(out, TlvTag::NetworkErrorCode.into(), code.len());
        out.put_slice(code);
    }
    put_u16(out, TlvTag::SourcePort, tlvs.source_port);
    put_u16(out, TlvTag::DestPort, tlvs.dest_port);
    put_u8(out, TlvTag::DestAddrSubunit, tlvs.dest_addr_subunit);
    put_u8(out, TlvTag::MoreMessagesToSend, tlvs.more_messages_to_send);
    tlvs.other.iter().try_for_each(|tlv| put(out, tlv.tag, &tlv.value, "optional parameter"))
}

/// Appends one optional parameter. Errors: longer than its length can say.
pub(super) fn put(
    out: &mut BytesMut,
    tag: u16,
    value: &[u8],
    field: &'static str,
) -> Result<(), EncodeError> {
    const LIMIT: usize = u16::MAX as usize;
    if value.len() > LIMIT {
        return Err(EncodeError { field, limit: LIMIT });
    }
    head(out, tag, value.len());
    out.put_slice(value);
    Ok(())
}

fn set(tlvs: &mut Tlvs, tag: u16, value: Octets) -> Result<(), DecodeError> {
    match TlvTag::from(tag) {
        TlvTag::SarMsgRefNum => tlvs.sar_msg_ref_num = Some(get_u16("sar_msg_ref_num", &value)?),
        TlvTag::SarTotalSegments => {
            tlvs.sar_total_segments = Some(get_u8("sar_total_segments", &value)?);
        }
        TlvTag::SarSegmentSeqnum => {
            tlvs.sar_segment_seqnum = Some(get_u8("sar_segment_seqnum", &value)?);
        }
        TlvTag::UserMessageReference => {
            tlvs.user_message_reference = Some(get_u16("user_message_reference", &value)?);
        }
        TlvTag::ReceiptedMessageId => tlvs.receipted_message_id = Some(without_nul(value)),
        TlvTag::MessageState => tlvs.message_state = Some(get_u8("message_state", &value)?),
        TlvTag::NetworkErrorCode => {
            tlvs.network_error_code = Some(get("network_error_code", &value)?);
        }
        TlvTag::SourcePort => tlvs.source_port = Some(get_u16("source_port", &value)?),
        TlvTag::DestPort => tlvs.dest_port = Some(get_u16("dest_port", &value)?),
        TlvTag::DestAddrSubunit => {
            tlvs.dest_addr_subunit = Some(get_u8("dest_addr_subunit", &value)?);
        }
        TlvTag::MoreMessagesToSend => {
            tlvs.more_messages_to_send = Some(get_u8("more_messages_to_send", &value)?);
        }
        _ => tlvs.other.push(Tlv { tag, value }),
    }
    Ok(())
}

/// The text of a C-octet string in a TLV; some senders leave the NUL out.
fn without_nul(value: Octets) -> Octets {
    match value.iter().position(|octet| *octet == 0) {
        Some(end) => value.into_bytes().slice(..end).into(),
        None => value,
    }
}

fn get<const N: usize>(field: &'static str, value: &[u8]) -> Result<[u8; N], DecodeError> {
    value.try_into().map_err(|_| DecodeError { status: CommandStatus::EsmeRinvtlvlen, field })
}

fn get_u8(field: &'static str, value: &[u8]) -> Result<u8, DecodeError> {
    get(field, value).map(u8::from_be_bytes)
}

fn get_u16(field: &'static str, value: &[u8]) -> Result<u16, DecodeError> {
    get(field, value).map(u16::from_be_bytes)
}

fn head(out: &mut BytesMut, tag: u16, length: usize) {
    out.put_u16(tag);
    out.put_u16(length as u16);
}

fn put_u8(out: &mut BytesMut, tag: TlvTag, value: Option<u8>) {
    if let Some(value) = value {
        head(out, tag.into(), 1);
        out.put_u8(value);
    }
}

fn put_u16(out: &mut BytesMut, tag: TlvTag, value: Option<u16>) {
    if let Some(value) = value {
        head(out, tag.into(), 2);
        out.put_u16(value);
    }
}
