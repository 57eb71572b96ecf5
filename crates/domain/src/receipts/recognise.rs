//! What comes from a provider in `deliver_sm` or `data_sm`: a receipt, or a message from a handset?

use crate::config::Recognition;

/// Message type bits of `esm_class` (SMPP 3.4, section 5.2.12).
const TYPE: u8 = 0b0011_1100;
/// SMSC delivery receipt.
const RECEIPT: u8 = 0b0000_0100;
/// Intermediate delivery notification.
const NOTIFICATION: u8 = 0b0010_0000;
/// The content begins with a user data header: never a receipt's text.
const HEADER: u8 = 0b0100_0000;

/// What a PDU shows of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs {
    /// As it came.
    pub esm_class: u8,
    /// It has TLV `receipted_message_id` or `message_state`, which only receipts have (SMPP 3.4,
    /// section 4.6.1).
    pub receipt_tlv: bool,
}

/// True if the PDU is a receipt. `reads_as_receipt` tells whether the text has a receipt's id and
/// state; it is asked only where the settings let the text decide, and nothing else has.
///
/// A type of its own that is no receipt's (an acknowledgement by a handset, 0x08 and 0x10) is
/// believed: it is a message.
#[must_use]
pub fn is_receipt(signs: Signs, by: Recognition, reads_as_receipt: impl FnOnce() -> bool) -> bool {
    let kind = signs.esm_class & TYPE;
    if signs.receipt_tlv || kind == RECEIPT || kind == NOTIFICATION {
        return true;
    }
    let plain = kind == 0 && signs.esm_class & HEADER == 0;
    plain && by == Recognition::Text && reads_as_receipt()
}
