//! Frames: the octets of one PDU, cut from the stream by `command_length` before anything is
//! decoded (SMPP 3.4 §3.2, 5.0 §3.1). Nothing is allocated from a length on the wire.

use bytes::{Buf, Bytes, BytesMut};
use rusmpp::CommandId;

/// Octets of a header, and so the shortest frame.
pub const HEADER_LEN: usize = 16;

/// The header of a PDU as it stood on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octets of the whole PDU, header included.
    pub length: u32,
    pub id: CommandId,
    /// `command_status` as it stood; see [`crate::status`] for names.
    pub status: u32,
    pub sequence: u32,
}

/// One whole PDU: its header, and its body sharing the read buffer's memory.
#[derive(Clone)]
pub struct Frame {
    pub header: Header,
    pub body: Bytes,
}

/// What the buffer holds.
#[derive(Debug)]
pub enum Cut {
    /// Not a whole PDU yet.
    NeedMore,
    Frame(Frame),
    /// The length cannot be true: the stream is lost. The session answers `generic_nack` with
    /// `ESME_RINVCMDLEN` (event `BadLength`) and closes.
    BadLength(u32),
}

/// Cuts frames of at most `cap` octets. The cap starts small and is raised once the peer is bound.
#[derive(Clone, Copy, Debug)]
pub struct Cutter {
    cap: u32,
}

impl Cutter {
    /// A cap for peers that are not bound yet: the longest bind of SMPP 5.0 is below 200 octets.
    pub const BEFORE_BIND: u32 = 512;
    /// A cap for bound peers: a `message_payload` of 64 KiB and everything beside it.
    pub const BOUND: u32 = 70_000;

    pub const fn new(cap: u32) -> Self {
        Self { cap }
    }

    pub const fn set_cap(&mut self, cap: u32) {
        self.cap = cap;
    }

    /// Takes the next PDU off the front of `buffer`, without copying. After `BadLength` the buffer
    /// is of no use any more.
    pub fn cut(&self, buffer: &mut BytesMut) -> Cut {
        let Some(length) = buffer.first_chunk::<4>().map(|octets| u32::from_be_bytes(*octets))
        else {
            return Cut::NeedMore;
        };
        if length < HEADER_LEN as u32 || length > self.cap {
            return Cut::BadLength(length);
        }
        if buffer.len() < length as usize {
            return Cut::NeedMore;
        }
        let mut body = buffer.split_to(length as usize).freeze();
        let header = Header {
            length: body.get_u32(),
            id: body.get_u32().into(),
            status: body.get_u32(),
            sequence: body.get_u32(),
        };
        Cut::Frame(Frame { header, body })
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Frame").field("header", &self.header).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: u32 = 64;

    fn stream(length: u32, octets: usize) -> BytesMut {
        let mut buffer = BytesMut::zeroed(octets.max(4));
        buffer[..4].copy_from_slice(&length.to_be_bytes());
        buffer.truncate(octets);
        buffer
    }

    fn frame(cut: Cut) -> Frame {
        let Cut::Frame(frame) = cut else { unreachable!("{cut:?}") };
        frame
    }

    #[test]
    fn lengths_outside_16_to_cap_are_fatal_whatever_follows() {
        for length in [0, 1, 15, CAP + 1, 1 << 31, u32::MAX] {
            let mut buffer = stream(length, 4);
            assert!(matches!(Cutter::new(CAP).cut(&mut buffer), Cut::BadLength(l) if l == length));
            assert_eq!(buffer.capacity(), 4, "nothing is allocated from a length");
        }
    }

    #[test]
    fn lengths_from_16_to_cap_are_frames() {
        for length in [16, 17, CAP] {
            let mut buffer = stream(length, length as usize + 3);
            let frame = frame(Cutter::new(CAP).cut(&mut buffer));
            assert_eq!(frame.header.length, length);
            assert_eq!(frame.body.len(), length as usize - HEADER_LEN);
            assert_eq!(buffer.len(), 3, "the next PDU stays in the buffer");
        }
    }

    #[test]
    fn a_frame_that_dribbles_in_byte_by_byte_is_cut_with_its_last_octet() {
        let whole = [0, 0, 0, 17, 0, 0, 0, 0x15, 0, 0, 0, 8, 0x7f, 0, 0, 1, 0xaa];
        let mut buffer = BytesMut::new();
        for octet in &whole[..16] {
            buffer.extend_from_slice(&[*octet]);
            assert!(matches!(Cutter::new(CAP).cut(&mut buffer), Cut::NeedMore));
        }
        buffer.extend_from_slice(&whole[16..]);
        let frame = frame(Cutter::new(CAP).cut(&mut buffer));
        let Header { id, status, sequence, .. } = frame.header;
        assert_eq!((id, status, sequence), (CommandId::EnquireLink, 8, 0x7f00_0001));
        assert_eq!(&frame.body[..], [0xaa]);
    }

    #[test]
    fn a_raised_cap_counts_from_the_next_frame() {
        let mut cutter = Cutter::new(16);
        assert!(matches!(cutter.cut(&mut stream(17, 17)), Cut::BadLength(17)));
        cutter.set_cap(17);
        assert!(matches!(cutter.cut(&mut stream(17, 17)), Cut::Frame(_)));
    }
}
