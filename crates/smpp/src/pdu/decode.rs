//! From a frame to a PDU. An error carries the status to answer with; the session lives on.
//!
//! Requests are read strictly, responses leniently: there is nobody to answer, and what a peer left
//! out of a response must not hide that it answered.

use bytes::Bytes;
use rusmpp::{CommandId, CommandStatus, tlvs::TlvTag};

use super::{
    Alert, Bind, BindMode, BindResp, Cancel, Destination, Failed, Multi, MultiResp, Outbind, Pdu,
    Query, QueryResp, Replace, Submit, field, read::Reader, tlv,
};
use crate::{Frame, Octets};

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is wrong ({status:?})")]
pub struct DecodeError {
    /// The status the specification names for that field.
    pub status: CommandStatus,
    /// Which field, by its name in the specification.
    pub field: &'static str,
}

/// Reads the body of `frame`. What follows a body that has no optional parameters is ignored.
///
/// Errors: the field that is wrong, and the status to answer with ([`super::reject`] writes that
/// answer); a command that is unknown or not supported is `ESME_RINVCMDID`.
pub fn decode(frame: &Frame) -> Result<Pdu, DecodeError> {
    let id = frame.header.id;
    if id.is_response() { response(id, &frame.body) } else { request(id, &frame.body) }
}

fn request(id: CommandId, body: &Bytes) -> Result<Pdu, DecodeError> {
    let reader = &mut Reader::new(body);
    Ok(match id {
        CommandId::SubmitSm => Pdu::SubmitSm(submit(reader)?),
        CommandId::DeliverSm => Pdu::DeliverSm(submit(reader)?),
        CommandId::DataSm => Pdu::DataSm(data(reader)?),
        CommandId::EnquireLink => Pdu::EnquireLink,
        CommandId::Unbind => Pdu::Unbind,
        CommandId::BindTransmitter => Pdu::Bind(bind(reader, BindMode::Transmitter)?),
        CommandId::BindReceiver => Pdu::Bind(bind(reader, BindMode::Receiver)?),
        CommandId::BindTransceiver => Pdu::Bind(bind(reader, BindMode::Transceiver)?),
        CommandId::Outbind => Pdu::Outbind(outbind(reader)?),
        CommandId::SubmitMulti => Pdu::SubmitMulti(multi(reader)?),
        CommandId::QuerySm => Pdu::QuerySm(query(reader)?),
        CommandId::CancelSm => Pdu::CancelSm(cancel(reader)?),
        CommandId::ReplaceSm => Pdu::ReplaceSm(replace(reader)?),
        CommandId::AlertNotification => Pdu::AlertNotification(alert(reader)?),
        _ => return Err(unknown()),
    })
}

fn response(id: CommandId, body: &Bytes) -> Result<Pdu, DecodeError> {
    let reader = &mut Reader::new(body);
    Ok(match id {
        CommandId::SubmitSmResp => Pdu::SubmitSmResp(reader.lenient_string()),
        CommandId::DeliverSmResp => Pdu::DeliverSmResp,
        CommandId::DataSmResp => Pdu::DataSmResp(reader.lenient_string()),
        CommandId::EnquireLinkResp => Pdu::EnquireLinkResp,
        CommandId::UnbindResp => Pdu::UnbindResp,
        CommandId::GenericNack => Pdu::GenericNack,
        CommandId::BindTransmitterResp => Pdu::BindResp(bind_resp(reader, BindMode::Transmitter)),
        CommandId::BindReceiverResp => Pdu::BindResp(bind_resp(reader, BindMode::Receiver)),
        CommandId::BindTransceiverResp => Pdu::BindResp(bind_resp(reader, BindMode::Transceiver)),
        CommandId::SubmitMultiResp => Pdu::SubmitMultiResp(multi_resp(reader)),
        CommandId::QuerySmResp => Pdu::QuerySmResp(query_resp(reader).ok()),
        CommandId::CancelSmResp => Pdu::CancelSmResp,
        CommandId::ReplaceSmResp => Pdu::ReplaceSmResp,
        _ => return Err(unknown()),
    })
}

