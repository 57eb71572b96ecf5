//! The account that both sides' scripts keep of their session: the peer's requests, what the shell
//! handed over and has to come back, the session's own requests, and that it ends once.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use smpp::{CommandId, Frame};

use crate::peer::{Incoming, Requests, written};

/// Each open request of ours may have its own deadline (7), each other timer of the session one (5).
pub(crate) const TIMERS_MAX: usize = 12;

pub(crate) struct Books {
    pub(crate) now: Instant,
    pub(crate) closed: bool,
    pub(crate) requests: Requests,
    /// What the shell handed over and has not come back.
    tokens: HashSet<u64>,
    tokens_given: u64,
    /// Sequence numbers of our requests.
    ours: Vec<u32>,
}

impl Books {
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::now(),
            closed: false,
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

    pub(crate) fn over(&mut self, token: u64) {
        self.tokens.insert(token);
    }

    pub(crate) fn back(&mut self, token: u64) {
        assert!(self.tokens.remove(&token), "what was handed over comes back once");
    }

    pub(crate) fn out(&self) -> usize {
        self.tokens.len()
    }

    /// To the session's next timer; never back.
    pub(crate) fn until(&mut self, deadline: Option<Instant>) {
        self.now = deadline.map_or(self.now, |deadline| self.now.max(deadline));
    }

    pub(crate) fn later(&mut self, ms: u16) {
        self.now += Duration::from_millis(ms.into());
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

    /// After the shell's answer, if the event was one: it is not asked for again.
    pub(crate) fn answered(&self, sequence: Option<u32>) {
        assert!(sequence.is_none_or(|sequence| self.closed || !self.requests.is_held(sequence)));
    }
}
