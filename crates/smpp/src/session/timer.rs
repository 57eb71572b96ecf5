//! The timers of a session: one enum, one table.

use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The bind has not come, or its answer has not.
    Bind,
    /// Nothing was heard of the peer for the interval: ask.
    Idle,
    /// The peer has not answered `enquire_link`.
    EnquireLink,
    /// The oldest request in the window has not been answered.
    Response,
    /// The window has not emptied.
    Drain,
    /// The peer has not answered `unbind`.
    Unbind,
}

const ALL: [Timer; 6] =
    [Timer::Bind, Timer::Idle, Timer::EnquireLink, Timer::Response, Timer::Drain, Timer::Unbind];

#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; ALL.len()]);

impl Timers {
    pub(super) const fn set(&mut self, timer: Timer, at: Option<Instant>) {
        self.0[timer as usize] = at;
    }

    pub(super) const fn stop(&mut self, timer: Timer) {
        self.set(timer, None);
    }

    pub(super) fn stop_all(&mut self) {
        *self = Self::default();
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one timer that is due; it no longer runs.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let due = |timer: &Timer| self.0[*timer as usize].is_some_and(|at| at <= now);
        let timer = ALL.into_iter().find(due)?;
        self.stop(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_timer_has_its_own_place_and_is_taken_once() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for (seconds, timer) in (1..).zip(ALL) {
            timers.set(timer, Some(start + Duration::from_secs(seconds)));
        }
        for (seconds, timer) in (1..).zip(ALL) {
            let at = start + Duration::from_secs(seconds);
            assert_eq!(timers.next(), Some(at));
            assert_eq!(timers.take_due(at), Some(timer));
            assert_eq!(timers.take_due(at), None);
        }
        assert_eq!(timers.next(), None);
    }
}
