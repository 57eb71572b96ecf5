//! The account that both sides' scripts keep of their session: the peer's requests, what the shell
//! handed over and has to come back, the session's own requests, and that it ends once.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use smpp::{CommandId, Frame, Header};

use crate::peer::{Incoming, Requests, written};

pub(crate) struct Books {
    pub(crate) now: Instant,
    pub(crate) closed: bool,
    /// The peer's bind waits for the shell's verdict.
    pub(crate) binding: bool,
    pub(crate) windows: Windows,
    pub(crate) requests: Requests,
    /// What the shell handed over and has not come back.
    tokens: HashSet<u64>,
    tokens_given: u64,
    /// Sequence numbers of our requests.
    ours: Vec<u32>,
}

/// How many requests without an answer there may be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Windows {
    /// The peer's that the shell holds.
    pub(crate) held: usize,
    /// The shell's that the session has.
    pub(crate) out: usize,
}

impl Windows {
    /// Small, so that they fill up.
    pub(crate) fn small(held: u8, out: u8) -> Self {
        Self { held: usize::from(held % 8), out: usize::from(out % 8) }
    }
}

/// What the books keep of an event.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    Frame(Header),
    BadLength,
    /// The shell hands over what has this token.
    Over(u64),
    /// The shell answers the request of this sequence number.
    Answer(u32),
    Other,
}

impl Books {
    pub(crate) fn new(windows: Windows) -> Self {
        Self {
            now: Instant::now(),
            closed: false,
            binding: false,
            windows,
            requests: Requests::default(),
            tokens: HashSet::new(),
            tokens_given: 0,
            ours: Vec::new(),
        }
    }

    pub(crate) fn frame(&self, incoming: Incoming) -> Frame {
        incoming.frame(&self.ours)
    }

    /// A token for what the shell will hand over.
    pub(crate) fn token(&mut self) -> u64 {
        self.tokens_given += 1;
        self.tokens_given
    }

    /// To the session's next timer; never back.
    pub(crate) fn until(&mut self, deadline: Option<Instant>) {
        self.now = deadline.map_or(self.now, |deadline| self.now.max(deadline));
    }

    pub(crate) fn later(&mut self, ms: u16) {
        self.now += Duration::from_millis(ms.into());
    }

    /// Before the session has the event.
    pub(crate) fn enter(&mut self, entry: Entry) {
        match entry {
            Entry::Frame(header) if !self.closed => self.requests.came(&header),
            Entry::Over(token) => _ = self.tokens.insert(token),
            _ => {}
        }
    }

    pub(crate) fn back(&mut self, token: u64) {
        assert!(self.tokens.remove(&token), "what was handed over comes back once");
    }

    pub(crate) fn close(&mut self) {
        assert!(!self.closed, "it ends once");
        self.closed = true;
    }

    /// `bad_length`: the event was one.
    pub(crate) fn read(&mut self, output: &mut BytesMut, bad_length: bool) {
        for header in written(output) {
            if !header.id.is_response() {
                assert_eq!(header.status, 0);
                self.ours.push(header.sequence);
            } else if bad_length {
                assert_eq!((header.id, header.sequence), (CommandId::GenericNack, 0));
            } else {
                self.requests.answered(&header);
            }
        }
    }

    /// After the shell's answer: it is not asked for again.
    pub(crate) fn answered(&self, sequence: u32) {
        assert!(self.closed || !self.requests.is_held(sequence));
    }

    /// After every event. `room`: how many more the session would take from the shell.
    pub(crate) fn settle(&mut self, room: usize, deadline: Option<Instant>) {
        let out = self.tokens.len();
        if self.closed {
            assert!(out == 0 && room == 0);
            return assert!(deadline.is_none());
        }
        self.requests.settle(self.binding);
        assert!(self.requests.held_count() <= self.windows.held);
        assert!(out <= self.windows.out);
        assert!(room == 0 || room == self.windows.out - out);
        assert!(self.binding || deadline.is_some(), "no session without a timer");
    }
}
