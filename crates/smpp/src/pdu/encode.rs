//! From a PDU to octets. What cannot be written is refused and leaves the buffer as it was.

use bytes::{BufMut, BytesMut};
use rusmpp::{CommandId, CommandStatus, tlvs::TlvTag};

use super::{
    Address, Bind, BindMode, BindResp, Destination, Failed, Multi, MultiResp, Pdu, QueryResp,
    Replace, Submit, field, read::Field, tlv,
};
use crate::{Header, frame::HEADER_LEN};

/// A field that does not fit into its PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} does not fit: {limit} octets at most, and no NUL in a string")]
pub struct EncodeError {
    /// By its name in the specification.
    pub field: &'static str,
    /// Octets without NUL.
    pub limit: usize,
}

type Written = Result<(), EncodeError>;

/// Appends a whole PDU to `out`.
pub fn encode(out: &mut BytesMut, status: CommandStatus, sequence: u32, pdu: &Pdu) -> Written {
    whole(out, id_of(pdu), status, sequence, |out| body(out, status, pdu))
}

/// Appends a `submit_sm`.
pub fn submit_sm(out: &mut BytesMut, sequence: u32, submit: &Submit) -> Written {
    let ok = CommandStatus::EsmeRok;
    whole(out, CommandId::SubmitSm, ok, sequence, |out| put_submit(out, submit))
}

/// Appends a `deliver_sm`.
pub fn deliver_sm(out: &mut BytesMut, sequence: u32, submit: &Submit) -> Written {
    let ok = CommandStatus::EsmeRok;
    whole(out, CommandId::DeliverSm, ok, sequence, |out| put_submit(out, submit))
}

/// Appends a `submit_sm_resp`; with another status than OK it has no body (SMPP 3.4 §4.4.2).
pub fn submit_sm_resp(
    out: &mut BytesMut,
    sequence: u32,
    status: CommandStatus,
    message_id: &[u8],
) -> Written {
    whole(out, CommandId::SubmitSmResp, status, sequence, |out| {
        if status == CommandStatus::EsmeRok {
            string(out, field::MESSAGE_ID, message_id)?;
        }
        Ok(())
    })
}

/// Appends the answer that refuses the request with this header: its response without a body, or
/// `generic_nack` where the command has none or is not known. Responses are never answered.
pub fn reject(out: &mut BytesMut, header: &Header, status: CommandStatus) {
    if header.id.is_response() || header.id == CommandId::AlertNotification {
        return;
    }
    let id = match header.id {
        CommandId::Outbind | CommandId::Other(_) => CommandId::GenericNack,
        _ if status == CommandStatus::EsmeRinvcmdid => CommandId::GenericNack,
        known => known.matching_response(),
    };
    // The message_id of deliver_sm_resp is always there and always empty (SMPP 3.4 §4.6.2).
    let body: &[u8] = if id == CommandId::DeliverSmResp { &[0] } else { &[] };
    put_header(out, (HEADER_LEN + body.len()) as u32, id, status, header.sequence);
    out.put_slice(body);
}

/// `octets` may stand in a string of at most `limit` octets.
pub(super) fn fits(field: &'static str, octets: &[u8], limit: usize) -> Written {
    if octets.len() > limit || octets.contains(&0) {
        return Err(EncodeError { field, limit });
    }
    Ok(())
}

