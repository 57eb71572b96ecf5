//! Cuts a text that came whole into parts: 160/153 septets, 140/134 octets, 70/67 UCS-2 units
//! (3GPP TS 23.040 section 9.2.3.24.1), never inside an escape pair or a surrogate pair.
//!
//! It works on encoded octets: GSM 03.38 unpacked, one septet an octet, as SMPP carries it.

use crate::id::MessageId;
use crate::message::{Message, Part, ReferenceKind};
use crate::octets::Octets;

/// What the handset counts, as `data_coding` says (SMPP 3.4 section 5.2.19, 3GPP TS 23.038).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// GSM 03.38, a septet an octet; the escape (0x1B) and what follows it belong together.
    Gsm,
    /// ASCII, which the provider turns into GSM 03.38: some of its characters become pairs there.
    Ascii,
    /// UTF-16, big-endian; surrogate pairs belong together.
    Ucs2,
    /// Anything else: octets.
    Octets,
}

/// The text would need more than 255 parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text would need more than 255 parts")]
pub struct TooLong;

/// Octets of a short message's user data (3GPP TS 23.040 section 9.2.3.16).
const USER_DATA: usize = 140;
/// A concatenation element with an 8-bit reference: kind, length, reference, total, index.
const CONCATENATION: usize = 5;
/// The length octet that stands before any user data header.
const HEADER_LENGTH: usize = 1;
const ESCAPE: u8 = 0x1b;
const PARTS_MAX: usize = 255;

impl Alphabet {
    /// The alphabet of an SMPP `data_coding`.
    #[must_use]
    pub fn of(data_coding: u8) -> Self {
        match data_coding {
            0x00 | 0xc0..=0xdf => Self::Gsm,
            0x01 => Self::Ascii,
            0x08 | 0xe0..=0xef => Self::Ucs2,
            // With a message class ("flash"), uncompressed (TS 23.038 section 4).
            0x10..=0x1f if data_coding & 0x0c == 0x00 => Self::Gsm,
            0x10..=0x1f if data_coding & 0x0c == 0x08 => Self::Ucs2,
            0xf0..=0xff if data_coding & 0x04 == 0 => Self::Gsm,
            _ => Self::Octets,
        }
    }

    /// What a part holds beside a user data header of `header` octets, its length octet included.
    fn room(self, header: usize) -> usize {
        let octets = USER_DATA.saturating_sub(header);
        match self {
            Self::Gsm | Self::Ascii => octets * 8 / 7,
            Self::Ucs2 | Self::Octets => octets,
        }
    }

    /// How many octets at the beginning belong together, and what they take of the room.
    fn unit(self, octets: &[u8]) -> (usize, usize) {
        let (len, cost) = match (self, octets) {
            (Self::Gsm, [ESCAPE, ..]) => (2, 2),
            (Self::Gsm | Self::Octets, _) => (1, 1),
            (Self::Ascii, [octet, ..]) if is_pair_in_gsm(*octet) => (1, 2),
            (Self::Ascii, _) => (1, 1),
            (Self::Ucs2, [0xd8..=0xdb, _, 0xdc..=0xdf, ..]) => (4, 4),
            (Self::Ucs2, _) => (2, 2),
        };
        (len.min(octets.len()), cost)
    }

    fn cost(self, mut octets: &[u8]) -> usize {
        let mut total = 0;
        while !octets.is_empty() {
            let (len, cost) = self.unit(octets);
            total += cost;
            octets = &octets[len..];
        }
        total
    }
}

/// Characters of ASCII that GSM 03.38 has in its extension table only (TS 23.038 section 6.2.1.1).
fn is_pair_in_gsm(octet: u8) -> bool {
    b"^{}\\[~]|".contains(&octet)
}

/// True if these octets go into one short message beside `udh`, the user data header's elements.
#[must_use]
pub fn fits_one(alphabet: Alphabet, octets: &[u8], udh: &[u8]) -> bool {
    let header = if udh.is_empty() { 0 } else { HEADER_LENGTH + udh.len() };
    let room = alphabet.room(header);
    // No unit takes less than one per octet.
    octets.len() <= room && alphabet.cost(octets) <= room
}

/// Cuts octets into what each part of a long message holds beside `udh` and the reference.
///
/// # Errors
/// [`TooLong`].
pub fn cut<'a>(
    alphabet: Alphabet,
    mut octets: &'a [u8],
    udh: &[u8],
) -> Result<Vec<&'a [u8]>, TooLong> {
    let room = alphabet.room(HEADER_LENGTH + CONCATENATION + udh.len());
    let mut parts = Vec::with_capacity(octets.len() / room.max(1) + 1);
    while !octets.is_empty() {
        let (part, rest) = octets.split_at(first_part(alphabet, octets, room));
        if part.is_empty() || parts.len() == PARTS_MAX {
            return Err(TooLong);
        }
        parts.push(part);
        octets = rest;
    }
    Ok(parts)
}

fn first_part(alphabet: Alphabet, octets: &[u8], room: usize) -> usize {
    let (mut len, mut used) = (0, 0);
    while len < octets.len() {
        let (unit, cost) = alphabet.unit(&octets[len..]);
        if used + cost > room {
            break;
        }
        len += unit;
        used += cost;
    }
    len
}

/// Turns a message of one part that no short message holds into one of several. The first part
/// keeps the id; the others' follow from it. Only the first asks for a receipt: its id is the one
/// that the customer knows. A message that needs no cutting stays as it is.
///
/// # Errors
/// [`TooLong`].
pub fn split(message: &mut Message, kind: ReferenceKind) -> Result<(), TooLong> {
    let alphabet = Alphabet::of(message.envelope.coding);
    let [whole] = message.parts.as_slice() else { return Ok(()) };
    if message.split.is_some() || fits_one(alphabet, &whole.octets.0, &whole.udh.0) {
        return Ok(());
    }
    let cut = cut(alphabet, &whole.octets.0, &whole.udh.0)?;
    let parts = cut.into_iter().zip(1..).map(|(octets, index)| part(whole, octets, index));
    message.parts = parts.collect();
    message.split = Some(kind);
    Ok(())
}

fn part(whole: &Part, octets: &[u8], index: u32) -> Part {
    let first = index == 1;
    Part {
        id: if first { whole.id } else { whole.id.derive(&format!("part {index}")) },
        aliases: if first { whole.aliases.clone() } else { Vec::new() },
        octets: Octets(octets.to_vec()),
        udh: whole.udh.clone(),
        receipt: if first { whole.receipt } else { 0 },
    }
}

/// The reference number of a long message towards the provider: the same at every resend, and
/// well spread also in its low eight bits.
#[must_use]
pub fn reference(message: MessageId) -> u16 {
    u16::try_from(message.spread() >> 48).unwrap_or(0)
}
