//! A cursor over a body. Whatever is missing or too long is named with the status to answer.

use bytes::Bytes;
use rusmpp::CommandStatus;

use super::{Address, DecodeError};
use crate::Octets;

/// A C-octet string: its name, its longest form with NUL, and the status when it is wrong.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) limit: usize,
    pub(super) status: CommandStatus,
}

impl Field {
    pub(super) const fn new(name: &'static str, limit: usize, status: CommandStatus) -> Self {
        Self { name, limit, status }
    }

    pub(super) const fn error(self) -> DecodeError {
        DecodeError { status: self.status, field: self.name }
    }
}

pub(super) struct Reader<'a> {
    body: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(body: &'a Bytes) -> Self {
        Self { body, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let octet = self.rest().first().copied().ok_or(too_short(field))?;
        self.at += 1;
        Ok(octet)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let octets = self.rest().first_chunk().ok_or(too_short(field))?;
        self.at += 4;
        Ok(u32::from_be_bytes(*octets))
    }

    /// The octets up to the NUL. A body that ends before the field begins is too short; a NUL that
    /// is not within the field's limit makes the field wrong.
    pub(super) fn string(&mut self, field: Field) -> Result<Octets, DecodeError> {
        let rest = self.rest();
        if rest.is_empty() {
            return Err(too_short(field.name));
        }
        let window = rest.get(..field.limit).unwrap_or(rest);
        let length = window.iter().position(|octet| *octet == 0).ok_or(field.error())?;
        let octets = self.octets(length);
        self.at += 1;
        Ok(octets)
    }

    /// As [`string`](Self::string), for responses: the peer's slips are forgiven, since there is
    /// nobody to answer. `None` when nothing is left.
    pub(super) fn lenient_string(&mut self) -> Option<Octets> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let length = rest.iter().position(|octet| *octet == 0).unwrap_or(rest.len());
        let octets = self.octets(length);
        self.at = (self.at + 1).min(self.body.len());
        Some(octets)
    }

    pub(super) fn address(&mut self, field: Field) -> Result<Address, DecodeError> {
        let ton = self.u8(field.name)?.into();
        let npi = self.u8(field.name)?.into();
        Ok(Address { ton, npi, addr: self.string(field)? })
    }

    /// `length` octets, or `None` if there are fewer.
    pub(super) fn take(&mut self, length: usize) -> Option<Octets> {
        (length <= self.rest().len()).then(|| self.octets(length))
    }

    /// Tag and value of the next optional parameter; `None` at the end of the body.
    pub(super) fn tlv(&mut self) -> Result<Option<(u16, Octets)>, DecodeError> {
        const STREAM: DecodeError =
            DecodeError { status: CommandStatus::EsmeRinvtlvstream, field: "optional parameters" };
        if self.rest().is_empty() {
            return Ok(None);
        }
        let [tag_high, tag_low, high, low] = *self.rest().first_chunk().ok_or(STREAM)?;
        self.at += 4;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = self.take(length).ok_or(STREAM)?;
        Ok(Some((u16::from_be_bytes([tag_high, tag_low]), value)))
    }

    /// The caller has checked that so many are left.
    fn octets(&mut self, length: usize) -> Octets {
        let from = self.at;
        self.at += length;
        if length == 0 { Octets::new() } else { self.body.slice(from..self.at).into() }
    }
}

const fn too_short(field: &'static str) -> DecodeError {
    DecodeError { status: CommandStatus::EsmeRinvcmdlen, field }
}