fn whole(
    out: &mut BytesMut,
    id: CommandId,
    status: CommandStatus,
    sequence: u32,
    body: impl FnOnce(&mut BytesMut) -> Written,
) -> Written {
    let from = out.len();
    put_header(out, 0, id, status, sequence);
    if let Err(error) = body(out) {
        out.truncate(from);
        return Err(error);
    }
    // A body is at most a few fields of 64 KiB each: far below u32.
    let length = (out.len() - from) as u32;
    out[from..from + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn put_header(out: &mut BytesMut, length: u32, id: CommandId, status: CommandStatus, seq: u32) {
    let mut header = [0; HEADER_LEN];
    header[..4].copy_from_slice(&length.to_be_bytes());
    header[4..8].copy_from_slice(&u32::from(id).to_be_bytes());
    header[8..12].copy_from_slice(&u32::from(status).to_be_bytes());
    header[12..].copy_from_slice(&seq.to_be_bytes());
    out.put_slice(&header);
}

const fn id_of(pdu: &Pdu) -> CommandId {
    match pdu {
        Pdu::Bind(Bind { mode, .. }) => match mode {
            BindMode::Transmitter => CommandId::BindTransmitter,
            BindMode::Receiver => CommandId::BindReceiver,
            BindMode::Transceiver => CommandId::BindTransceiver,
        },
        Pdu::BindResp(BindResp { mode, .. }) => match mode {
            BindMode::Transmitter => CommandId::BindTransmitterResp,
            BindMode::Receiver => CommandId::BindReceiverResp,
            BindMode::Transceiver => CommandId::BindTransceiverResp,
        },
        Pdu::Outbind(_) => CommandId::Outbind,
        Pdu::Unbind => CommandId::Unbind,
        Pdu::UnbindResp => CommandId::UnbindResp,
        Pdu::EnquireLink => CommandId::EnquireLink,
        Pdu::EnquireLinkResp => CommandId::EnquireLinkResp,
        Pdu::GenericNack => CommandId::GenericNack,
        Pdu::SubmitSm(_) => CommandId::SubmitSm,
        Pdu::SubmitSmResp(_) => CommandId::SubmitSmResp,
        Pdu::SubmitMulti(_) => CommandId::SubmitMulti,
        Pdu::SubmitMultiResp(_) => CommandId::SubmitMultiResp,
        Pdu::DeliverSm(_) => CommandId::DeliverSm,
        Pdu::DeliverSmResp => CommandId::DeliverSmResp,
        Pdu::DataSm(_) => CommandId::DataSm,
        Pdu::DataSmResp(_) => CommandId::DataSmResp,
        Pdu::QuerySm(_) => CommandId::QuerySm,
        Pdu::QuerySmResp(_) => CommandId::QuerySmResp,
        Pdu::CancelSm(_) => CommandId::CancelSm,
        Pdu::CancelSmResp => CommandId::CancelSmResp,
        Pdu::ReplaceSm(_) => CommandId::ReplaceSm,
        Pdu::ReplaceSmResp => CommandId::ReplaceSmResp,
        Pdu::AlertNotification(_) => CommandId::AlertNotification,
    }
}

fn body(out: &mut BytesMut, status: CommandStatus, pdu: &Pdu) -> Written {
    let refused = status != CommandStatus::EsmeRok;
    match pdu {
        Pdu::SubmitSm(submit) | Pdu::DeliverSm(submit) => put_submit(out, submit),
        Pdu::DataSm(submit) => put_data(out, submit),
        Pdu::SubmitMulti(multi) => put_multi(out, multi),
        Pdu::Bind(bind) => put_bind(out, bind),
        Pdu::Outbind(outbind) => {
            string(out, field::SYSTEM_ID, &outbind.system_id)?;
            string(out, field::PASSWORD, &outbind.password)
        }
        Pdu::QuerySm(query) => {
            string(out, field::MESSAGE_ID, &query.message_id)?;
            address(out, field::SOURCE, &query.source)
        }
        Pdu::CancelSm(cancel) => {
            string(out, field::SERVICE_TYPE, &cancel.service_type)?;
            string(out, field::MESSAGE_ID, &cancel.message_id)?;
            address(out, field::SOURCE, &cancel.source)?;
            address(out, field::DESTINATION, &cancel.destination)
        }
        Pdu::ReplaceSm(replace) => put_replace(out, replace),
        Pdu::AlertNotification(alert) => {
            address(out, field::LONG_SOURCE, &alert.source)?;
            address(out, field::LONG_DESTINATION, &alert.esme)
        }
        Pdu::DeliverSmResp => string(out, field::MESSAGE_ID, &[]),
        Pdu::BindResp(_)
        | Pdu::SubmitSmResp(_)
        | Pdu::DataSmResp(_)
        | Pdu::SubmitMultiResp(_)
        | Pdu::QuerySmResp(_)
            if refused =>
        {
            Ok(())
        }
        Pdu::BindResp(resp) => put_bind_resp(out, resp),
        Pdu::SubmitSmResp(id) | Pdu::DataSmResp(id) => {
            string(out, field::MESSAGE_ID, id.as_deref().unwrap_or_default())
        }
        Pdu::SubmitMultiResp(resp) => put_multi_resp(out, resp),
        Pdu::QuerySmResp(resp) => resp.as_ref().map_or(Ok(()), |resp| put_query_resp(out, resp)),
        Pdu::Unbind
        | Pdu::UnbindResp
        | Pdu::EnquireLink
        | Pdu::EnquireLinkResp
        | Pdu::GenericNack
        | Pdu::CancelSmResp
        | Pdu::ReplaceSmResp => Ok(()),
    }
}

fn put_bind(out: &mut BytesMut, bind: &Bind) -> Written {
    string(out, field::SYSTEM_ID, &bind.system_id)?;
    string(out, field::PASSWORD, &bind.password)?;
    string(out, field::SYSTEM_TYPE, &bind.system_type)?;
    out.put_u8(bind.interface_version);
    address(out, field::ADDRESS_RANGE, &bind.address_range)
}

fn put_bind_resp(out: &mut BytesMut, resp: &BindResp) -> Written {
    string(out, field::SYSTEM_ID, &resp.system_id)?;
    if let Some(version) = resp.sc_interface_version {
        tlv::put(out, TlvTag::ScInterfaceVersion.into(), &[version], "sc_interface_version")?;
    }
    Ok(())
}

fn put_submit(out: &mut BytesMut, submit: &Submit) -> Written {
    out.reserve(100 + submit.message.len());
    string(out, field::SERVICE_TYPE, &submit.service_type)?;
    address(out, field::SOURCE, &submit.source)?;
    address(out, field::DESTINATION, &submit.destination)?;
    rest_of_submit(out, submit)
}

fn put_multi(out: &mut BytesMut, multi: &Multi) -> Written {
    string(out, field::SERVICE_TYPE, &multi.submit.service_type)?;
    address(out, field::SOURCE, &multi.submit.source)?;
    out.put_u8(count("number_of_dests", multi.destinations.len())?);
    for destination in &multi.destinations {
        match destination {
            Destination::Address(destination) => {
                out.put_u8(1);
                address(out, field::DESTINATION, destination)?;
            }
            Destination::DistributionList(name) => {
                out.put_u8(2);
                string(out, field::DL_NAME, name)?;
            }
        }
    }
    rest_of_submit(out, &multi.submit)
}

fn rest_of_submit(out: &mut BytesMut, submit: &Submit) -> Written {
    out.put_slice(&[submit.esm_class, submit.protocol_id, submit.priority]);
    string(out, field::SCHEDULE, &submit.schedule)?;
    string(out, field::VALIDITY, &submit.validity)?;
    out.put_slice(&[
        submit.registered_delivery,
        submit.replace_if_present,
        submit.data_coding,
        submit.default_msg_id,
    ]);
    if submit.in_payload {
        out.put_u8(0);
        tlv::write(out, &submit.tlvs)?;
        return payload(out, &submit.message);
    }
    short_message(out, &submit.message)?;
    tlv::write(out, &submit.tlvs)
}

fn put_data(out: &mut BytesMut, submit: &Submit) -> Written {
    string(out, field::SERVICE_TYPE, &submit.service_type)?;
    address(out, field::LONG_SOURCE, &submit.source)?;
    address(out, field::LONG_DESTINATION, &submit.destination)?;
    out.put_slice(&[submit.esm_class, submit.registered_delivery, submit.data_coding]);
    tlv::write(out, &submit.tlvs)?;
    payload(out, &submit.message)
}

fn put_replace(out: &mut BytesMut, replace: &Replace) -> Written {
    string(out, field::MESSAGE_ID, &replace.message_id)?;
    address(out, field::SOURCE, &replace.source)?;
    string(out, field::SCHEDULE, &replace.schedule)?;
    string(out, field::VALIDITY, &replace.validity)?;
    out.put_slice(&[replace.registered_delivery, replace.default_msg_id]);
    if replace.in_payload {
        out.put_u8(0);
        return payload(out, &replace.message);
    }
    short_message(out, &replace.message)
}

fn put_query_resp(out: &mut BytesMut, resp: &QueryResp) -> Written {
    string(out, field::MESSAGE_ID, &resp.message_id)?;
    string(out, field::FINAL_DATE, &resp.final_date)?;
    out.put_slice(&[resp.message_state, resp.error_code]);
    Ok(())
}

fn put_multi_resp(out: &mut BytesMut, resp: &MultiResp) -> Written {
    string(out, field::MESSAGE_ID, resp.message_id.as_deref().unwrap_or_default())?;
    out.put_u8(count("no_unsuccess", resp.failed.len())?);
    for Failed { address: destination, status } in &resp.failed {
        address(out, field::DESTINATION, destination)?;
        out.put_u32(*status);
    }
    Ok(())
}

fn count(field: &'static str, count: usize) -> Result<u8, EncodeError> {
    u8::try_from(count).map_err(|_| EncodeError { field, limit: usize::from(u8::MAX) })
}

fn short_message(out: &mut BytesMut, message: &[u8]) -> Written {
    let Field { name, limit, .. } = field::SHORT_MESSAGE;
    let length = u8::try_from(message.len()).map_err(|_| EncodeError { field: name, limit })?;
    out.put_u8(length);
    out.put_slice(message);
    Ok(())
}

fn payload(out: &mut BytesMut, message: &[u8]) -> Written {
    tlv::put(out, TlvTag::MessagePayload.into(), message, "message_payload")
}

fn string(out: &mut BytesMut, field: Field, octets: &[u8]) -> Written {
    fits(field.name, octets, field.limit - 1)?;
    out.put_slice(octets);
    out.put_u8(0);
    Ok(())
}

fn address(out: &mut BytesMut, field: Field, address: &Address) -> Written {
    out.put_slice(&[address.ton.into(), address.npi.into()]);
    string(out, field, &address.addr)
}
