//! What both sides of a session share: output, sequence numbers, timers, and how it ends.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rusmpp::{CommandStatus, session::SessionState};

use super::{
    CloseReason,
    timer::{Timer, Timers},
    window::Sequence,
};
use crate::{
    Header,
    pdu::{EncodeError, Pdu, encode, reject},
};

/// How far the session has come on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Nothing new is taken; what waits for an answer gets it.
    Draining(Asked),
    /// Our `unbind` has gone out under this sequence number.
    Unbinding(u32),
    Closed,
}

/// Who wants the session to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    ByUs,
    /// By `unbind` with this sequence number, answered when the window is empty.
    ByPeer(u32),
}

pub(super) struct Link {
    pub(super) output: BytesMut,
    pub(super) state: SessionState,
    pub(super) timers: Timers,
    pub(super) sequence: Sequence,
    pub(super) phase: Phase,
    pub(super) enquire_link_interval: Duration,
    pub(super) response_deadline: Duration,
    pub(super) drain_deadline: Duration,
}

impl Link {
    pub(super) fn new(interval: Duration, response: Duration, drain: Duration) -> Self {
        Self {
            output: BytesMut::new(),
            state: SessionState::Open,
            timers: Timers::default(),
            sequence: Sequence::new(),
            phase: Phase::Running,
            enquire_link_interval: interval,
            response_deadline: response,
            drain_deadline: drain,
        }
    }

    /// Any whole frame of a peer that has bound shows that it lives.
    pub(super) fn framed(&mut self, now: Instant) {
        if self.state.is_bound() || self.state == SessionState::Unbound {
            self.heard(now);
        }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.timers.stop(Timer::EnquireLink);
        self.timers.set(Timer::Idle, now.checked_add(self.enquire_link_interval));
    }

    /// Writes a request; the answer will bear the number that is returned.
    pub(super) fn request(&mut self, pdu: &Pdu) -> Result<u32, EncodeError> {
        let sequence = self.sequence.take();
        encode(&mut self.output, CommandStatus::EsmeRok, sequence, pdu)?;
        Ok(sequence)
    }

    /// Writes a PDU without a body; it always fits.
    pub(super) fn bodyless(&mut self, sequence: u32, pdu: &Pdu) {
        let _fits = encode(&mut self.output, CommandStatus::EsmeRok, sequence, pdu);
    }

    fn enquire(&mut self, now: Instant) {
        let sequence = self.sequence.take();
        self.bodyless(sequence, &Pdu::EnquireLink);
        self.timers.set(Timer::EnquireLink, now.checked_add(self.response_deadline));
    }

    fn drain(&mut self, asked: Asked, now: Instant) {
        self.phase = Phase::Draining(asked);
        self.timers.set(Timer::Drain, now.checked_add(self.drain_deadline));
    }

    fn unbind(&mut self, now: Instant) {
        let sequence = self.sequence.take();
        self.bodyless(sequence, &Pdu::Unbind);
        self.state = SessionState::Unbound;
        self.phase = Phase::Unbinding(sequence);
        self.timers.stop(Timer::Drain);
        self.timers.set(Timer::Unbind, now.checked_add(self.response_deadline));
    }

    /// The peer's `unbind`: answered when the windows are empty.
    pub(super) fn unbind_asked(&mut self, header: &Header, now: Instant) {
        match self.phase {
            Phase::Unbinding(_) => self.bodyless(header.sequence, &Pdu::UnbindResp),
            Phase::Running | Phase::Draining(Asked::ByUs) if self.state.is_bound() => {
                self.state = SessionState::Unbound;
                self.drain(Asked::ByPeer(header.sequence), now);
            }
            _ => reject(&mut self.output, header, CommandStatus::EsmeRinvbndsts),
        }
    }

    /// Our own wish to end. Whoever is not bound is not taken leave of: close with this reason.
    #[must_use]
    pub(super) fn shutdown(&mut self, now: Instant) -> Option<CloseReason> {
        if self.phase != Phase::Running {
            return None;
        }
        if !self.state.is_bound() {
            return Some(CloseReason::Unbound);
        }
        self.drain(Asked::ByUs, now);
        None
    }

    /// The step after draining; close with `reason`, if one is returned: it was the peer's wish.
    #[must_use]
    pub(super) fn finish(&mut self, reason: CloseReason, now: Instant) -> Option<CloseReason> {
        match self.phase {
            Phase::Draining(Asked::ByUs) => {
                self.unbind(now);
                None
            }
            Phase::Draining(Asked::ByPeer(sequence)) => {
                self.bodyless(sequence, &Pdu::UnbindResp);
                Some(reason)
            }
            _ => None,
        }
    }

    /// What is due by `timer`: close with the reason that is returned. Responses are the machine's.
    #[must_use]
    pub(super) fn due(&mut self, timer: Timer, now: Instant) -> Option<CloseReason> {
        match timer {
            Timer::Response => None,
            Timer::Bind => Some(CloseReason::BindDeadline),
            Timer::EnquireLink => Some(CloseReason::PeerSilent),
            Timer::Unbind => Some(CloseReason::UnbindDeadline),
            Timer::Drain => self.finish(CloseReason::UnbindDeadline, now),
            Timer::Idle => {
                self.enquire(now);
                None
            }
        }
    }

    /// Answers a `command_length` that cannot be true; nothing of that PDU is known.
    pub(super) fn bad_length(&mut self) {
        let status = CommandStatus::EsmeRinvcmdlen;
        let _fits = encode(&mut self.output, status, 0, &Pdu::GenericNack);
    }

    pub(super) fn close(&mut self) {
        self.phase = Phase::Closed;
        self.state = SessionState::Closed;
        self.timers.stop_all();
    }
}

/// The output holds messages and passwords: only its length is shown.
impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Link")
            .field("output_octets", &self.output.len())
            .field("state", &self.state)
            .field("timers", &self.timers)
            .field("sequence", &self.sequence)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
