//! Any stream, in any pieces, under any cap: frames are the stream's own octets, in order, and the
//! pieces in which it came make no difference.
//!
//! Input: cap (four octets), size of the pieces (one), stream.

use bytes::BytesMut;
use smpp::{
    Cutter, Header,
    frame::{Cut, HEADER_LEN},
};

pub fn check(input: &[u8]) {
    let Some((&[a, b, c, d, piece], stream)) = input.split_first_chunk() else { return };
    let cap = u32::from_be_bytes([a, b, c, d]);
    let whole = cut_in_pieces(cap, stream, stream.len());
    let pieces = cut_in_pieces(cap, stream, usize::from(piece));
    assert_eq!(whole, pieces, "the pieces make no difference");
    whole.check(cap, stream);
}

#[derive(Debug, PartialEq)]
struct Outcome {
    frames: Vec<(Header, Vec<u8>)>,
    bad_length: Option<u32>,
}

fn cut_in_pieces(cap: u32, stream: &[u8], piece: usize) -> Outcome {
    let cutter = Cutter::new(cap);
    let mut outcome = Outcome { frames: Vec::new(), bad_length: None };
    let mut buffer = BytesMut::new();
    for piece in stream.chunks(piece.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            let capacity = buffer.capacity();
            match cutter.cut(&mut buffer) {
                Cut::NeedMore => break,
                Cut::Frame(frame) => outcome.frames.push((frame.header, frame.body.to_vec())),
                Cut::BadLength(length) => {
                    outcome.bad_length = Some(length);
                    return outcome;
                }
            }
            assert!(buffer.capacity() <= capacity, "nothing is allocated from a length");
        }
    }
    outcome
}

impl Outcome {
    fn check(&self, cap: u32, stream: &[u8]) {
        let mut rest = stream;
        for (header, body) in &self.frames {
            let length = header.length as usize;
            assert!(length >= HEADER_LEN && header.length <= cap);
            let (head, after) = rest.split_at(HEADER_LEN);
            assert_eq!(head[..4], header.length.to_be_bytes());
            assert_eq!(head[4..8], u32::from(header.id).to_be_bytes());
            assert_eq!(head[8..12], header.status.to_be_bytes());
            assert_eq!(head[12..], header.sequence.to_be_bytes());
            let (octets, after) = after.split_at(length - HEADER_LEN);
            assert_eq!(octets, body);
            rest = after;
        }
        let length = rest.first_chunk().map(|octets| u32::from_be_bytes(*octets));
        let impossible = length.filter(|length| *length < HEADER_LEN as u32 || *length > cap);
        assert_eq!(self.bad_length, impossible);
        if let (Some(length), None) = (length, self.bad_length) {
            assert!((length as usize) > rest.len(), "a whole frame was left behind");
        }
    }
}