const fn unknown() -> DecodeError {
    DecodeError { status: CommandStatus::EsmeRinvcmdid, field: "command_id" }
}

fn bind(reader: &mut Reader<'_>, mode: BindMode) -> Result<Bind, DecodeError> {
    Ok(Bind {
        mode,
        system_id: reader.string(field::SYSTEM_ID)?,
        password: reader.string(field::PASSWORD)?,
        system_type: reader.string(field::SYSTEM_TYPE)?,
        interface_version: reader.u8("interface_version")?,
        address_range: reader.address(field::ADDRESS_RANGE)?,
    })
}

fn bind_resp(reader: &mut Reader<'_>, mode: BindMode) -> BindResp {
    let system_id = reader.lenient_string().unwrap_or_default();
    let mut sc_interface_version = None;
    while let Ok(Some((tag, value))) = reader.tlv() {
        if tag == u16::from(TlvTag::ScInterfaceVersion) {
            sc_interface_version = value.first().copied();
        }
    }
    BindResp { mode, system_id, sc_interface_version }
}

fn outbind(reader: &mut Reader<'_>) -> Result<Outbind, DecodeError> {
    let system_id = reader.string(field::SYSTEM_ID)?;
    Ok(Outbind { system_id, password: reader.string(field::PASSWORD)? })
}

fn alert(reader: &mut Reader<'_>) -> Result<Alert, DecodeError> {
    let source = reader.address(field::LONG_SOURCE)?;
    Ok(Alert { source, esme: reader.address(field::LONG_DESTINATION)? })
}

fn submit(reader: &mut Reader<'_>) -> Result<Submit, DecodeError> {
    let mut submit = Submit {
        service_type: reader.string(field::SERVICE_TYPE)?,
        source: reader.address(field::SOURCE)?,
        destination: reader.address(field::DESTINATION)?,
        ..Submit::default()
    };
    rest_of_submit(reader, &mut submit)?;
    Ok(submit)
}

fn multi(reader: &mut Reader<'_>) -> Result<Multi, DecodeError> {
    let mut submit = Submit {
        service_type: reader.string(field::SERVICE_TYPE)?,
        source: reader.address(field::SOURCE)?,
        ..Submit::default()
    };
    let count = reader.u8("number_of_dests")?;
    if count == 0 {
        let status = CommandStatus::EsmeRinvnumdests;
        return Err(DecodeError { status, field: "number_of_dests" });
    }
    let destinations = (0..count).map(|_| destination(reader)).collect::<Result<_, _>>()?;
    rest_of_submit(reader, &mut submit)?;
    Ok(Multi { submit, destinations })
}

fn destination(reader: &mut Reader<'_>) -> Result<Destination, DecodeError> {
    match reader.u8("dest_flag")? {
        1 => Ok(Destination::Address(reader.address(field::DESTINATION)?)),
        2 => Ok(Destination::DistributionList(reader.string(field::DL_NAME)?)),
        _ => Err(DecodeError { status: CommandStatus::EsmeRinvdestflag, field: "dest_flag" }),
    }
}

/// What `submit_sm`, `deliver_sm` and `submit_multi` have in common after the destination.
fn rest_of_submit(reader: &mut Reader<'_>, submit: &mut Submit) -> Result<(), DecodeError> {
    submit.esm_class = reader.u8("esm_class")?;
    submit.protocol_id = reader.u8("protocol_id")?;
    submit.priority = reader.u8("priority_flag")?;
    submit.schedule = reader.string(field::SCHEDULE)?;
    submit.validity = reader.string(field::VALIDITY)?;
    submit.registered_delivery = reader.u8("registered_delivery")?;
    submit.replace_if_present = reader.u8("replace_if_present_flag")?;
    submit.data_coding = reader.u8("data_coding")?;
    submit.default_msg_id = reader.u8("sm_default_msg_id")?;
    let short_message = short_message(reader)?;
    let (tlvs, payload) = tlv::read(reader)?;
    submit.tlvs = tlvs;
    (submit.message, submit.in_payload) = one_message(short_message, payload)?;
    Ok(())
}

