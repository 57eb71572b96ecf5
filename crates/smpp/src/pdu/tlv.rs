//! Optional parameters (SMPP 3.4 §5.3, 5.0 §4.8): those that the gateway acts on by name, all
//! others kept as they came.

use rusmpp::tlvs::TlvTag;

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