fn short_message(reader: &mut Reader<'_>) -> Result<Octets, DecodeError> {
    let length = usize::from(reader.u8("sm_length")?);
    reader.take(length).ok_or(field::SHORT_MESSAGE.error())
}

/// Either `short_message` or `message_payload` (SMPP 3.4 §4.4.1, note on `short_message`).
fn one_message(
    short_message: Octets,
    payload: Option<Octets>,
) -> Result<(Octets, bool), DecodeError> {
    match payload {
        None => Ok((short_message, false)),
        Some(payload) if short_message.is_empty() => Ok((payload, true)),
        Some(_) => {
            let status = CommandStatus::EsmeRtlvnotallwd;
            Err(DecodeError { status, field: "message_payload" })
        }
    }
}

fn data(reader: &mut Reader<'_>) -> Result<Submit, DecodeError> {
    let mut submit = Submit {
        service_type: reader.string(field::SERVICE_TYPE)?,
        source: reader.address(field::LONG_SOURCE)?,
        destination: reader.address(field::LONG_DESTINATION)?,
        esm_class: reader.u8("esm_class")?,
        registered_delivery: reader.u8("registered_delivery")?,
        data_coding: reader.u8("data_coding")?,
        in_payload: true,
        ..Submit::default()
    };
    let (tlvs, payload) = tlv::read(reader)?;
    submit.tlvs = tlvs;
    submit.message = payload.unwrap_or_default();
    Ok(submit)
}

fn query(reader: &mut Reader<'_>) -> Result<Query, DecodeError> {
    let message_id = reader.string(field::MESSAGE_ID)?;
    Ok(Query { message_id, source: reader.address(field::SOURCE)? })
}

fn cancel(reader: &mut Reader<'_>) -> Result<Cancel, DecodeError> {
    Ok(Cancel {
        service_type: reader.string(field::SERVICE_TYPE)?,
        message_id: reader.string(field::MESSAGE_ID)?,
        source: reader.address(field::SOURCE)?,
        destination: reader.address(field::DESTINATION)?,
    })
}

fn replace(reader: &mut Reader<'_>) -> Result<Replace, DecodeError> {
    let mut replace = Replace {
        message_id: reader.string(field::MESSAGE_ID)?,
        source: reader.address(field::SOURCE)?,
        schedule: reader.string(field::SCHEDULE)?,
        validity: reader.string(field::VALIDITY)?,
        registered_delivery: reader.u8("registered_delivery")?,
        default_msg_id: reader.u8("sm_default_msg_id")?,
        ..Replace::default()
    };
    let short_message = short_message(reader)?;
    let (_, payload) = tlv::read(reader)?;
    (replace.message, replace.in_payload) = one_message(short_message, payload)?;
    Ok(replace)
}

fn query_resp(reader: &mut Reader<'_>) -> Result<QueryResp, DecodeError> {
    Ok(QueryResp {
        message_id: reader.string(field::MESSAGE_ID)?,
        final_date: reader.string(field::FINAL_DATE)?,
        message_state: reader.u8("message_state")?,
        error_code: reader.u8("error_code")?,
    })
}

fn multi_resp(reader: &mut Reader<'_>) -> MultiResp {
    let message_id = reader.lenient_string();
    let count = reader.u8("no_unsuccess").unwrap_or(0);
    let failed = (0..count).map_while(|_| failed(reader).ok()).collect();
    MultiResp { message_id, failed }
}

fn failed(reader: &mut Reader<'_>) -> Result<Failed, DecodeError> {
    let address = reader.address(field::DESTINATION)?;
    Ok(Failed { address, status: reader.u32("error_status_code")? })
}
